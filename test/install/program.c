/* A user's program, built from what is installed, as C and as C++: serves for
 * a moment, and stops. */
#include <anycable.h>
#include <stdio.h>
#include <string.h>

static void *create(anycable_socket *socket, anycable_str identifiers,
                    const anycable_str *subscriptions, size_t count,
                    void *ctx) {
  (void)identifiers, (void)subscriptions, (void)count, (void)ctx;
  return socket;
}

static int handle(void *session) {
  return session ? ANYCABLE_DONE : ANYCABLE_REJECT;
}

static int handle_command(void *session, anycable_str identifier,
                          anycable_str command, anycable_str data) {
  (void)identifier, (void)command, (void)data;
  return handle(session);
}

static int serve(anycable_app *app, anycable_config *config) {
  anycable_server *server;
  if (anycable_server_new(&server, app, config) != ANYCABLE_OK) {
    fprintf(stderr, "%s\n", anycable_app_error(app));
    return 1;
  }
  const char *address = anycable_server_address(server, 0);
  int failed = strncmp(address, "127.0.0.1:", 10) != 0 ||
               anycable_server_start(server) != ANYCABLE_OK ||
               anycable_server_stop(server, 10000) != ANYCABLE_OK;
  anycable_server_free(server);
  return failed;
}

int main(void) {
  static anycable_session_ops ops;
  ops.size = sizeof(ops);
  ops.create = create;
  ops.handle_open = ops.handle_close = handle;
  ops.handle_channel_command = handle_command;
  if (strcmp(anycable_version(), ANYCABLE_VERSION_STRING) != 0)
    return 2;
  anycable_app *app = anycable_app_new();
  anycable_config *config = anycable_config_new();
  anycable_app_set_factory(app, &ops, NULL, NULL);
  anycable_config_set_rpc_host(config, "127.0.0.1:0");
  int status = serve(app, config);
  anycable_config_free(config);
  anycable_app_free(app);
  return status;
}
