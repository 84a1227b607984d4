/* The command-line tool: finds the command that is asked for and runs it. */
#include "command.h"

#include <anycable.h>
#include <signal.h>
#include <string.h>

static const struct command *const commands[] = {
    &call_command, &health_command, &broadcast_command, &disconnect_command,
    &sign_command, &verify_command, &jwt_command,       &secret_command};
enum { COMMAND_COUNT = sizeof commands / sizeof commands[0] };

static void print_help(void) {
  printf("usage: anycable COMMAND [ARGUMENT]...\n"
         "       anycable --version | --help\n\n"
         "Talks to a backend of AnyCable as AnyCable's WebSocket server "
         "does.\n\ncommands:\n");
  for (int i = 0; i < COMMAND_COUNT; i++)
    printf("  %-12s %s\n", commands[i]->name, commands[i]->summary);
  printf("\n\"anycable COMMAND --help\" tells more, with an example.\n");
}

static int print_version(void) {
  printf("anycable %s\n%s\n", anycable_version(), anycable_build_info());
  return EXIT_DONE;
}

static int unknown_command(const char *name) {
  if (name)
    fprintf(stderr, "anycable: unknown command \"%s\"", name);
  else
    fprintf(stderr, "anycable: a command is missing");
  fprintf(stderr, "; there are");
  for (int i = 0; i < COMMAND_COUNT; i++)
    fprintf(stderr, "%s %s", i ? "," : "", commands[i]->name);
  fprintf(stderr, "\nSee \"anycable --help\".\n");
  return EXIT_USAGE;
}

static int run(char **argv) {
  const char *name = argv[1];

  if (!name)
    return unknown_command(NULL);
  if (strcmp(name, "--version") == 0)
    return print_version();
  if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
    print_help();
    return EXIT_DONE;
  }
  for (int i = 0; i < COMMAND_COUNT; i++)
    if (strcmp(name, commands[i]->name) == 0) {
      struct args args = {.command = commands[i], .argv = argv + 2};
      return commands[i]->run(&args);
    }
  return unknown_command(name);
}

int main(int argc, char **argv) {
  int status;

  /* A peer that hangs up is reported, and not the end of us. */
  signal(SIGPIPE, SIG_IGN);
  status = argc > 0 ? run(argv) : unknown_command(NULL);
  if (fflush(stdout) != 0 || ferror(stdout)) {
    perror("anycable: standard output");
    return EXIT_NO_ANSWER;
  }
  return status;
}
