/* A service with a main() of its own, and no thread of the library's for calls:
 * the server runs in the service's loop, here one around poll(). The service
 * has a timer in the same loop; meter.h has what it serves.
 *
 *     build/examples/loop_poll
 *     anycable-go --broadcast_adapter=redis
 *
 * and in a browser, with the client @rails/actioncable:
 *
 *     const consumer = createConsumer('ws://localhost:8080/cable')
 *     const meter = consumer.subscriptions.create('MeterChannel',
 *       { received: (level) => console.log(level) })
 *     meter.perform('reset')
 */
#include "meter.h"

#include <poll.h>
#include <signal.h>
#include <time.h>

static anycable_server *server;

/* This one function may be called in a signal handler. The server drains, and
 * then dispatch says that it is closed; a second signal does not wait. */
static void on_signal(int signal) {
  (void)signal;
  anycable_server_request_stop(server);
}

static int64_t now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int main(int argc, char **argv) {
  /* Set up: a configuration, if only from what the service itself wants. */
  anycable_config *config = anycable_config_new();
  anycable_config_load_env(config);
  anycable_config_load_args(config, &argc, argv);

  /* What it does, in meter.h: callbacks, as for anycable_main(). */
  anycable_app *app = anycable_app_new();
  meter_register(app);

  /* Whatever was wrong until here is told by this. */
  if (anycable_server_new(&server, app, config) != ANYCABLE_OK) {
    fprintf(stderr, "loop_poll: %s\n", anycable_app_error(app));
    anycable_app_free(app);
    anycable_config_free(config);
    return 1;
  }
  anycable_config_free(config);
  signal(SIGTERM, on_signal);
  signal(SIGINT, on_signal);
  printf("listening on %s\n", anycable_server_address(server, 0));
  fflush(stdout);

  /* One descriptor stands for all of the server's sockets and timers. A
   * service would have its own in the same array. */
  struct pollfd ours = {anycable_server_fd(server), POLLIN, 0};
  int64_t tick = now_ms();
  int result;
  while ((result = anycable_server_dispatch(server)) == ANYCABLE_OK) {
    int64_t wait = tick - now_ms();
    if (wait <= 0) {
      meter_tick(app);
      tick += 200;
    } else {
      poll(&ours, 1, (int)wait);
    }
  }

  anycable_server_free(server);
  anycable_app_free(app); /* sends what was published */
  return result == ANYCABLE_CLOSED ? 0 : 1;
}
