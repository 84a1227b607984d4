/* The library under `make bench`: a factory whose handlers do nothing but
 * answer, as in peer_grpc_cpp.cc, byte for byte; the frame to transmit comes
 * from the command line. Every limit and check is as by default. */

#define _POSIX_C_SOURCE 200809L

#include <anycable.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct session {
  anycable_socket *socket;
  const anycable_str *frame;
};

static void *session_create(anycable_socket *socket, anycable_str identifiers,
                            const anycable_str *subscriptions, size_t count,
                            void *ctx) {
  (void)identifiers, (void)subscriptions, (void)count;
  struct session *session = anycable_socket_alloc(socket, sizeof(*session));
  if (session) {
    session->socket = socket;
    session->frame = ctx;
  }
  return session;
}

static int session_open(void *arg) {
  const struct session *session = arg;
  return anycable_socket_transmit(session->socket,
                                  ANYCABLE_STR("{\"type\":\"welcome\"}"));
}

static int session_close(void *arg) {
  (void)arg;
  return ANYCABLE_DONE;
}

static int session_command(void *arg, anycable_str identifier,
                           anycable_str command, anycable_str data) {
  (void)identifier, (void)command, (void)data;
  const struct session *session = arg;
  return anycable_socket_transmit(session->socket, *session->frame);
}

static anycable_str session_identifiers(void *arg) {
  (void)arg;
  return ANYCABLE_STR("{\"user\":\"jack\"}");
}

static const anycable_session_ops ops = {
    .size = sizeof(anycable_session_ops),
    .create = session_create,
    .handle_open = session_open,
    .handle_close = session_close,
    .handle_channel_command = session_command,
    .identifiers_json = session_identifiers,
};

static anycable_server *server;

static void stop(int sig) {
  (void)sig;
  anycable_server_request_stop(server);
}

/* Wrong settings are kept by |config|, and told by anycable_server_new(). */
static bool parse(int argc, char **argv, anycable_config *config,
                  anycable_str *frame) {
  const char *cert = NULL, *key = NULL;
  for (int i = 1; i + 1 < argc; i += 2) {
    const char *value = argv[i + 1];
    if (strcmp(argv[i], "--address") == 0)
      anycable_config_set_rpc_host(config, value);
    else if (strcmp(argv[i], "--frame") == 0)
      *frame = anycable_str_of(value);
    else if (strcmp(argv[i], "--workers") == 0)
      anycable_config_set_workers(config, atoi(value));
    else if (strcmp(argv[i], "--cert") == 0)
      cert = value;
    else if (strcmp(argv[i], "--key") == 0)
      key = value;
    else
      return false;
  }
  if (cert)
    anycable_config_set_rpc_tls(config, cert, key);
  return argc % 2 == 1;
}

int main(int argc, char **argv) {
  anycable_str frame = ANYCABLE_STR("{}");
  anycable_app *app = anycable_app_new();
  anycable_config *config = anycable_config_new();
  if (!parse(argc, argv, config, &frame)) {
    fprintf(stderr,
            "usage: %s [--address A] [--frame JSON] [--workers N] "
            "[--cert FILE --key FILE]\n",
            argv[0]);
    return 2;
  }
  anycable_app_set_factory(app, &ops, &frame, NULL);
  if (anycable_server_new(&server, app, config) != ANYCABLE_OK) {
    fprintf(stderr, "%s: %s\n", argv[0], anycable_app_error(app));
    return 1;
  }
  anycable_config_free(config);

  const struct sigaction action = {.sa_handler = stop};
  sigaction(SIGTERM, &action, NULL);
  sigaction(SIGINT, &action, NULL);

  int result = anycable_server_run(server);
  if (result != ANYCABLE_OK)
    fprintf(stderr, "%s: %s\n", argv[0], anycable_server_error(server));
  anycable_server_free(server);
  anycable_app_free(app);
  return result == ANYCABLE_OK ? 0 : 1;
}
