/* The server under test: a factory whose behaviour the client chooses, so that
 * tests on raw frames can see what the library made of them.
 *
 * The first line on standard output has the addresses. Standard input is a
 * control channel beside the wire: "stats" is answered by a line of counters,
 * "release" wakes what "block" and "hold" have stopped, the end of input stops
 * the server hard. SIGTERM stops it gracefully, a second one hard. */
#include <anycable.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static const char *const limit_names[ANYCABLE_LIMIT_END] = {
    [ANYCABLE_LIMIT_MESSAGE] = "message",
    [ANYCABLE_LIMIT_REPLY] = "reply",
    [ANYCABLE_LIMIT_CALL_MEMORY] = "call_memory",
    [ANYCABLE_LIMIT_MEMORY] = "memory",
    [ANYCABLE_LIMIT_HEADERS] = "headers",
    [ANYCABLE_LIMIT_HEADER_COUNT] = "header_count",
    [ANYCABLE_LIMIT_CONNECTIONS] = "connections",
    [ANYCABLE_LIMIT_STREAMS] = "streams",
    [ANYCABLE_LIMIT_DEFERRED] = "deferred",
    [ANYCABLE_LIMIT_ELEMENTS] = "elements",
    [ANYCABLE_LIMIT_UNKNOWN_FIELDS] = "unknown_fields",
    [ANYCABLE_LIMIT_SINGULAR_REPEATS] = "singular_repeats",
    [ANYCABLE_LIMIT_JSON_DEPTH] = "json_depth",
    [ANYCABLE_LIMIT_CALL_TIME] = "call_time",
    [ANYCABLE_LIMIT_HANDSHAKE_TIME] = "handshake_time",
    [ANYCABLE_LIMIT_REQUEST_TIME] = "request_time",
    [ANYCABLE_LIMIT_SEND_TIME] = "send_time",
    [ANYCABLE_LIMIT_IDLE_TIME] = "idle_time",
    [ANYCABLE_LIMIT_AGE_GRACE] = "age_grace",
    [ANYCABLE_LIMIT_KEEPALIVE_TIME] = "keepalive_time",
    [ANYCABLE_LIMIT_KEEPALIVE_TIMEOUT] = "keepalive_timeout",
    [ANYCABLE_LIMIT_PING_INTERVAL] = "ping_interval",
    [ANYCABLE_LIMIT_PING_STRIKES] = "ping_strikes",
    [ANYCABLE_LIMIT_PINGS_RATE] = "pings_rate",
    [ANYCABLE_LIMIT_SETTINGS_RATE] = "settings_rate",
    [ANYCABLE_LIMIT_RESETS] = "resets",
    [ANYCABLE_LIMIT_RESETS_RATE] = "resets_rate",
    [ANYCABLE_LIMIT_GLITCHES] = "glitches",
    [ANYCABLE_LIMIT_GLITCHES_RATE] = "glitches_rate",
    [ANYCABLE_LIMIT_EMPTY_FRAMES] = "empty_frames",
};

/* A call that "hold" has deferred; it lives in the call's memory. |listed| is
 * true while nobody but the list may free it. */
struct held {
  anycable_deferred *deferred;
  bool listed;
  bool cancelled;
  struct held *next;
};

static struct {
  pthread_mutex_t lock;
  pthread_cond_t released;
  unsigned releases;
  struct held *held;
  long calls;     /* handlers that began */
  long running;   /* handlers that have not returned */
  long holding;   /* deferred calls on the list */
  long cancelled; /* deferred calls that were cancelled */
  long created;   /* session objects */
  long destroyed; /* session objects given back */
} state = {.lock = PTHREAD_MUTEX_INITIALIZER,
           .released = PTHREAD_COND_INITIALIZER};

static anycable_server *server;

struct session {
  anycable_socket *socket;
};

/* --- calls that wait ------------------------------------------------------ */

static void unlist(struct held *held) {
  struct held **link = &state.held;
  while (*link != held)
    link = &(*link)->next;
  *link = held->next;
  held->listed = false;
  state.holding--;
}

static void on_cancel(anycable_deferred *deferred, void *ctx) {
  struct held *held = ctx;
  pthread_mutex_lock(&state.lock);
  bool ours = held->listed;
  if (ours)
    unlist(held);
  held->cancelled = true;
  state.cancelled++;
  pthread_mutex_unlock(&state.lock);
  if (ours)
    anycable_deferred_free(deferred);
}

static int hold(anycable_socket *socket) {
  struct held *held = anycable_socket_alloc(socket, sizeof *held);
  if (!held)
    return ANYCABLE_ERR_NOMEM;
  held->deferred = anycable_socket_defer(socket);
  if (!held->deferred)
    return ANYCABLE_ERR_LIMIT;
  anycable_deferred_on_cancel(held->deferred, on_cancel, held);
  pthread_mutex_lock(&state.lock);
  bool cancelled = held->cancelled;
  if (!cancelled) {
    held->listed = true;
    held->next = state.held;
    state.held = held;
    state.holding++;
  }
  pthread_mutex_unlock(&state.lock);
  if (cancelled)
    anycable_deferred_free(held->deferred);
  return ANYCABLE_PENDING;
}

static int block(void) {
  pthread_mutex_lock(&state.lock);
  for (unsigned seen = state.releases; seen == state.releases;)
    pthread_cond_wait(&state.released, &state.lock);
  pthread_mutex_unlock(&state.lock);
  return ANYCABLE_DONE;
}

static void release(void) {
  pthread_mutex_lock(&state.lock);
  state.releases++;
  pthread_cond_broadcast(&state.released);
  while (state.held) {
    struct held *held = state.held;
    unlist(held);
    pthread_mutex_unlock(&state.lock);
    anycable_socket_transmit(anycable_deferred_socket(held->deferred),
                             ANYCABLE_STR("released"));
    anycable_deferred_finish(held->deferred, ANYCABLE_DONE);
    anycable_deferred_free(held->deferred);
    pthread_mutex_lock(&state.lock);
  }
  pthread_mutex_unlock(&state.lock);
}

/* --- what a message's data asks for --------------------------------------- */

static int transmit_hex(anycable_socket *socket, anycable_str value) {
  char *hex = anycable_socket_alloc(socket, 2 * value.len + 1);
  if (!hex)
    return ANYCABLE_ERR_NOMEM;
  for (size_t i = 0; i < value.len; i++)
    snprintf(hex + 2 * i, 3, "%02x", (unsigned)(unsigned char)value.ptr[i]);
  return anycable_socket_transmit(
      socket, anycable_socket_format(socket, "hex:%s", hex));
}

static int transmit_big(anycable_socket *socket, size_t size) {
  char *frame = malloc(size + 1);
  if (!frame)
    return ANYCABLE_ERR_NOMEM;
  memset(frame, 'x', size);
  anycable_str text = {frame, size};
  int outcome = anycable_socket_transmit(socket, text);
  free(frame);
  return outcome;
}

static int sleep_for(const char *ms) {
  long n = atol(ms);
  struct timespec time = {n / 1000, n % 1000 * 1000000};
  nanosleep(&time, NULL);
  return ANYCABLE_DONE;
}

/* The text behind "|word|:", NULL where |data| is something else. */
static const char *argument(anycable_str data, const char *word) {
  size_t len = strlen(word);
  if (data.len <= len || memcmp(data.ptr, word, len) || data.ptr[len] != ':')
    return NULL;
  return data.ptr + len + 1;
}

static int message(anycable_socket *socket, anycable_str data) {
  const anycable_request *request = anycable_socket_request(socket);
  const char *arg;
  if ((arg = argument(data, "echo")))
    return anycable_socket_transmit(socket, anycable_str_of(arg));
  if ((arg = argument(data, "slow")))
    return sleep_for(arg);
  if ((arg = argument(data, "big")))
    return transmit_big(socket, (size_t)atol(arg));
  if ((arg = argument(data, "error")))
    return anycable_socket_fail(socket, "%s", arg);
  if ((arg = argument(data, "metadata")))
    return transmit_hex(socket, anycable_request_metadata(request, arg));
  if ((arg = argument(data, "header")))
    return transmit_hex(socket, anycable_request_header(request, arg));
  if ((arg = argument(data, "cstate")))
    return transmit_hex(socket, anycable_socket_cstate(socket, arg));
  if (argument(data, "length"))
    return anycable_socket_transmit(
        socket, anycable_socket_format(socket, "%zu", data.len));
  if (anycable_str_is(data, "block"))
    return block();
  if (anycable_str_is(data, "hold"))
    return hold(socket);
  if (anycable_str_is(data, "reject"))
    return ANYCABLE_REJECT;
  return anycable_socket_transmit(socket, data);
}

/* --- the factory ---------------------------------------------------------- */

static void *session_create(anycable_socket *socket, anycable_str identifiers,
                            const anycable_str *subscriptions, size_t count,
                            void *ctx) {
  (void)identifiers, (void)subscriptions, (void)count, (void)ctx;
  struct session *session = anycable_socket_alloc(socket, sizeof *session);
  if (!session)
    return NULL;
  session->socket = socket;
  pthread_mutex_lock(&state.lock);
  state.created++;
  pthread_mutex_unlock(&state.lock);
  return session;
}

static void begin(void) {
  pthread_mutex_lock(&state.lock);
  state.calls++;
  state.running++;
  pthread_mutex_unlock(&state.lock);
}

static int end(int outcome) {
  pthread_mutex_lock(&state.lock);
  state.running--;
  pthread_mutex_unlock(&state.lock);
  return outcome;
}

static int session_open(void *object) {
  struct session *session = object;
  begin();
  return end(anycable_socket_transmit(session->socket,
                                      ANYCABLE_STR("{\"type\":\"welcome\"}")));
}

static int session_close(void *object) {
  (void)object;
  begin();
  return end(ANYCABLE_DONE);
}

static int session_command(void *object, anycable_str identifier,
                           anycable_str command, anycable_str data) {
  struct session *session = object;
  begin();
  if (anycable_str_is(command, "message"))
    return end(message(session->socket, data));
  if (anycable_str_is(command, "subscribe"))
    return end(anycable_socket_subscribe(session->socket, identifier,
                                         ANYCABLE_STR("stream")));
  return end(anycable_socket_transmit(
      session->socket,
      anycable_socket_format(session->socket, "command:%s", command.ptr)));
}

static anycable_str session_identifiers(void *object) {
  (void)object;
  return ANYCABLE_STR("{\"user\":\"jack\"}");
}

static void session_destroy(void *object) {
  (void)object;
  pthread_mutex_lock(&state.lock);
  state.destroyed++;
  pthread_mutex_unlock(&state.lock);
}

static const anycable_session_ops ops = {
    .size = sizeof(anycable_session_ops),
    .create = session_create,
    .handle_open = session_open,
    .handle_close = session_close,
    .handle_channel_command = session_command,
    .identifiers_json = session_identifiers,
    .destroy = session_destroy,
};

/* --- the program ---------------------------------------------------------- */

static void *control(void *ctx) {
  (void)ctx;
  char line[64];
  while (fgets(line, sizeof line, stdin)) {
    if (!strcmp(line, "release\n"))
      release();
    pthread_mutex_lock(&state.lock);
    printf("calls=%ld running=%ld holding=%ld cancelled=%ld created=%ld "
           "destroyed=%ld\n",
           state.calls, state.running, state.holding, state.cancelled,
           state.created, state.destroyed);
    pthread_mutex_unlock(&state.lock);
    fflush(stdout);
  }
  release();
  pthread_mutex_lock(&state.lock);
  for (int i = 0; server && i < 2; i++)
    anycable_server_request_stop(server);
  pthread_mutex_unlock(&state.lock);
  return NULL;
}

static void on_signal(int number) {
  (void)number;
  anycable_server_request_stop(server);
}

static void close_server(void) {
  signal(SIGTERM, SIG_IGN);
  pthread_mutex_lock(&state.lock);
  anycable_server *closing = server;
  server = NULL;
  pthread_mutex_unlock(&state.lock);
  release(); /* blocked handlers would hold up the end */
  anycable_server_free(closing);
}

static void on_log(int level, const char *text, void *ctx) {
  (void)ctx;
  fprintf(stderr, "%s: %s\n", anycable_log_level_name(level), text);
}

static int set_limit(anycable_config *config, const char *pair) {
  const char *equals = strchr(pair, '=');
  for (int i = 0; equals && i < ANYCABLE_LIMIT_END; i++)
    if (limit_names[i] && strlen(limit_names[i]) == (size_t)(equals - pair) &&
        !memcmp(limit_names[i], pair, (size_t)(equals - pair)))
      return anycable_config_set_limit(config, i, atoll(equals + 1));
  fprintf(stderr, "no limit %s\n", pair);
  return ANYCABLE_ERR_INVALID;
}

static int set_flag(anycable_config *config, char **argv, int *i) {
  const char *flag = argv[*i];
  if (!strcmp(flag, "--no-version-check"))
    return anycable_config_set_version_check(config, false);
  if (!strcmp(flag, "--log"))
    return anycable_config_set_log(config, on_log, NULL) |
           anycable_config_set_log_level(config, ANYCABLE_LOG_DEBUG);
  const char *value = argv[*i + 1];
  if (!value)
    return ANYCABLE_ERR_INVALID;
  *i += 1;
  if (!strcmp(flag, "--listen"))
    return anycable_config_set_rpc_host(config, value);
  if (!strcmp(flag, "--workers"))
    return anycable_config_set_workers(config, atoi(value));
  if (!strcmp(flag, "--queue"))
    return anycable_config_set_queue(config, atoi(value));
  if (!strcmp(flag, "--age"))
    return anycable_config_set_max_connection_age(config, atoi(value));
  if (!strcmp(flag, "--limit"))
    return set_limit(config, value);
  if (!strcmp(flag, "--tls") && argv[*i + 1]) {
    *i += 1;
    return anycable_config_set_rpc_tls(config, value, argv[*i]);
  }
  return ANYCABLE_ERR_INVALID;
}

/* The library's own flags, and those of limits and of this program. */
static anycable_config *configure(int argc, char **argv) {
  anycable_config *config = anycable_config_new();
  anycable_config_set_rpc_host(config, "127.0.0.1:0");
  if (anycable_config_load_args(config, &argc, argv) != ANYCABLE_OK) {
    fprintf(stderr, "%s\n", anycable_config_error(config));
    anycable_config_free(config);
    return NULL;
  }
  argv[argc] = NULL;
  for (int i = 1; argv[i]; i++) {
    const char *flag = argv[i];
    if (set_flag(config, argv, &i) == ANYCABLE_OK)
      continue;
    fprintf(stderr, "bad flag: %s %s\n", flag, anycable_config_error(config));
    anycable_config_free(config);
    return NULL;
  }
  return config;
}

int main(int argc, char **argv) {
  anycable_config *config = configure(argc, argv);
  if (!config)
    return 2;
  anycable_app *app = anycable_app_new();
  anycable_app_set_factory(app, &ops, NULL, NULL);
  int failed = anycable_server_new(&server, app, config);
  anycable_config_free(config);
  if (failed) {
    fprintf(stderr, "%s\n", anycable_app_error(app));
    anycable_app_free(app);
    return 1;
  }
  struct sigaction action = {.sa_handler = on_signal};
  sigaction(SIGTERM, &action, NULL);
  const char *address;
  for (size_t i = 0; (address = anycable_server_address(server, i)); i++)
    printf(i ? " %s" : "%s", address);
  printf("\n");
  fflush(stdout);
  pthread_t thread;
  pthread_create(&thread, NULL, control, NULL);
  pthread_detach(thread);
  failed = anycable_server_run(server);
  if (failed)
    fprintf(stderr, "run: %s\n", anycable_server_error(server));
  close_server();
  anycable_app_free(app);
  return failed ? 1 : 0;
}
