/* The library under `make bench`: a factory whose handlers do nothing but
 * answer, as in peer_grpc_cpp.cc, byte for byte; the frame to transmit comes
 * from the command line. Or a channel that answers the same, with the message
 * from there. Every limit and check is as by default. */

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

/* --- the same as a channel ------------------------------------------------ */

static int connected(anycable_connection *connection, void *ctx) {
  (void)ctx;
  return anycable_connection_identify(connection, "user", ANYCABLE_STR("jack"));
}

/* An action that reads what was said, as any would. */
static int speak(anycable_channel *chat, anycable_str data, void *ctx) {
  const anycable_str *message = ctx;
  (void)data;
  if (anycable_channel_data_string(chat, "text").len == 0)
    return anycable_channel_fail(chat, "nothing was said");
  return anycable_channel_transmit(chat, *message);
}

static void add_channel(anycable_app *app, anycable_str *message) {
  anycable_channel_class *chat = anycable_app_channel(app, "ChatChannel");
  anycable_app_on_connect(app, connected, NULL);
  anycable_channel_class_on_action(chat, "speak", speak, message);
}

/* --- the program ---------------------------------------------------------- */

static anycable_server *server;

static void stop(int sig) {
  (void)sig;
  anycable_server_request_stop(server);
}

/* Wrong settings are kept by |config|, and told by anycable_server_new(). */
static bool parse(int argc, char **argv, anycable_config *config,
                  anycable_str *frame, anycable_str *message) {
  const char *cert = NULL, *key = NULL;
  for (int i = 1; i + 1 < argc; i += 2) {
    const char *value = argv[i + 1];
    if (strcmp(argv[i], "--address") == 0)
      anycable_config_set_rpc_host(config, value);
    else if (strcmp(argv[i], "--frame") == 0)
      *frame = anycable_str_of(value);
    else if (strcmp(argv[i], "--message") == 0)
      *message = anycable_str_of(value);
    else if (strcmp(argv[i], "--workers") == 0)
      anycable_config_set_workers(config, atoi(value));
    else if (strcmp(argv[i], "--broadcast") == 0)
      anycable_config_set(config, ANYCABLE_SETTING_BROADCAST_ADAPTER, value);
    else if (strcmp(argv[i], "--mount") == 0)
      anycable_config_set(config, ANYCABLE_SETTING_HTTP_RPC_MOUNT_PATH, value);
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
  anycable_str message = {NULL, 0};
  anycable_app *app = anycable_app_new();
  anycable_config *config = anycable_config_new();
  if (!parse(argc, argv, config, &frame, &message)) {
    fprintf(stderr,
            "usage: %s [--address A] [--frame JSON | --message JSON] "
            "[--workers N] "
            "[--broadcast ADAPTERS] [--mount PATH] [--cert FILE --key FILE]\n",
            argv[0]);
    return 2;
  }
  if (message.len > 0)
    add_channel(app, &message);
  else
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
