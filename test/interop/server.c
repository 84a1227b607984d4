/* The server that other gRPC implementations are tried against: a factory on
 * the public header, each of whose commands makes the library do one thing.
 * The data that comes with a command is its argument. */

#define _POSIX_C_SOURCE 200809L

#include <anycable.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static anycable_server *server;

/* What "counters" tells, so that clients can wait for what they cannot see. */
static atomic_int held, cancelled, slow, disconnects;

/* --- commands ------------------------------------------------------------ */

static int do_echo(anycable_socket *socket, anycable_str data) {
  anycable_str text = anycable_socket_quote(socket, data);
  return anycable_socket_transmit(
      socket, anycable_socket_format(socket, "{\"data\":%s}", text.ptr));
}

static int do_length(anycable_socket *socket, anycable_str data) {
  return anycable_socket_transmit(
      socket, anycable_socket_format(socket, "{\"length\":%zu}", data.len));
}

/* A frame of as many bytes as |data| says. */
static int do_reply(anycable_socket *socket, anycable_str data) {
  static const char head[] = "{\"pad\":\"", tail[] = "\"}";
  size_t size = strtoul(data.ptr, NULL, 10);
  size_t around = sizeof(head) - 1 + sizeof(tail) - 1;
  if (size < around)
    return ANYCABLE_ERR_INVALID;
  char *frame = malloc(size);
  if (!frame)
    return ANYCABLE_ERR_NOMEM;
  memset(frame, 'x', size);
  memcpy(frame, head, sizeof(head) - 1);
  memcpy(frame + size - (sizeof(tail) - 1), tail, sizeof(tail) - 1);
  int result = anycable_socket_transmit(socket, (anycable_str){frame, size});
  free(frame);
  return result;
}

static int do_metadata(anycable_socket *socket, anycable_str data) {
  (void)data;
  const anycable_request *request = anycable_socket_request(socket);
  anycable_str blob = anycable_request_metadata(request, "x-blob-bin");
  char hex[65] = "";
  for (size_t i = 0; i < blob.len && i < 32; i++)
    snprintf(hex + 2 * i, 3, "%02x", (unsigned char)blob.ptr[i]);
  anycable_str sid =
      anycable_socket_quote(socket, anycable_request_sid(request));
  anycable_str text = anycable_socket_quote(
      socket, anycable_request_metadata(request, "x-text"));
  anycable_str protov = anycable_request_metadata(request, "protov");
  return anycable_socket_transmit(
      socket, anycable_socket_format(socket,
                                     "{\"sid\":%s,\"protov\":\"%s\","
                                     "\"x-text\":%s,\"x-blob-bin\":\"%s\"}",
                                     sid.ptr, protov.ptr, text.ptr, hex));
}

static int do_error(anycable_socket *socket, anycable_str data) {
  return anycable_socket_fail(socket, "%s", data.ptr);
}

static int do_reject(anycable_socket *socket, anycable_str data) {
  (void)socket, (void)data;
  return ANYCABLE_REJECT;
}

/* Occupies a worker for as many milliseconds as |data| says. */
static int do_slow(anycable_socket *socket, anycable_str data) {
  long ms = strtol(data.ptr, NULL, 10);
  struct timespec left = {ms / 1000, ms % 1000 * 1000000};
  atomic_fetch_add(&slow, 1);
  while (nanosleep(&left, &left) != 0)
    continue;
  return do_echo(socket, data);
}

static void on_cancel(anycable_deferred *deferred, void *ctx) {
  (void)ctx;
  atomic_fetch_add(&cancelled, 1);
  anycable_deferred_free(deferred);
}

/* Never answers. */
static int do_hold(anycable_socket *socket, anycable_str data) {
  (void)data;
  anycable_deferred *deferred = anycable_socket_defer(socket);
  if (!deferred)
    return ANYCABLE_ERR_LIMIT;
  atomic_fetch_add(&held, 1);
  anycable_deferred_on_cancel(deferred, on_cancel, NULL);
  return ANYCABLE_PENDING;
}

static int do_counters(anycable_socket *socket, anycable_str data) {
  (void)data;
  return anycable_socket_transmit(
      socket,
      anycable_socket_format(socket,
                             "{\"held\":%d,\"cancelled\":%d,\"slow\":%d,"
                             "\"disconnects\":%d}",
                             atomic_load(&held), atomic_load(&cancelled),
                             atomic_load(&slow), atomic_load(&disconnects)));
}

static int do_drain(anycable_socket *socket, anycable_str data) {
  (void)socket, (void)data;
  anycable_server_request_stop(server);
  return ANYCABLE_DONE;
}

/* The outputs have errors of their own, which the call remembers. */
static int do_subscribe(anycable_socket *socket, anycable_str data) {
  anycable_str identifier =
      anycable_request_identifier(anycable_socket_request(socket));
  anycable_str before = anycable_socket_cstate(socket, "user");
  anycable_socket_subscribe(socket, identifier, data);
  anycable_socket_set_istate(socket, "room", data);
  anycable_socket_set_cstate(socket, "was", before);
  return anycable_socket_transmit(
      socket, ANYCABLE_STR("{\"type\":\"confirm_subscription\"}"));
}

static int do_unsubscribe(anycable_socket *socket, anycable_str data) {
  (void)data;
  return anycable_socket_unsubscribe_from_all(
      socket, anycable_request_identifier(anycable_socket_request(socket)));
}

static const struct {
  const char *name;
  int (*run)(anycable_socket *socket, anycable_str data);
} commands[] = {
    {"echo", do_echo},           {"length", do_length},
    {"reply", do_reply},         {"metadata", do_metadata},
    {"error", do_error},         {"reject", do_reject},
    {"slow", do_slow},           {"hold", do_hold},
    {"counters", do_counters},   {"drain", do_drain},
    {"subscribe", do_subscribe}, {"unsubscribe", do_unsubscribe},
};

/* --- the factory --------------------------------------------------------- */

/* The session object is the socket itself: nothing else is needed. */
static void *session_create(anycable_socket *socket, anycable_str identifiers,
                            const anycable_str *subscriptions, size_t count,
                            void *ctx) {
  (void)identifiers, (void)subscriptions, (void)count, (void)ctx;
  return socket;
}

static anycable_str user_of(anycable_socket *socket) {
  return anycable_request_query(anycable_socket_request(socket), "user");
}

static int session_open(void *arg) {
  anycable_socket *socket = arg;
  anycable_str user = user_of(socket);
  if (anycable_str_is(user, "nobody")) {
    anycable_socket_transmit(socket,
                             ANYCABLE_STR("{\"type\":\"disconnect\","
                                          "\"reason\":\"unauthorized\"}"));
    return ANYCABLE_REJECT;
  }
  anycable_socket_set_cstate(socket, "user", user);
  return anycable_socket_transmit(socket,
                                  ANYCABLE_STR("{\"type\":\"welcome\"}"));
}

static anycable_str session_identifiers(void *arg) {
  anycable_socket *socket = arg;
  anycable_str user = anycable_socket_quote(socket, user_of(socket));
  return anycable_socket_format(socket, "{\"user\":%s}", user.ptr);
}

/* Succeeds only for what Connect and "subscribe" made. */
static int session_close(void *arg) {
  anycable_socket *socket = arg;
  const anycable_request *request = anycable_socket_request(socket);
  if (anycable_request_subscription_count(request) != 2)
    return anycable_socket_fail(socket, "not two subscriptions");
  anycable_str first = anycable_request_subscription(request, 0);
  if (!anycable_str_is(anycable_request_identifiers(request),
                       "{\"user\":\"jack\"}") ||
      !anycable_str_is(anycable_socket_istate_of(socket, first, "room"),
                       "room 1"))
    return anycable_socket_fail(socket, "state was lost");
  atomic_fetch_add(&disconnects, 1);
  return ANYCABLE_DONE;
}

static int session_command(void *arg, anycable_str identifier,
                           anycable_str command, anycable_str data) {
  (void)identifier;
  for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
    if (anycable_str_is(command, commands[i].name))
      return commands[i].run(arg, data);
  return anycable_socket_fail(arg, "unknown command");
}

static const anycable_session_ops ops = {
    .size = sizeof(anycable_session_ops),
    .create = session_create,
    .handle_open = session_open,
    .handle_close = session_close,
    .handle_channel_command = session_command,
    .identifiers_json = session_identifiers,
};

/* --- the program --------------------------------------------------------- */

static void stop(int sig) {
  (void)sig;
  anycable_server_request_stop(server);
}

static void log_line(int level, const char *message, void *ctx) {
  fprintf(ctx, "%s: %s\n", anycable_log_level_name(level), message);
}

/* Wrong settings are kept by |config|, and told by anycable_server_new(). */
static bool parse(int argc, char **argv, anycable_config *config) {
  const char *cert = NULL, *key = NULL;
  for (int i = 1; i + 1 < argc; i += 2) {
    const char *value = argv[i + 1];
    if (strcmp(argv[i], "--address") == 0)
      anycable_config_set_rpc_host(config, value);
    else if (strcmp(argv[i], "--age") == 0)
      anycable_config_set_max_connection_age(config, atoi(value));
    else if (strcmp(argv[i], "--cert") == 0)
      cert = value;
    else if (strcmp(argv[i], "--key") == 0)
      key = value;
    else
      return false;
  }
  if (cert)
    anycable_config_set_rpc_tls(config, cert, key);
  anycable_config_set_log(config, log_line, stderr);
  anycable_config_set_log_level(config, ANYCABLE_LOG_DEBUG);
  return argc % 2 == 1;
}

int main(int argc, char **argv) {
  anycable_app *app = anycable_app_new();
  anycable_config *config = anycable_config_new();
  if (!parse(argc, argv, config)) {
    fprintf(stderr,
            "usage: %s [--address A] [--age SECONDS] "
            "[--cert FILE --key FILE]\n",
            argv[0]);
    return 2;
  }
  anycable_app_set_factory(app, &ops, NULL, NULL);
  if (anycable_server_new(&server, app, config) != ANYCABLE_OK) {
    fprintf(stderr, "%s: %s\n", argv[0], anycable_app_error(app));
    return 1;
  }
  anycable_config_free(config);

  const struct sigaction action = {.sa_handler = stop};
  sigaction(SIGTERM, &action, NULL);
  printf("%s\n", anycable_server_address(server, 0));
  fflush(stdout);

  int result = anycable_server_run(server);
  if (result != ANYCABLE_OK)
    fprintf(stderr, "%s: %s\n", argv[0], anycable_server_error(server));
  anycable_server_free(server);
  anycable_app_free(app);
  return result == ANYCABLE_OK ? 0 : 1;
}
