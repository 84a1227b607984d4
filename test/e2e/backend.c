/* The backend of the end-to-end tests: a small framework of its own on the
 * public header, with one action for everything that the tests want to see.
 *
 * What it is asked goes to the journal, one JSON object a line, so that a test
 * can see the calls; what it answers, the test's client sees. */
#include <anycable.h>
#include <cjson/cJSON.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Where calls are written to; -1 without --journal-fd. */
typedef struct journal {
  int fd;
  pthread_mutex_t lock;
} journal;

/* One call, in the call's own memory. */
typedef struct session {
  anycable_socket *socket;
  journal *journal;
  anycable_str identifiers;
  const anycable_str *subscriptions;
  size_t count;
} session;

static void write_all(int fd, const char *bytes, size_t left) {
  while (left > 0) {
    ssize_t n = write(fd, bytes, left);
    if (n < 0)
      return;
    bytes += n;
    left -= (size_t)n;
  }
}

/* Writes and frees |entry|. */
static void journal_write(journal *to, cJSON *entry) {
  cJSON_AddNumberToObject(entry, "pid", (double)getpid());
  char *line = cJSON_PrintUnformatted(entry);
  cJSON_Delete(entry);
  if (!line)
    return;
  size_t len = strlen(line);
  line[len] = '\n'; /* in the place of its NUL, which is not needed */
  pthread_mutex_lock(&to->lock);
  write_all(to->fd, line, len + 1);
  pthread_mutex_unlock(&to->lock);
  cJSON_free(line);
}

static cJSON *entry_new(anycable_socket *socket, const char *call) {
  const anycable_request *request = anycable_socket_request(socket);
  cJSON *entry = cJSON_CreateObject();
  cJSON_AddStringToObject(entry, "call", call);
  cJSON_AddStringToObject(entry, "sid", anycable_request_sid(request).ptr);
  return entry;
}

static void on_error(anycable_socket *socket, int error, const char *message,
                     void *ctx) {
  cJSON *entry = entry_new(socket, "error");
  cJSON_AddNumberToObject(
      entry, "method",
      anycable_request_method(anycable_socket_request(socket)));
  cJSON_AddStringToObject(entry, "error", anycable_strerror(error));
  cJSON_AddStringToObject(entry, "message", message);
  journal_write(ctx, entry);
}

/* {"type":TYPE,"identifier":IDENTIFIER} */
static int transmit_type(session *s, const char *type, anycable_str id) {
  anycable_str frame =
      anycable_socket_format(s->socket, "{\"type\":\"%s\",\"identifier\":%s}",
                             type, anycable_socket_quote(s->socket, id).ptr);
  return anycable_socket_transmit(s->socket, frame);
}

/* {"identifier":IDENTIFIER,"message":MESSAGE}, where |json| is taken. */
static int transmit_message(session *s, anycable_str id, cJSON *json) {
  char *message = cJSON_PrintUnformatted(json);
  cJSON_Delete(json);
  if (!message)
    return ANYCABLE_ERR_NOMEM;
  anycable_str frame =
      anycable_socket_format(s->socket, "{\"identifier\":%s,\"message\":%s}",
                             anycable_socket_quote(s->socket, id).ptr, message);
  cJSON_free(message);
  return anycable_socket_transmit(s->socket, frame);
}

static anycable_str field(const cJSON *json, const char *name) {
  return anycable_str_of(
      cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, name)));
}

static int number_field(const cJSON *json, const char *name) {
  const cJSON *item = cJSON_GetObjectItemCaseSensitive(json, name);
  return cJSON_IsNumber(item) ? item->valueint : 0;
}

static void *session_create(anycable_socket *socket, anycable_str identifiers,
                            const anycable_str *subscriptions, size_t count,
                            void *ctx) {
  session *s = anycable_socket_alloc(socket, sizeof *s);
  if (!s)
    return NULL;
  s->socket = socket;
  s->journal = ctx;
  s->identifiers = identifiers;
  s->subscriptions = subscriptions;
  s->count = count;
  return s;
}

/* Who it is: by ?user= or, without it, by the cookie "user". */
static anycable_str session_user(session *s) {
  const anycable_request *request = anycable_socket_request(s->socket);
  anycable_str user = anycable_request_query(request, "user");
  return user.len ? user : anycable_request_cookie(request, "user");
}

static int session_open(void *session_) {
  session *s = session_;
  const anycable_request *request = anycable_socket_request(s->socket);
  journal_write(s->journal, entry_new(s->socket, "connect"));

  if (anycable_request_query(request, "fail").len)
    return anycable_socket_fail(s->socket, "told to fail");
  anycable_str user = session_user(s);
  if (user.len == 0) {
    anycable_socket_transmit(
        s->socket, ANYCABLE_STR("{\"type\":\"disconnect\",\"reason\":"
                                "\"unauthorized\",\"reconnect\":false}"));
    return ANYCABLE_REJECT;
  }
  s->identifiers = anycable_socket_format(
      s->socket, "{\"user\":%s}", anycable_socket_quote(s->socket, user).ptr);
  anycable_socket_set_session(s->socket, anycable_request_query(request, "s"));
  anycable_socket_set_cstate(s->socket, "total", ANYCABLE_STR("0"));
  return anycable_socket_transmit(
      s->socket,
      anycable_socket_format(
          s->socket, "{\"type\":\"welcome\",\"sid\":%s}",
          anycable_socket_quote(s->socket, anycable_request_sid(request)).ptr));
}

static anycable_str session_identifiers(void *session_) {
  return ((session *)session_)->identifiers;
}

static int session_close(void *session_) {
  session *s = session_;
  cJSON *entry = entry_new(s->socket, "disconnect");
  cJSON_AddStringToObject(entry, "identifiers", s->identifiers.ptr);
  cJSON_AddStringToObject(entry, "session",
                          anycable_socket_session(s->socket).ptr);
  cJSON_AddStringToObject(entry, "total",
                          anycable_socket_cstate(s->socket, "total").ptr);
  cJSON *list = cJSON_AddArrayToObject(entry, "subscriptions");
  for (size_t i = 0; i < s->count; i++) {
    cJSON *item = cJSON_CreateObject();
    cJSON_AddStringToObject(item, "identifier", s->subscriptions[i].ptr);
    cJSON_AddStringToObject(
        item, "n",
        anycable_socket_istate_of(s->socket, s->subscriptions[i], "n").ptr);
    cJSON_AddItemToArray(list, item);
  }
  journal_write(s->journal, entry);
  return ANYCABLE_DONE;
}

static int subscribe(session *s, anycable_str id) {
  cJSON *params = cJSON_ParseWithLength(id.ptr, id.len);
  anycable_str channel = field(params, "channel");
  anycable_str stream = field(params, "stream");
  int outcome = ANYCABLE_DONE;

  if (stream.len)
    anycable_socket_subscribe(s->socket, id, stream);
  if (anycable_str_is(channel, "Open"))
    outcome = transmit_type(s, "confirm_subscription", id);
  else if (anycable_str_is(channel, "Closed")) {
    /* Too late for the stream above: the library must take it back. */
    transmit_type(s, "reject_subscription", id);
    outcome = ANYCABLE_REJECT;
  } else
    outcome = anycable_socket_fail(s->socket, "no channel %s", channel.ptr);
  cJSON_Delete(params);
  return outcome;
}

static int do_echo(session *s, anycable_str id, const cJSON *data) {
  return transmit_message(s, id, cJSON_Duplicate(data, true));
}

static int do_burst(session *s, anycable_str id, const cJSON *data) {
  int n = number_field(data, "n");
  for (int i = 0; i < n; i++)
    transmit_message(s, id, cJSON_CreateNumber(i));
  return ANYCABLE_DONE;
}

/* Where streams changed, the client is told, so that a test can wait for it. */
static int do_follow(session *s, anycable_str id, const cJSON *data) {
  anycable_socket_subscribe(s->socket, id, field(data, "stream"));
  return do_echo(s, id, data);
}

static int do_unfollow(session *s, anycable_str id, const cJSON *data) {
  anycable_socket_unsubscribe(s->socket, id, field(data, "stream"));
  return do_echo(s, id, data);
}

static int do_unfollow_all(session *s, anycable_str id, const cJSON *data) {
  anycable_socket_unsubscribe_from_all(s->socket, id);
  return do_echo(s, id, data);
}

/* One more in the connection's state and in the subscription's. */
static int do_count(session *s, anycable_str id, const cJSON *data) {
  int total = atoi(anycable_socket_cstate(s->socket, "total").ptr) + 1;
  int n = atoi(anycable_socket_istate(s->socket, "n").ptr) + 1;
  anycable_socket_set_cstate(s->socket, "total",
                             anycable_socket_format(s->socket, "%d", total));
  anycable_socket_set_istate(s->socket, "n",
                             anycable_socket_format(s->socket, "%d", n));
  (void)data;
  cJSON *message = cJSON_CreateObject();
  cJSON_AddNumberToObject(message, "total", total);
  cJSON_AddNumberToObject(message, "n", n);
  return transmit_message(s, id, message);
}

/* An empty value deletes the key. */
static int do_forget(session *s, anycable_str id, const cJSON *data) {
  anycable_socket_set_istate(s->socket, "n", ANYCABLE_STR(""));
  return do_echo(s, id, data);
}

static int do_state(session *s, anycable_str id, const cJSON *data) {
  (void)data;
  cJSON *message = cJSON_CreateObject();
  cJSON_AddStringToObject(message, "session",
                          anycable_socket_session(s->socket).ptr);
  cJSON_AddStringToObject(message, "total",
                          anycable_socket_cstate(s->socket, "total").ptr);
  cJSON_AddStringToObject(message, "n",
                          anycable_socket_istate(s->socket, "n").ptr);
  return transmit_message(s, id, message);
}

static int do_request(session *s, anycable_str id, const cJSON *data) {
  const anycable_request *r = anycable_socket_request(s->socket);
  cJSON *m = cJSON_CreateObject();
  cJSON_AddStringToObject(m, "url", anycable_request_url(r).ptr);
  cJSON_AddStringToObject(m, "path", anycable_request_path(r).ptr);
  cJSON_AddStringToObject(
      m, "query", anycable_request_query(r, field(data, "query").ptr).ptr);
  cJSON_AddStringToObject(
      m, "header", anycable_request_header(r, field(data, "header").ptr).ptr);
  cJSON_AddStringToObject(
      m, "cookie", anycable_request_cookie(r, field(data, "cookie").ptr).ptr);
  cJSON_AddStringToObject(m, "remote", anycable_request_remote_addr(r).ptr);
  cJSON_AddStringToObject(m, "sid", anycable_request_sid(r).ptr);
  cJSON_AddStringToObject(m, "protov",
                          anycable_request_metadata(r, "protov").ptr);
  cJSON_AddStringToObject(m, "identifiers", s->identifiers.ptr);
  return transmit_message(s, id, m);
}

/* What was put out before the failure must not reach the client. */
static int do_fail(session *s, anycable_str id, const cJSON *data) {
  do_count(s, id, data);
  return anycable_socket_fail(s->socket, "%s", field(data, "why").ptr);
}

static void sleep_ms(int ms) {
  struct timespec time = {ms / 1000, (long)(ms % 1000) * 1000000};
  nanosleep(&time, NULL);
}

static int do_slow(session *s, anycable_str id, const cJSON *data) {
  sleep_ms(number_field(data, "ms"));
  return do_echo(s, id, data);
}

/* Two clients' calls wait for each other: both run at the same time, or the
 * first one fails. */
static pthread_mutex_t meeting = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t arrived = PTHREAD_COND_INITIALIZER;
static int present;

static int do_meet(session *s, anycable_str id, const cJSON *data) {
  struct timespec deadline;
  clock_gettime(CLOCK_REALTIME, &deadline);
  deadline.tv_sec += 2;
  int late = 0;
  pthread_mutex_lock(&meeting);
  present++;
  pthread_cond_broadcast(&arrived);
  while (present < 2 && !late)
    late = pthread_cond_timedwait(&arrived, &meeting, &deadline);
  pthread_mutex_unlock(&meeting);
  if (late)
    return anycable_socket_fail(s->socket, "nobody came");
  return do_echo(s, id, data);
}

static int do_close(session *s, anycable_str id, const cJSON *data) {
  if (cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(data, "final")))
    anycable_socket_transmit(s->socket,
                             ANYCABLE_STR("{\"type\":\"disconnect\",\"reason\":"
                                          "\"finished\",\"reconnect\":false}"));
  (void)id;
  return anycable_socket_close(s->socket);
}

/* Clients hear the whispers of a stream that they are subscribed to. */
static int do_whisper(session *s, anycable_str id, const cJSON *data) {
  anycable_str stream = field(data, "stream");
  if (stream.len)
    anycable_socket_subscribe(s->socket, id, stream);
  anycable_socket_whisper(s->socket, stream);
  return do_echo(s, id, data);
}

static int do_join(session *s, anycable_str id, const cJSON *data) {
  anycable_str stream = field(data, "stream");
  anycable_socket_subscribe(s->socket, id, stream);
  anycable_socket_presence_join(s->socket, stream, field(data, "as"),
                                ANYCABLE_STR("{\"mood\":\"fine\"}"));
  return do_echo(s, id, data);
}

static int do_leave(session *s, anycable_str id, const cJSON *data) {
  anycable_socket_presence_leave(s->socket);
  return do_echo(s, id, data);
}

/* Publishes |json| or |text| to |stream|; to all but this client if |others|.
 */
static int do_broadcast(session *s, anycable_str id, const cJSON *data) {
  anycable_str stream = field(data, "stream"), text = field(data, "text");
  anycable_publish_options options = {.size = sizeof options};
  (void)id;
  if (cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(data, "others")))
    options.exclude_socket =
        anycable_request_sid(anycable_socket_request(s->socket));
  if (text.ptr && text.len)
    return anycable_socket_broadcast_string(s->socket, stream, text, &options);
  anycable_socket_broadcast(s->socket, stream, field(data, "json"), &options);
  return ANYCABLE_DONE; /* an error is remembered */
}

/* Three messages as one. */
static int do_batch(session *s, anycable_str id, const cJSON *data) {
  anycable_app *app = anycable_socket_app(s->socket);
  anycable_str stream = field(data, "stream");
  (void)id;
  anycable_app_begin_batch(app);
  for (int i = 1; i <= 3; i++)
    anycable_socket_broadcast(s->socket, stream,
                              anycable_socket_format(s->socket, "%d", i), NULL);
  return anycable_app_end_batch(app);
}

/* Disconnects all clients of |who|. */
static int do_kick(session *s, anycable_str id, const cJSON *data) {
  (void)id;
  return anycable_app_disconnect(
      anycable_socket_app(s->socket), field(data, "who"),
      cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(data, "reconnect")));
}

/* A call that is answered by a thread of the application. */
typedef struct later {
  anycable_deferred *deferred;
  session *session;
  anycable_str id;
} later;

static void *finish_later(void *arg) {
  later *l = arg;
  sleep_ms(5);
  cJSON *message = cJSON_CreateObject();
  cJSON_AddStringToObject(message, "action", "later");
  int outcome = transmit_message(l->session, l->id, message);
  anycable_deferred_finish(l->deferred, outcome);
  anycable_deferred_free(l->deferred);
  return NULL;
}

static int do_later(session *s, anycable_str id, const cJSON *data) {
  later *l = anycable_socket_alloc(s->socket, sizeof *l);
  if (!l)
    return ANYCABLE_ERR_NOMEM;
  (void)data;
  l->session = s;
  l->id = id;
  l->deferred = anycable_socket_defer(s->socket);
  if (!l->deferred)
    return ANYCABLE_ERR_LIMIT;
  pthread_t thread;
  if (pthread_create(&thread, NULL, finish_later, l)) {
    anycable_deferred_free(l->deferred);
    return ANYCABLE_PENDING;
  }
  pthread_detach(thread);
  return ANYCABLE_PENDING;
}

static const struct action {
  const char *name;
  int (*run)(session *s, anycable_str id, const cJSON *data);
} actions[] = {
    {"echo", do_echo},
    {"burst", do_burst},
    {"follow", do_follow},
    {"unfollow", do_unfollow},
    {"unfollow_all", do_unfollow_all},
    {"count", do_count},
    {"forget", do_forget},
    {"state", do_state},
    {"request", do_request},
    {"fail", do_fail},
    {"slow", do_slow},
    {"meet", do_meet},
    {"close", do_close},
    {"whisper", do_whisper},
    {"join", do_join},
    {"leave", do_leave},
    {"later", do_later},
    {"broadcast", do_broadcast},
    {"batch", do_batch},
    {"kick", do_kick},
};

static int perform(session *s, anycable_str id, anycable_str data) {
  cJSON *json = cJSON_ParseWithLength(data.ptr, data.len);
  anycable_str name = field(json, "action");
  int outcome = ANYCABLE_ERR_INVALID;
  for (size_t i = 0; i < sizeof actions / sizeof *actions; i++)
    if (anycable_str_is(name, actions[i].name))
      outcome = actions[i].run(s, id, json);
  cJSON_Delete(json);
  return outcome;
}

static int session_command(void *session_, anycable_str id,
                           anycable_str command, anycable_str data) {
  session *s = session_;
  cJSON *entry = entry_new(s->socket, "command");
  cJSON_AddStringToObject(entry, "command", command.ptr);
  cJSON_AddStringToObject(entry, "identifier", id.ptr);
  cJSON_AddStringToObject(entry, "data", data.ptr);
  journal_write(s->journal, entry);

  if (anycable_str_is(command, "subscribe"))
    return subscribe(s, id);
  if (anycable_str_is(command, "message"))
    return perform(s, id, data);
  if (anycable_str_is(command, "unsubscribe"))
    return ANYCABLE_DONE;
  return anycable_socket_fail(s->socket, "no command %s", command.ptr);
}

static const anycable_session_ops ops = {
    .size = sizeof(anycable_session_ops),
    .create = session_create,
    .handle_open = session_open,
    .handle_close = session_close,
    .handle_channel_command = session_command,
    .identifiers_json = session_identifiers,
};

static anycable_server *running;

static void on_signal(int signal) {
  (void)signal;
  anycable_server_request_stop(running);
}

static void on_log(int level, const char *message, void *ctx) {
  (void)ctx;
  fprintf(stderr, "%s: %s\n", anycable_log_level_name(level), message);
}

/* The number that follows |flag|, or -1. */
static int option(int argc, char **argv, const char *flag) {
  for (int i = 1; i + 1 < argc; i++)
    if (strcmp(argv[i], flag) == 0)
      return atoi(argv[i + 1]);
  return -1;
}

static int serve(anycable_app *app, const anycable_config *config) {
  if (anycable_server_new(&running, app, config)) {
    fprintf(stderr, "backend: %s\n", anycable_app_error(app));
    return 1;
  }
  struct sigaction action = {.sa_handler = on_signal};
  sigaction(SIGTERM, &action, NULL);
  sigaction(SIGINT, &action, NULL);

  const char *address;
  for (size_t i = 0; (address = anycable_server_address(running, i)); i++)
    printf("listening on %s\n", address);
  printf("ready %d\n", (int)getpid());
  fflush(stdout);

  int error = anycable_server_run(running);
  anycable_server_free(running);
  return error ? 1 : 0;
}

int main(int argc, char **argv) {
  journal calls = {-1, PTHREAD_MUTEX_INITIALIZER};
  anycable_config *config = anycable_config_new();
  anycable_config_set_log(config, on_log, NULL);
  anycable_config_load_env(config);
  anycable_config_load_args(config, &argc, argv);
  int listen_fd = option(argc, argv, "--listen-fd");
  if (listen_fd >= 0)
    anycable_config_add_listen_fd(config, listen_fd);
  calls.fd = option(argc, argv, "--journal-fd");

  anycable_app *app = anycable_app_new();
  anycable_app_set_factory(app, &ops, &calls, NULL);
  anycable_app_on_error(app, on_error, &calls);
  int status = serve(app, config);
  anycable_app_free(app);
  anycable_config_free(config);
  return status;
}
