/* The server in a libevent loop, with a timer and signals of the loop's own.
 * meter.h has what it serves, loop_poll.c how to look at it.
 *
 *     build/examples/loop_libevent
 *     anycable-go --broadcast_adapter=redis
 */
#include "meter.h"

#include <event2/event.h>
#include <signal.h>

static anycable_app *app;
static anycable_server *server;
static int result;

/* The server's one descriptor is readable. */
static void on_ready(evutil_socket_t fd, short what, void *base) {
  (void)fd, (void)what;
  result = anycable_server_dispatch(server);
  if (result != ANYCABLE_OK) /* it was stopped, and has drained */
    event_base_loopbreak(base);
}

static void on_timer(evutil_socket_t fd, short what, void *arg) {
  (void)fd, (void)what, (void)arg;
  meter_tick(app);
}

static void on_signal(evutil_socket_t signal, short what, void *arg) {
  (void)signal, (void)what, (void)arg;
  anycable_server_request_stop(server);
}

int main(int argc, char **argv) {
  app = anycable_app_new();
  meter_register(app);
  server = meter_server(app, argc, argv);
  if (!server) {
    anycable_app_free(app);
    return 1;
  }

  struct event_base *base = event_base_new();
  struct event *events[] = {
      event_new(base, anycable_server_fd(server), EV_READ | EV_PERSIST,
                on_ready, base),
      event_new(base, -1, EV_PERSIST, on_timer, NULL),
      evsignal_new(base, SIGTERM, on_signal, NULL),
      evsignal_new(base, SIGINT, on_signal, NULL),
  };
  struct timeval interval = {.tv_usec = 200 * 1000};
  event_add(events[0], NULL);
  event_add(events[1], &interval);
  event_add(events[2], NULL);
  event_add(events[3], NULL);

  event_base_dispatch(base);

  for (size_t i = 0; i < sizeof events / sizeof *events; i++)
    event_free(events[i]);
  event_base_free(base);
  anycable_server_free(server);
  anycable_app_free(app);
  return result == ANYCABLE_CLOSED ? 0 : 1;
}
