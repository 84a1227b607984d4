/* Servers as what a process makes: many, several, beside the host's own
 * signals and forks; and what cannot be made. */
#include "server_fixture.h"

#include <dirent.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#include "h2_peer.h"

static size_t open_files(void) {
  size_t n = 0;
  DIR *dir = opendir("/proc/self/fd");
  while (readdir(dir))
    n++;
  closedir(dir);
  return n;
}

/* --- the process --------------------------------------------------------- */

static void test_many_lives(void **state) {
  (void)state;
  on_command = NULL;
  make("127.0.0.1:0", 2);
  unmake();
  size_t before = open_files();
  for (int i = 0; i < 200; i++) {
    make("127.0.0.1:0", 2);
    assert_int_equal(anycable_server_start(server), ANYCABLE_OK);
    if (i % 10 == 0)
      assert_serves();
    unmake();
  }
  assert_int_equal(open_files(), before);
}

static void test_two_servers_one_app(void **state) {
  anycable_server *other;
  anycable_config *config = anycable_config_new();
  (void)state;
  on_command = NULL;
  make("127.0.0.1:0", 2);
  anycable_config_set_rpc_host(config, "127.0.0.1:0, 127.0.0.1:0");
  assert_int_equal(anycable_server_new(&other, app, config), ANYCABLE_OK);
  anycable_config_free(config);
  assert_non_null(anycable_server_address(other, 1));
  assert_null(anycable_server_address(other, 2));
  assert_int_equal(anycable_server_start(server), ANYCABLE_OK);
  assert_int_equal(anycable_server_start(other), ANYCABLE_OK);
  assert_serves();
  unsigned char out[64];
  assert_true(raw_call(anycable_server_address(other, 1), CONNECT, out,
                       sizeof(out)) >= 2);
  anycable_server_free(other);
  assert_serves();
  unmake();
}

static struct sigaction actions[64];

static void read_actions(struct sigaction *out) {
  for (int i = 1; i < 64; i++)
    sigaction(i, NULL, &out[i]);
}

/* Signals are the host's, also that of a broken pipe. */
static void test_signals_untouched(void **state) {
  struct sigaction now[64];
  sigset_t before, after;
  (void)state;
  memset(now, 0, sizeof(now));
  read_actions(actions);
  pthread_sigmask(SIG_SETMASK, NULL, &before);
  make("127.0.0.1:0", 2);
  assert_int_equal(anycable_server_start(server), ANYCABLE_OK);
  for (int i = 0; i < 20; i++) { /* clients that do not wait for answers */
    int fd = raw_connect(address());
    assert_true(raw_send(fd, 1, CONNECT, NULL, 0));
    struct linger hard = {1, 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
    close(fd);
  }
  assert_serves();
  unmake();
  read_actions(now);
  pthread_sigmask(SIG_SETMASK, NULL, &after);
  for (int i = 1; i < 64; i++)
    assert_ptr_equal(actions[i].sa_handler, now[i].sa_handler);
  for (int i = 1; i < 32; i++)
    assert_int_equal(sigismember(&before, i), sigismember(&after, i));
}

/* A child may call, is told, and harms nobody. */
static void test_fork(void **state) {
  (void)state;
  make("127.0.0.1:0", 2);
  assert_int_equal(anycable_server_start(server), ANYCABLE_OK);
  assert_serves();
  pid_t pid = fork();
  assert_true(pid >= 0);
  if (pid == 0) {
    bool told = anycable_server_start(server) == ANYCABLE_ERR_FORKED &&
                anycable_server_run(server) == ANYCABLE_ERR_FORKED &&
                anycable_server_dispatch(server) == ANYCABLE_ERR_FORKED &&
                anycable_server_stop(server, 0) == ANYCABLE_ERR_FORKED;
    anycable_server_request_stop(server);
    anycable_server_free(server);
    _exit(told ? 0 : 1);
  }
  int status;
  assert_int_equal(waitpid(pid, &status, 0), pid);
  assert_int_equal(status, 0);
  assert_serves();
  unmake();
}

/* --- memory -------------------------------------------------------------- */

static _Atomic(anycable_deferred *) held;

static int pends(anycable_socket *socket) {
  atomic_store(&held, anycable_socket_defer(socket));
  return ANYCABLE_PENDING;
}

static void assert_answered(struct peer *peer, uint32_t id,
                            const char *status) {
  struct peer_frame frame;
  assert_true(peer_call(peer, id, COMMAND, NULL, 0));
  do {
    assert_true(peer_await_type(peer, PEER_HEADERS, id, &frame));
  } while (!(frame.flags & PEER_END));
  assert_non_null(strstr(frame.text, status));
}

/* The memory of a call that was given up counts until its holder frees it. */
static void test_memory_of_deferred_calls(void **state) {
  static struct peer peer;
  struct peer_frame frame;
  (void)state;
  app = anycable_app_new();
  anycable_config *config = anycable_config_new();
  anycable_app_set_factory(app, &ops, &ctx_destroyed, ctx_destroy);
  anycable_config_set_rpc_host(config, "127.0.0.1:0");
  anycable_config_set_workers(config, 0);
  anycable_config_set_limit(config, ANYCABLE_LIMIT_MEMORY, 6000);
  assert_int_equal(anycable_server_new(&server, app, config), ANYCABLE_OK);
  anycable_config_free(config);
  assert_int_equal(anycable_server_start(server), ANYCABLE_OK);
  peer_begin(&peer, raw_connect(address()));
  assert_true(peer_hello(&peer, NULL, 0));
  on_command = pends;
  assert_true(peer_call(&peer, 1, COMMAND, NULL, 0));
  while (!atomic_load(&held))
    sched_yield();
  on_command = NULL;
  assert_true(peer_send(&peer, PEER_RST, 0, 1, "\0\0\0\x08", 4));
  assert_true(peer_send(&peer, PEER_PING, 0, 0, "12345678", 8));
  assert_true(peer_await_type(&peer, PEER_PING, 0, &frame));
  assert_answered(&peer, 3, "grpc-status: 8\n");
  anycable_deferred_free(atomic_load(&held));
  assert_answered(&peer, 5, "grpc-status: 0\n");
  peer_close(&peer);
  unmake();
}

static void count_refusals(int level, const char *message, void *ctx) {
  (void)level;
  if (strstr(message, "refused"))
    ++*(int *)ctx;
}

/* Who connects in vain cannot fill the log. */
static void test_connections_over_the_limit(void **state) {
  static struct peer peer;
  struct peer_frame frame;
  int lines = 0;
  (void)state;
  app = anycable_app_new();
  anycable_config *config = anycable_config_new();
  anycable_app_set_factory(app, &ops, &ctx_destroyed, ctx_destroy);
  anycable_config_set_rpc_host(config, "127.0.0.1:0");
  anycable_config_set_limit(config, ANYCABLE_LIMIT_CONNECTIONS, 1);
  anycable_config_set_log(config, count_refusals, &lines);
  assert_int_equal(anycable_server_new(&server, app, config), ANYCABLE_OK);
  anycable_config_free(config);
  assert_int_equal(anycable_server_start(server), ANYCABLE_OK);
  peer_begin(&peer, raw_connect(address()));
  assert_true(peer_hello(&peer, NULL, 0));
  assert_true(peer_await(&peer, &frame));
  for (int i = 0; i < 300; i++) {
    char byte;
    int fd = raw_connect(address());
    assert_int_equal(recv(fd, &byte, 1, 0), 0);
    close(fd);
  }
  peer_close(&peer);
  unmake();
  assert_in_range(lines, 1, 150);
}

static void count_introductions(int level, const char *message, void *ctx) {
  if (level == ANYCABLE_LOG_DEBUG && strstr(message, " is raw/1.0"))
    ++*(int *)ctx;
}

/* Who calls is logged, once a connection. */
static void test_user_agent(void **state) {
  unsigned char out[64];
  int lines = 0;
  (void)state;
  app = anycable_app_new();
  anycable_config *config = anycable_config_new();
  anycable_app_set_factory(app, &ops, &ctx_destroyed, ctx_destroy);
  anycable_config_set_rpc_host(config, "127.0.0.1:0");
  anycable_config_set_log(config, count_introductions, &lines);
  anycable_config_set_log_level(config, ANYCABLE_LOG_DEBUG);
  assert_int_equal(anycable_server_new(&server, app, config), ANYCABLE_OK);
  anycable_config_free(config);
  assert_int_equal(anycable_server_start(server), ANYCABLE_OK);
  int fd = raw_connect(address());
  for (uint32_t id = 1; id < 7; id += 2) {
    assert_true(raw_send(fd, id, CONNECT, NULL, 0));
    assert_true(raw_answer(fd, id, out, sizeof(out)) >= 2);
  }
  close(fd);
  unmake();
  assert_int_equal(lines, 1);
}

/* --- bad input ----------------------------------------------------------- */

static void assert_refused(const char *host, const char *words) {
  anycable_config *config = anycable_config_new();
  app = anycable_app_new();
  anycable_app_set_factory(app, &ops, &ctx_destroyed, ctx_destroy);
  anycable_config_set_rpc_host(config, host);
  server = (anycable_server *)app;
  int rc = anycable_server_new(&server, app, config);
  assert_true(rc < 0);
  assert_null(server);
  if (!strstr(anycable_app_error(app), words))
    fail_msg("\"%s\" does not say \"%s\"", anycable_app_error(app), words);
  anycable_config_free(config);
  anycable_app_free(app);
}

static void test_bad_addresses(void **state) {
  (void)state;
  assert_refused("nowhere", "nowhere");
  assert_refused("127.0.0.1:99999", "99999");
  assert_refused("127.0.0.1:0,what", "what");
  assert_refused("unix:/no/such/dir/socket", "/no/such/dir");
  assert_refused("192.0.2.1:0", "192.0.2.1");
}

/* What failed is no server: the application can still be changed. */
static void test_register_after_a_failure(void **state) {
  anycable_config *config = anycable_config_new();
  (void)state;
  app = anycable_app_new();
  anycable_app_set_factory(app, &ops, NULL, NULL);
  anycable_config_set_rpc_host(config, "unix:/no/such/dir/socket");
  assert_int_equal(anycable_server_new(&server, app, config), ANYCABLE_ERR_IO);
  anycable_app_on_error(app, NULL, NULL);
  anycable_config_set_rpc_host(config, "127.0.0.1:0");
  assert_int_equal(anycable_server_new(&server, app, config), ANYCABLE_OK);
  anycable_app_on_error(app, NULL, NULL); /* too late */
  anycable_server *second;
  assert_int_equal(anycable_server_new(&second, app, config),
                   ANYCABLE_ERR_STATE);
  anycable_config_free(config);
  anycable_server_free(server);
  anycable_app_free(app);
}

static void test_bad_applications(void **state) {
  anycable_server *none;
  (void)state;
  assert_int_equal(anycable_server_new(NULL, NULL, NULL), ANYCABLE_ERR_INVALID);
  assert_int_equal(anycable_server_new(&none, NULL, NULL), ANYCABLE_ERR_NOMEM);
  assert_string_equal(anycable_app_error(NULL), "out of memory");
  anycable_app_set_factory(NULL, &ops, NULL, NULL);
  anycable_app_free(NULL);

  anycable_app *bare = anycable_app_new();
  assert_int_equal(anycable_server_new(&none, bare, NULL),
                   ANYCABLE_ERR_INVALID);
  assert_non_null(strstr(anycable_app_error(bare), "factory"));
  anycable_app_set_factory(bare, &ops, NULL, NULL);
  assert_int_equal(anycable_server_new(&none, bare, NULL),
                   ANYCABLE_ERR_INVALID);
  assert_non_null(strstr(anycable_app_error(bare), "config"));
  anycable_app_free(bare);
  bare = anycable_app_new();
  anycable_session_ops small = ops;
  small.size = 4;
  anycable_app_set_factory(bare, &small, NULL, NULL);
  assert_int_equal(anycable_server_new(&none, bare, NULL),
                   ANYCABLE_ERR_INVALID);
  assert_non_null(strstr(anycable_app_error(bare), "size"));
  anycable_app_free(bare);

  struct {
    anycable_session_ops ops;
    void *newer;
  } larger = {ops, NULL};
  larger.ops.size = sizeof(larger);
  bare = anycable_app_new();
  anycable_app_set_factory(bare, &larger.ops, NULL, NULL);
  assert_string_equal(anycable_app_error(bare), "");
  anycable_app_free(bare);
  larger.newer = &larger; /* a function that this library does not know */
  bare = anycable_app_new();
  anycable_app_set_factory(bare, &larger.ops, NULL, NULL);
  assert_non_null(strstr(anycable_app_error(bare), "newer"));
  anycable_app_free(bare);
}

static void test_registering(void **state) {
  int before = atomic_load(&ctx_destroyed);
  (void)state;
  make("127.0.0.1:0", 0);
  assert_ptr_equal(anycable_app_factory(app, &ops), &ctx_destroyed);
  anycable_session_ops other = ops;
  assert_null(anycable_app_factory(app, &other));
  anycable_app_set_factory(app, &other, &ctx_destroyed, ctx_destroy);
  assert_int_equal(atomic_load(&ctx_destroyed), before + 1); /* not kept */
  assert_non_null(strstr(anycable_app_error(app), "has a server already"));
  anycable_server_free(server);
  anycable_app_free(app);
  assert_int_equal(atomic_load(&ctx_destroyed), before + 2);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_many_lives),
      cmocka_unit_test(test_two_servers_one_app),
      cmocka_unit_test(test_signals_untouched),
      cmocka_unit_test(test_fork),
      cmocka_unit_test(test_memory_of_deferred_calls),
      cmocka_unit_test(test_connections_over_the_limit),
      cmocka_unit_test(test_user_agent),
      cmocka_unit_test(test_bad_addresses),
      cmocka_unit_test(test_register_after_a_failure),
      cmocka_unit_test(test_bad_applications),
      cmocka_unit_test(test_registering),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
