/* The server in a GLib main loop, as in a GTK or GStreamer program, with a
 * timer and signals of the loop's own. meter.h has what it serves, loop_poll.c
 * how to look at it.
 *
 *     build/examples/loop_glib
 *     anycable-go --broadcast_adapter=redis
 */
#include "meter.h"

#include <glib-unix.h>

static anycable_app *app;
static anycable_server *server;
static int result;

/* The server's one descriptor is readable. */
static gboolean on_ready(gint fd, GIOCondition condition, gpointer loop) {
  (void)fd, (void)condition;
  result = anycable_server_dispatch(server);
  if (result == ANYCABLE_OK)
    return G_SOURCE_CONTINUE;
  g_main_loop_quit(loop); /* it was stopped, and has drained */
  return G_SOURCE_REMOVE;
}

static gboolean on_timer(gpointer arg) {
  (void)arg;
  meter_tick(app);
  return G_SOURCE_CONTINUE;
}

static gboolean on_signal(gpointer arg) {
  (void)arg;
  anycable_server_request_stop(server);
  return G_SOURCE_CONTINUE;
}

int main(int argc, char **argv) {
  app = anycable_app_new();
  meter_register(app);
  server = meter_server(app, argc, argv);
  if (!server) {
    anycable_app_free(app);
    return 1;
  }

  GMainLoop *loop = g_main_loop_new(NULL, FALSE);
  g_unix_fd_add(anycable_server_fd(server), G_IO_IN, on_ready, loop);
  guint timer = g_timeout_add(200, on_timer, NULL);
  guint terminated = g_unix_signal_add(SIGTERM, on_signal, NULL);
  guint interrupted = g_unix_signal_add(SIGINT, on_signal, NULL);

  g_main_loop_run(loop);

  g_source_remove(timer);
  g_source_remove(terminated);
  g_source_remove(interrupted);
  g_main_loop_unref(loop);
  anycable_server_free(server);
  anycable_app_free(app);
  return result == ANYCABLE_CLOSED ? 0 : 1;
}
