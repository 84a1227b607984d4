// The AnyCable server that the end-to-end tests and the demo run, pinned by
// go.mod. It is the server's own command line without its telemetry.
package main

import (
	"fmt"
	"os"

	"github.com/anycable/anycable-go/cli"
)

func run() error {
	config, err, done := cli.NewConfigFromCLI(os.Args)
	if err != nil || done {
		return err
	}
	runner, err := cli.NewRunner(config, []cli.Option{
		cli.WithName("AnyCable"),
		cli.WithDefaultRPCController(),
		cli.WithDefaultBroker(),
		cli.WithDefaultSubscriber(),
		cli.WithDefaultBroadcaster(),
	})
	if err != nil {
		return err
	}
	return runner.Run()
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
