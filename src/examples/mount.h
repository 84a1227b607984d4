/* The service of the mount examples: a channel that says everything again, in a
 * server that listens nowhere, as the host's HTTP server does. */
#include <anycable.h>
#include <stdio.h>

static int mount_echo(anycable_channel *channel, anycable_str data, void *ctx) {
  (void)ctx;
  return anycable_channel_transmit(channel, data);
}

/* It runs, as the environment says; NULL, and standard error says why, if that
 * is not possible. Stop it before the HTTP server: all is answered then. */
static inline anycable_server *mount_server(void) {
  anycable_server *server = NULL;
  anycable_app *app = anycable_app_new();
  anycable_config *config = anycable_config_new();
  anycable_channel_class_on_receive(anycable_app_channel(app, "EchoChannel"),
                                    mount_echo, NULL);
  anycable_config_load_env(config);
  anycable_config_set_rpc_host(config, "none");
  anycable_config_set(config, ANYCABLE_SETTING_HTTP_RPC_MOUNT_PATH,
                      "/_anycable");
  if (anycable_server_new(&server, app, config) != ANYCABLE_OK ||
      anycable_server_start(server) != ANYCABLE_OK) {
    fprintf(stderr, "%s\n", anycable_app_error(app));
    anycable_server_free(server);
    server = NULL;
  }
  anycable_config_free(config);
  anycable_app_free(app); /* the server keeps what it needs */
  return server;
}

static inline void mount_wait(int port) {
  printf("listening on 127.0.0.1:%d\n", port);
  fflush(stdout);
  getchar(); /* until the end of standard input */
}
