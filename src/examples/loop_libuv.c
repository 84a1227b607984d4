/* The server in a libuv loop, with a timer and signals of the loop's own.
 * meter.h has what it serves, loop_poll.c how to look at it.
 *
 *     build/examples/loop_libuv
 *     anycable-go --broadcast_adapter=redis
 */
#include "meter.h"

#include <uv.h>

static anycable_app *app;
static anycable_server *server;
static uv_poll_t ready;
static uv_timer_t timer;
static uv_signal_t terminated, interrupted;
static int result;

static void close_handle(uv_handle_t *handle, void *arg) {
  (void)arg;
  uv_close(handle, NULL);
}

/* The server's one descriptor is readable. */
static void on_ready(uv_poll_t *handle, int status, int events) {
  (void)status, (void)events;
  result = anycable_server_dispatch(server);
  if (result != ANYCABLE_OK) /* it was stopped, and has drained */
    uv_walk(handle->loop, close_handle, NULL);
}

static void on_timer(uv_timer_t *handle) {
  (void)handle;
  meter_tick(app);
}

static void on_signal(uv_signal_t *handle, int signal) {
  (void)handle, (void)signal;
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

  uv_loop_t loop;
  uv_loop_init(&loop);
  uv_poll_init(&loop, &ready, anycable_server_fd(server));
  uv_poll_start(&ready, UV_READABLE, on_ready);
  uv_timer_init(&loop, &timer);
  uv_timer_start(&timer, on_timer, 0, 200);
  uv_signal_init(&loop, &terminated);
  uv_signal_start(&terminated, on_signal, SIGTERM);
  uv_signal_init(&loop, &interrupted);
  uv_signal_start(&interrupted, on_signal, SIGINT);

  uv_run(&loop, UV_RUN_DEFAULT); /* until all handles are closed */

  uv_loop_close(&loop);
  anycable_server_free(server);
  anycable_app_free(app);
  return result == ANYCABLE_CLOSED ? 0 : 1;
}
