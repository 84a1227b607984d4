/* Out of memory, at every point: a scenario is run once to count allocations,
 * then once for each, that one failing; then once for each, that one and all
 * after it failing. Nothing may crash or leak, the calls end in some answer or
 * a closed connection, and when there is memory again the server serves.
 *
 * Linked with --wrap, so that it concerns our own allocations and nghttp2's,
 * which come from our pool. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <poll.h>
#include <stdio.h>

#include <anycable.h>

#include "failing_malloc.h"
#include "raw_call.h"

/* --- the application ----------------------------------------------------- */

static anycable_deferred *deferred;

static void *create(anycable_socket *socket, anycable_str identifiers,
                    const anycable_str *subscriptions, size_t count,
                    void *ctx) {
  (void)identifiers, (void)subscriptions, (void)count, (void)ctx;
  return socket;
}

static int opens(void *session) {
  anycable_socket *socket = session;
  const anycable_request *request = anycable_socket_request(socket);
  anycable_str query = anycable_request_query(request, "user");
  anycable_socket_set_cstate(socket, "user", query);
  return anycable_socket_transmit(
      socket,
      anycable_socket_format(
          socket, "{\"sid\":%s}",
          anycable_socket_quote(socket, anycable_request_sid(request)).ptr));
}

static int closes(void *session) {
  deferred = anycable_socket_defer(session);
  return deferred ? ANYCABLE_PENDING : ANYCABLE_ERR_LIMIT;
}

static int command(void *session, anycable_str identifier, anycable_str name,
                   anycable_str data) {
  (void)name, (void)data;
  for (int i = 0; i < 20; i++)
    anycable_socket_subscribe(session, identifier, ANYCABLE_STR("stream"));
  for (int i = 0; i < 8; i++) { /* more than a block holds */
    char *large = anycable_socket_alloc(session, 3000);
    if (!large)
      return anycable_socket_fail(session, "no memory");
  }
  return anycable_socket_set_istate(session, "k", ANYCABLE_STR("v"));
}

static const anycable_session_ops ops = {.size = sizeof(ops),
                                         .create = create,
                                         .handle_open = opens,
                                         .handle_close = closes,
                                         .handle_channel_command = command};

/* --- the scenario -------------------------------------------------------- */

static anycable_server *server;

/* Turns the loop while there is something to do at once. */
static void turn(void) {
  struct pollfd pfd = {.fd = anycable_server_fd(server), .events = POLLIN};
  for (int i = 0; i < 1000 && poll(&pfd, 1, 0) == 1; i++) {
    if (anycable_server_dispatch(server) != ANYCABLE_OK)
      return;
    if (!deferred)
      continue;
    anycable_deferred_finish(deferred, ANYCABLE_DONE);
    anycable_deferred_free(deferred);
    deferred = NULL;
  }
}

/* One connection, each of the methods. True if all were answered well. */
static bool calls(void) {
  static const char *const paths[] = {
      "/anycable.RPC/Connect", "/anycable.RPC/Command",
      "/anycable.RPC/Disconnect", "/grpc.health.v1.Health/Check"};
  unsigned char out[4096];
  bool good = true;
  int fd = raw_connect(anycable_server_address(server, 0));
  if (fd < 0)
    return false;
  turn();
  for (uint32_t i = 0; i < 4 && good; i++) {
    good = raw_send(fd, 2 * i + 1, paths[i], NULL, 0);
    turn();
    struct pollfd pfd = {.fd = fd, .events = POLLIN};
    good = good && poll(&pfd, 1, 0) == 1 &&
           raw_answer(fd, 2 * i + 1, out, sizeof(out)) >= 2 &&
           memcmp(out, "\x08\x01", 2) == 0;
  }
  close(fd);
  turn();
  return good;
}

/* --- the same over HTTP --------------------------------------------------- */

#define META "Host: h\r\nX-Anycable-Meta-Protov: v1\r\n"

static const char request[] =
    "POST /_anycable/connect HTTP/1.1\r\n" META "Content-Length: 42\r\n\r\n"
    "{\"env\":{\"url\":\"http://h/cable?user=jack\"}}"
    "POST /_anycable/command HTTP/1.1\r\n" META
    "Transfer-Encoding: chunked\r\n\r\n"
    "2c\r\n{\"command\":\"message\",\"identifier\":\"i\",\"env\":\r\n"
    "1c\r\n{\"headers\":{\"a\":\"b\"}},\"x\":1}\r\n0\r\n\r\n"
    "POST /_anycable/disconnect HTTP/1.1\r\n" META "Content-Length: 2\r\n\r\n{}"
    "GET /metrics HTTP/1.1\r\nHost: h\r\n\r\n";

/* How many answers of 200 there are in what comes. */
static int good_answers(int fd) {
  static char text[65536];
  size_t len = 0;
  ssize_t n;
  int good = 0;
  struct pollfd pfd = {.fd = fd, .events = POLLIN};
  while (len < sizeof(text) - 1 && poll(&pfd, 1, 0) == 1 &&
         (n = read(fd, text + len, sizeof(text) - 1 - len)) > 0) {
    len += (size_t)n;
    turn();
  }
  text[len] = '\0';
  for (char *at = text; (at = strstr(at, "HTTP/1.1 200 OK\r\n")); at++)
    good++;
  return good;
}

static void on_answer(const anycable_http_response *response, void *ctx) {
  *(int *)ctx = response->status;
}

/* By a connection, and by the host's function. */
static bool http_calls(void) {
  int status = 0;
  const anycable_http_request hosted = {.size = sizeof(hosted),
                                        .method = ANYCABLE_STR("GET"),
                                        .path = ANYCABLE_STR("/health")};
  int fd = raw_connect(anycable_server_address(server, 0));
  if (fd < 0)
    return false;
  turn();
  bool good = send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL) > 0;
  turn();
  good = good_answers(fd) == 4 && good;
  close(fd);
  turn();
  if (anycable_server_http(server, &hosted, on_answer, &status) ==
      ANYCABLE_OK) {
    turn();
    assert_int_not_equal(status, 0);
  }
  return good && status == 200;
}

static bool http; /* what is called by */

static bool all_calls(void) {
  return http ? http_calls() : calls();
}

/* A whole life. |well| says if every step went well. */
static bool life(void) {
  bool well = false;
  anycable_app *app = anycable_app_new();
  anycable_config *config = anycable_config_new();
  anycable_app_set_factory(app, &ops, NULL, NULL);
  anycable_config_set_rpc_host(config, "127.0.0.1:0");
  if (http)
    anycable_config_set(config, ANYCABLE_SETTING_HTTP_RPC_MOUNT_PATH,
                        "/_anycable");
  if (anycable_server_new(&server, app, config) == ANYCABLE_OK) {
    turn();
    well = all_calls();
    int failed_at = failing.number;
    failing.number = 0; /* there is memory again */
    if (!all_calls())
      fail_msg("allocation %d: the server does not serve any more", failed_at);
    failing.number = failed_at;
    anycable_server_stop(server, 0);
    anycable_server_free(server);
  } else {
    assert_null(server);
    assert_true(strlen(anycable_app_error(app)) > 0);
  }
  anycable_config_free(config);
  anycable_app_free(app);
  return well;
}

static void test_each(void **state) {
  int total;
  (void)state;
  fail_at(0, false);
  assert_true(life());
  total = failing.seen;
  assert_in_range(total, 50, 5000);
  for (int pass = 0; pass < 2; pass++) {
    int bad = 0;
    for (int i = 1; i <= total; i++) {
      fail_at(i, pass == 1);
      if (!life())
        bad++;
    }
    fail_no_more();
    assert_true(bad > 10); /* or nothing failed at all */
  }
}

static void test_each_over_http(void **state) {
  http = true;
  test_each(state);
  http = false;
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_each),
                                     cmocka_unit_test(test_each_over_http)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
