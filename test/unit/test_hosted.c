/* Requests that a host's own HTTP server passes on: from any thread, in every
 * state of the server; and the figures that are told of them. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "server_fixture.h"

#define MOUNT "/_anycable"

/* What was answered, for who waits. */
struct answer {
  pthread_mutex_t mutex;
  pthread_cond_t changed;
  int times;
  int status;
  char type[64];
  char allow[32];
  char body[4096];
};

static void begin(struct answer *answer) {
  memset(answer, 0, sizeof(*answer));
  pthread_mutex_init(&answer->mutex, NULL);
  pthread_cond_init(&answer->changed, NULL);
}

static void on_answer(const anycable_http_response *response, void *ctx) {
  struct answer *answer = ctx;
  pthread_mutex_lock(&answer->mutex);
  answer->times++;
  answer->status = response->status;
  for (size_t i = 0; i < response->header_count; i++) {
    const anycable_http_header *header = &response->headers[i];
    if (anycable_str_is(header->name, "Content-Type"))
      snprintf(answer->type, sizeof(answer->type), "%s", header->value.ptr);
    if (anycable_str_is(header->name, "Allow"))
      snprintf(answer->allow, sizeof(answer->allow), "%s", header->value.ptr);
  }
  snprintf(answer->body, sizeof(answer->body), "%.*s", (int)response->body.len,
           response->body.ptr);
  pthread_cond_broadcast(&answer->changed);
  pthread_mutex_unlock(&answer->mutex);
}

static int ask(struct answer *answer, const char *method, const char *path,
               const char *body) {
  static const anycable_http_header headers[] = {
      {{"X-AnyCable-Meta-Sid", 19}, {"s1", 2}},
      {{"x-anycable-meta-protov", 22}, {"v1", 2}}};
  char *own = strdup(body), *own_path = strdup(path);
  const anycable_http_request request = {.size = sizeof(request),
                                         .method = anycable_str_of(method),
                                         .path = anycable_str_of(own_path),
                                         .headers = headers,
                                         .header_count = 2,
                                         .body = anycable_str_of(own)};
  begin(answer);
  int rc = anycable_server_http(server, &request, on_answer, answer);
  free(own); /* it was copied */
  free(own_path);
  return rc;
}

static void await(struct answer *answer) {
  struct timespec until;
  clock_gettime(CLOCK_REALTIME, &until);
  until.tv_sec += 20;
  pthread_mutex_lock(&answer->mutex);
  while (answer->times == 0)
    assert_int_equal(
        pthread_cond_timedwait(&answer->changed, &answer->mutex, &until), 0);
  pthread_mutex_unlock(&answer->mutex);
}

static void assert_answers(const char *method, const char *path,
                           const char *body, int status, const char *text) {
  struct answer answer;
  assert_int_equal(ask(&answer, method, path, body), ANYCABLE_OK);
  await(&answer);
  assert_int_equal(answer.status, status);
  assert_non_null(strstr(answer.body, text));
  assert_int_equal(answer.times, 1);
}

static char logged[512];

static void keep_record(const anycable_log_record *record, void *ctx) {
  static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
  (void)ctx;
  pthread_mutex_lock(&mutex);
  if (record->method)
    snprintf(logged, sizeof(logged), "%s %s %s %s %s %s", record->method,
             record->sid.ptr, record->status ? record->status : "-",
             record->duration_us >= 0 ? "timed" : "-", record->message,
             record->channel.len ? "in" : "");
  if (record->method && record->channel.len)
    snprintf(logged + strlen(logged), sizeof(logged) - strlen(logged), " %.*s",
             (int)record->channel.len, record->channel.ptr);
  pthread_mutex_unlock(&mutex);
}

static void make_hosted(int workers) {
  anycable_config *config = anycable_config_new();
  app = anycable_app_new();
  anycable_app_set_factory(app, &ops, &ctx_destroyed, ctx_destroy);
  anycable_config_set_rpc_host(config, "none");
  anycable_config_set_workers(config, workers);
  anycable_config_set(config, ANYCABLE_SETTING_HTTP_RPC_MOUNT_PATH, MOUNT);
  anycable_config_set_limit(config, ANYCABLE_LIMIT_MESSAGE, 1000);
  anycable_config_set_log_records(config, keep_record, NULL);
  anycable_config_set_log_level(config, ANYCABLE_LOG_DEBUG);
  if (anycable_server_new(&server, app, config) != ANYCABLE_OK)
    fail_msg("%s", anycable_app_error(app));
  anycable_config_free(config);
  assert_null(anycable_server_address(server, 0));
  on_command = NULL;
}

#define MESSAGE "{\"command\":\"message\",\"identifier\":\"i\"}"

static int says_sid(anycable_socket *socket) {
  anycable_str sid = anycable_request_sid(anycable_socket_request(socket));
  return anycable_socket_transmit(socket, sid);
}

static void test_served(void **state) {
  (void)state;
  for (int workers = 0; workers < 3; workers += 2) {
    make_hosted(workers);
    on_command = says_sid;
    assert_int_equal(anycable_server_start(server), ANYCABLE_OK);
    while (true) { /* until it has begun */
      struct answer answer;
      assert_int_equal(ask(&answer, "GET", "/health", ""), ANYCABLE_OK);
      await(&answer);
      if (answer.status == 200)
        break;
      assert_int_equal(answer.status, 503);
    }
    assert_answers("POST", MOUNT "/command?x=1", MESSAGE, 200,
                   "{\"status\":1,\"transmissions\":[\"s1\"]}");
    assert_answers("POST", MOUNT "/connect", "{}", 200, "\"status\":1");
    assert_answers("POST", MOUNT "/command", "{", 422, "malformed");
    assert_answers("POST", "/", "", 404, "Not Found");
    assert_answers("", "", "", 404, "Not Found");
    assert_answers("GET", "/metrics", "", 200,
                   "anycable_rpc_calls_total{method=\"command\",command="
                   "\"message\",status=\"success\"} 1\n");
    struct answer answer;
    assert_int_equal(ask(&answer, "GET", MOUNT "/command", ""), ANYCABLE_OK);
    await(&answer);
    assert_int_equal(answer.status, 405);
    assert_string_equal(answer.allow, "POST");
    char large[1002];
    memset(large, 'x', 1001);
    large[1001] = '\0';
    assert_answers("POST", MOUNT "/command", large, 413, "Large");
    assert_int_equal(anycable_server_stop(server, 5000), ANYCABLE_OK);
    assert_answers("GET", "/health", "", 503, "");
    assert_answers("POST", MOUNT "/command", MESSAGE, 503, "");
    unmake();
  }
}

/* An application that is not ready yet is served calls nevertheless. */
static void test_not_ready(void **state) {
  struct answer answer;
  (void)state;
  make_hosted(1);
  anycable_server_set_ready(server, false);
  assert_int_equal(anycable_server_start(server), ANYCABLE_OK);
  do {
    assert_int_equal(ask(&answer, "POST", MOUNT "/connect", "{}"), ANYCABLE_OK);
    await(&answer);
  } while (answer.status == 503); /* until it has begun */
  assert_int_equal(answer.status, 200);
  assert_answers("GET", "/health", "", 503, "Not Ready");
  anycable_server_set_ready(server, true);
  assert_answers("GET", "/health", "", 200, "Ready");
  unmake();
}

static int fails(anycable_socket *socket) {
  anycable_socket_log(socket, ANYCABLE_LOG_WARN, "beware");
  assert_string_equal(logged, "command s1 - - beware in Chat");
  return anycable_socket_fail(socket, "broken");
}

/* What the log is told of calls, as they go on and when they have ended. */
static void test_logged(void **state) {
  (void)state;
  make_hosted(0);
  assert_int_equal(anycable_server_dispatch(server), ANYCABLE_OK);
  struct answer answer;
  assert_int_equal(ask(&answer, "POST", MOUNT "/connect", "{}"), ANYCABLE_OK);
  for (int i = 0; i < 100 && answer.times == 0; i++)
    assert_int_equal(anycable_server_dispatch(server), ANYCABLE_OK);
  assert_string_equal(logged, "connect s1 success timed done ");
  on_command = fails;
  assert_int_equal(ask(&answer, "POST", MOUNT "/command",
                       "{\"command\":\"message\",\"identifier\":\"{"
                       "\\\"channel\\\":\\\"Chat\\\"}\"}"),
                   ANYCABLE_OK);
  for (int i = 0; i < 100 && answer.times == 0; i++)
    assert_int_equal(anycable_server_dispatch(server), ANYCABLE_OK);
  assert_string_equal(logged, "command s1 error timed failed: broken in Chat");
  unmake();
}

static void test_invalid(void **state) {
  (void)state;
  const anycable_http_request request = {.size = sizeof(request)};
  const anycable_http_request old = {.size = 8};
  const anycable_http_request none = {.size = sizeof(none), .header_count = 1};
  make_hosted(0);
  assert_int_equal(anycable_server_http(NULL, &request, on_answer, NULL),
                   ANYCABLE_ERR_INVALID);
  assert_int_equal(anycable_server_http(server, NULL, on_answer, NULL),
                   ANYCABLE_ERR_INVALID);
  assert_int_equal(anycable_server_http(server, &request, NULL, NULL),
                   ANYCABLE_ERR_INVALID);
  assert_int_equal(anycable_server_http(server, &old, on_answer, NULL),
                   ANYCABLE_ERR_INVALID);
  assert_int_equal(anycable_server_http(server, &none, on_answer, NULL),
                   ANYCABLE_ERR_INVALID);
  assert_answers("GET", "/health", "", 503, ""); /* nobody drives it */
  unmake();
}

/* In a host's loop, without any thread of ours. */
static void test_in_a_loop(void **state) {
  (void)state;
  struct answer answer;
  make_hosted(3);
  assert_int_equal(anycable_server_dispatch(server), ANYCABLE_OK);
  assert_int_equal(ask(&answer, "POST", MOUNT "/command", MESSAGE),
                   ANYCABLE_OK);
  assert_int_equal(answer.times, 0);
  for (int i = 0; i < 100 && answer.times == 0; i++)
    assert_int_equal(anycable_server_dispatch(server), ANYCABLE_OK);
  assert_int_equal(answer.status, 200);
  unmake();
}

static anycable_deferred *deferred;

static int defers(anycable_socket *socket) {
  deferred = anycable_socket_defer(socket);
  return deferred ? ANYCABLE_PENDING : ANYCABLE_ERR_LIMIT;
}

/* What is deferred is waited for by a drain, and given up by a hard stop. */
static void test_deferred(void **state) {
  (void)state;
  for (int hard = 0; hard < 2; hard++) {
    struct answer answer, late;
    make_hosted(0);
    on_command = defers;
    assert_int_equal(anycable_server_dispatch(server), ANYCABLE_OK);
    assert_int_equal(ask(&answer, "POST", MOUNT "/command", MESSAGE),
                     ANYCABLE_OK);
    for (deferred = NULL; !deferred;)
      assert_int_equal(anycable_server_dispatch(server), ANYCABLE_OK);
    anycable_server_request_stop(server);
    assert_int_equal(anycable_server_dispatch(server), ANYCABLE_OK);
    assert_int_equal(ask(&late, "POST", MOUNT "/command", MESSAGE),
                     ANYCABLE_OK);
    for (int i = 0; i < 10; i++)
      assert_int_equal(anycable_server_dispatch(server), ANYCABLE_OK);
    assert_int_equal(answer.times, 0);
    assert_int_equal(late.status, 503);
    if (hard) {
      anycable_server_request_stop(server);
    } else {
      anycable_deferred_finish(deferred, ANYCABLE_DONE);
      anycable_deferred_free(deferred);
    }
    while (anycable_server_dispatch(server) == ANYCABLE_OK) {
    }
    assert_int_equal(answer.times, 1);
    assert_int_equal(answer.status, hard ? 503 : 200);
    if (hard) {
      assert_true(anycable_deferred_cancelled(deferred));
      anycable_deferred_free(deferred);
    }
    unmake();
  }
}

/* Freeing answers what waits, and what is under way. */
static void test_freed(void **state) {
  (void)state;
  struct answer one, two;
  make_hosted(0);
  on_command = defers;
  deferred = NULL;
  assert_int_equal(anycable_server_dispatch(server), ANYCABLE_OK);
  assert_int_equal(ask(&one, "POST", MOUNT "/command", MESSAGE), ANYCABLE_OK);
  while (!deferred)
    assert_int_equal(anycable_server_dispatch(server), ANYCABLE_OK);
  assert_int_equal(ask(&two, "POST", MOUNT "/command", MESSAGE), ANYCABLE_OK);
  int before = atomic_load(&ctx_destroyed);
  anycable_server_free(server);
  assert_int_equal(one.status, 503);
  assert_int_equal(two.status, 503);
  assert_int_equal(one.times + two.times, 2);
  anycable_app_free(app);
  assert_int_equal(atomic_load(&ctx_destroyed), before);
  anycable_deferred_free(deferred);
  assert_int_equal(atomic_load(&ctx_destroyed), before + 1);
  server = NULL;
}

static void *asks_often(void *ctx) {
  int *good = ctx;
  for (int i = 0; i < 200; i++) {
    struct answer answer;
    assert_int_equal(ask(&answer, "POST", MOUNT "/command", MESSAGE),
                     ANYCABLE_OK);
    await(&answer);
    *good += answer.status == 200;
  }
  return NULL;
}

static void note(const anycable_metric *metric, void *ctx) {
  double *sum = ctx;
  assert_int_equal(metric->size, sizeof(*metric));
  assert_true(*metric->family && *metric->help && *metric->type);
  if (strcmp(metric->name, "anycable_rpc_calls_total") == 0)
    *sum += metric->value;
}

/* From many threads, while figures are read. */
static void test_threads(void **state) {
  (void)state;
  pthread_t threads[4];
  int good[4] = {0};
  make_hosted(3);
  assert_int_equal(anycable_server_start(server), ANYCABLE_OK);
  struct answer answer;
  do {
    assert_int_equal(ask(&answer, "GET", "/health", ""), ANYCABLE_OK);
    await(&answer);
  } while (answer.status != 200);
  for (int i = 0; i < 4; i++)
    pthread_create(&threads[i], NULL, asks_often, &good[i]);
  for (int i = 0; i < 100; i++) {
    double sum = 0;
    anycable_server_metrics(server, note, &sum);
  }
  for (int i = 0; i < 4; i++) {
    pthread_join(threads[i], NULL);
    assert_int_equal(good[i], 200);
  }
  double sum = 0;
  anycable_server_metrics(server, note, &sum);
  assert_true(sum == 800);
  anycable_server_metrics(NULL, note, &sum);
  anycable_server_metrics(server, NULL, NULL);
  unmake();
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_served),    cmocka_unit_test(test_not_ready),
      cmocka_unit_test(test_logged),    cmocka_unit_test(test_invalid),
      cmocka_unit_test(test_in_a_loop), cmocka_unit_test(test_deferred),
      cmocka_unit_test(test_freed),     cmocka_unit_test(test_threads),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
