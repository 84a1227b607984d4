/* How servers are driven, stopped and freed, also from inside their own
 * handlers and callbacks. Made for TSan as well. */
#include "server_fixture.h"

#include <poll.h>
#include <pthread.h>
#include <stdio.h>

/* --- driving ------------------------------------------------------------- */

static void test_start_and_stop(void **state) {
  (void)state;
  make("127.0.0.1:0", 4);
  assert_int_equal(anycable_server_start(server), ANYCABLE_OK);
  assert_serves();
  assert_int_equal(anycable_server_start(server), ANYCABLE_ERR_STATE);
  assert_int_equal(anycable_server_run(server), ANYCABLE_ERR_STATE);
  assert_int_equal(anycable_server_dispatch(server), ANYCABLE_ERR_STATE);
  assert_true(strlen(anycable_server_error(server)) > 0);
  assert_int_equal(anycable_server_stop(server, 5000), ANYCABLE_OK);
  assert_int_equal(raw_connect(address()), -1);
  assert_int_equal(anycable_server_stop(server, 5000), ANYCABLE_OK);
  assert_int_equal(anycable_server_start(server), ANYCABLE_ERR_STATE);
  unmake();
}

static void *runs(void *arg) {
  *(int *)arg = anycable_server_run(server);
  return NULL;
}

static void test_run_and_request_stop(void **state) {
  pthread_t thread;
  int rc = 1;
  (void)state;
  make("127.0.0.1:0", 0);
  assert_int_equal(pthread_create(&thread, NULL, runs, &rc), 0);
  assert_serves(); /* waits in the backlog until run has begun */
  anycable_server_request_stop(server);
  pthread_join(thread, NULL);
  assert_int_equal(rc, ANYCABLE_OK);
  unmake();
}

static void *calls_elsewhere(void *arg) {
  unsigned char out[64];
  *(int *)arg = raw_call(address(), CONNECT, out, sizeof(out));
  return NULL;
}

/* In a poll loop of the host's, that waits for nothing but the descriptor. */
static int drive(void) {
  struct pollfd pfd = {.fd = anycable_server_fd(server), .events = POLLIN};
  assert_int_equal(poll(&pfd, 1, 10000), 1);
  return anycable_server_dispatch(server);
}

static void test_host_loop(void **state) {
  pthread_t thread;
  int n = 0;
  (void)state;
  make("127.0.0.1:0", 30);
  assert_int_equal(drive(), ANYCABLE_OK); /* readable from the beginning */
  assert_int_equal(pthread_create(&thread, NULL, calls_elsewhere, &n), 0);
  while (pthread_tryjoin_np(thread, NULL) != 0) {
    struct pollfd pfd = {.fd = anycable_server_fd(server), .events = POLLIN};
    if (poll(&pfd, 1, 10) == 1)
      assert_int_equal(anycable_server_dispatch(server), ANYCABLE_OK);
  }
  assert_true(n > 0);
  anycable_server_request_stop(server);
  int rc;
  while ((rc = drive()) == ANYCABLE_OK)
    ;
  assert_int_equal(rc, ANYCABLE_CLOSED);
  assert_int_equal(anycable_server_dispatch(server), ANYCABLE_CLOSED);
  unmake();
}

static void test_stop_drives_a_host_loop(void **state) {
  (void)state;
  make("127.0.0.1:0", 30);
  assert_int_equal(anycable_server_dispatch(server), ANYCABLE_OK);
  assert_int_equal(anycable_server_stop(server, 5000), ANYCABLE_OK);
  unmake();
}

/* Who stops it from elsewhere leaves the loop something to wake up for. */
static void test_closed_stays_readable(void **state) {
  (void)state;
  make("127.0.0.1:0", 30);
  assert_int_equal(anycable_server_dispatch(server), ANYCABLE_OK);
  assert_int_equal(anycable_server_stop(server, 5000), ANYCABLE_OK);
  for (int i = 0; i < 3; i++)
    assert_int_equal(drive(), ANYCABLE_CLOSED);
  unmake();
}

static void test_never_driven(void **state) {
  (void)state;
  make("127.0.0.1:0", 30);
  unmake();
  make("127.0.0.1:0", 30);
  assert_int_equal(anycable_server_stop(server, 0), ANYCABLE_OK);
  assert_int_equal(raw_connect(address()), -1);
  assert_int_equal(anycable_server_start(server), ANYCABLE_ERR_STATE);
  unmake();
}

static void test_null_server(void **state) {
  (void)state;
  anycable_server_free(NULL);
  anycable_server_request_stop(NULL);
  assert_int_equal(anycable_server_start(NULL), ANYCABLE_ERR_INVALID);
  assert_int_equal(anycable_server_run(NULL), ANYCABLE_ERR_INVALID);
  assert_int_equal(anycable_server_dispatch(NULL), ANYCABLE_ERR_INVALID);
  assert_int_equal(anycable_server_stop(NULL, 0), ANYCABLE_ERR_INVALID);
  assert_int_equal(anycable_server_reload_tls(NULL, NULL, NULL),
                   ANYCABLE_ERR_INVALID);
  assert_int_equal(anycable_server_fd(NULL), -1);
  assert_null(anycable_server_address(NULL, 0));
}

/* --- with handlers at work ----------------------------------------------- */

static struct {
  pthread_mutex_t mutex;
  pthread_cond_t cond;
  bool inside, open;
} gate = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, false};

static int waits(anycable_socket *socket) {
  (void)socket;
  pthread_mutex_lock(&gate.mutex);
  gate.inside = true;
  pthread_cond_broadcast(&gate.cond);
  while (!gate.open)
    pthread_cond_wait(&gate.cond, &gate.mutex);
  pthread_mutex_unlock(&gate.mutex);
  return ANYCABLE_DONE;
}

static void await_handler(void) {
  pthread_mutex_lock(&gate.mutex);
  while (!gate.inside)
    pthread_cond_wait(&gate.cond, &gate.mutex);
  pthread_mutex_unlock(&gate.mutex);
}

static void open_gate(void) {
  pthread_mutex_lock(&gate.mutex);
  gate.open = true;
  pthread_cond_broadcast(&gate.cond);
  pthread_mutex_unlock(&gate.mutex);
}

static int begin_call(void) {
  gate.inside = gate.open = false;
  on_command = waits;
  int fd = raw_connect(address());
  assert_true(fd >= 0);
  assert_true(raw_send(fd, 1, COMMAND, NULL, 0));
  await_handler();
  return fd;
}

/* A call under way is finished when there is time for it. */
static void test_drain_finishes_calls(void **state) {
  unsigned char out[64];
  (void)state;
  make("127.0.0.1:0", 2);
  assert_int_equal(anycable_server_start(server), ANYCABLE_OK);
  int fd = begin_call();
  anycable_server_request_stop(server);
  open_gate();
  assert_int_equal(raw_answer(fd, 1, out, sizeof(out)), 2);
  close(fd);
  assert_int_equal(anycable_server_stop(server, 5000), ANYCABLE_OK);
  unmake();
}

static void *stops_with_all_the_time(void *arg) {
  *(int *)arg = anycable_server_stop(server, INT64_MAX);
  return NULL;
}

/* Reads until the server says goodbye. */
static bool await_goaway(int fd) {
  unsigned char head[9], payload[20000];
  do {
    size_t len;
    if (!raw_read(fd, head, 9))
      return false;
    len = (size_t)head[0] << 16 | (size_t)head[1] << 8 | head[2];
    if (len > sizeof(payload) || !raw_read(fd, payload, len))
      return false;
  } while (head[3] != 7);
  return true;
}

/* However much time that is. */
static void test_stop_waits_for_ever(void **state) {
  unsigned char out[64];
  pthread_t thread;
  int rc = 1;
  (void)state;
  make("127.0.0.1:0", 2);
  assert_int_equal(anycable_server_start(server), ANYCABLE_OK);
  int fd = begin_call();
  pthread_create(&thread, NULL, stops_with_all_the_time, &rc);
  assert_true(await_goaway(fd));
  open_gate();
  assert_int_equal(raw_answer(fd, 1, out, sizeof(out)), 2);
  close(fd);
  pthread_join(thread, NULL);
  assert_int_equal(rc, ANYCABLE_OK);
  unmake();
}

/* And when there is not, stop says that a handler runs still. */
static void test_stop_is_bounded(void **state) {
  unsigned char out[64];
  (void)state;
  make("127.0.0.1:0", 2);
  assert_int_equal(anycable_server_start(server), ANYCABLE_OK);
  int fd = begin_call();
  assert_int_equal(anycable_server_stop(server, 10), ANYCABLE_ERR_BUSY);
  assert_int_equal(raw_answer(fd, 1, out, sizeof(out)), -1);
  close(fd);
  open_gate();
  unmake(); /* waits for it */
}

static int stops_itself(anycable_socket *socket) {
  (void)socket;
  if (anycable_server_stop(server, 0) != ANYCABLE_ERR_STATE ||
      anycable_server_dispatch(server) == ANYCABLE_OK)
    return ANYCABLE_ERR_INVALID;
  anycable_server_request_stop(server);
  return ANYCABLE_DONE;
}

static void test_stop_in_a_handler(void **state) {
  (void)state;
  for (int workers = 0; workers <= 2; workers += 2) {
    unsigned char out[64];
    on_command = stops_itself;
    make("127.0.0.1:0", workers);
    assert_int_equal(anycable_server_start(server), ANYCABLE_OK);
    assert_int_equal(raw_call(address(), COMMAND, out, sizeof(out)), 2);
    assert_int_equal(anycable_server_stop(server, 5000), ANYCABLE_OK);
    unmake();
  }
}

static int frees_itself(anycable_socket *socket) {
  (void)socket;
  anycable_server_free(server);
  return ANYCABLE_DONE;
}

/* The application's ctx outlives the server: when that is destroyed, the
 * server is gone. */
static void await_destroyed(int count) {
  while (atomic_load(&ctx_destroyed) < count)
    sched_yield();
}

static void test_free_in_a_handler(void **state) {
  (void)state;
  for (int workers = 0; workers <= 2; workers += 2) {
    unsigned char out[64];
    int before = atomic_load(&ctx_destroyed);
    on_command = frees_itself;
    make("127.0.0.1:0", workers);
    char *to = strdup(address());
    assert_int_equal(anycable_server_start(server), ANYCABLE_OK);
    raw_call(to, COMMAND, out, sizeof(out));
    anycable_app_free(app);
    await_destroyed(before + 1);
    free(to);
  }
}

static void test_free_in_a_host_loop(void **state) {
  int before = atomic_load(&ctx_destroyed);
  (void)state;
  on_command = frees_itself;
  make("127.0.0.1:0", 0);
  assert_int_equal(anycable_server_dispatch(server), ANYCABLE_OK);
  int fd = raw_connect(address());
  assert_true(raw_send(fd, 1, COMMAND, NULL, 0));
  int rc;
  while ((rc = drive()) == ANYCABLE_OK)
    ;
  assert_int_equal(rc, ANYCABLE_CLOSED); /* and the server is gone */
  close(fd);
  anycable_app_free(app);
  assert_int_equal(atomic_load(&ctx_destroyed), before + 1);
}

/* The same in callbacks that are no handlers, but run inside the server too. */
static void destroy_frees(anycable_socket *socket) {
  (void)socket;
  on_destroy = NULL;
  anycable_server_free(server);
}

static void test_free_in_destroy(void **state) {
  (void)state;
  for (int workers = 0; workers <= 2; workers += 2) {
    unsigned char out[64];
    int before = atomic_load(&ctx_destroyed);
    on_command = NULL;
    on_destroy = destroy_frees;
    make("127.0.0.1:0", workers);
    char *to = strdup(address());
    assert_int_equal(anycable_server_start(server), ANYCABLE_OK);
    raw_call(to, COMMAND, out, sizeof(out));
    anycable_app_free(app);
    await_destroyed(before + 1);
    free(to);
  }
}

/* TSan's: destroy uses the call's memory while the answer goes out. */
static void destroy_allocates(anycable_socket *socket) {
  for (int i = 0; i < 20; i++)
    assert_non_null(anycable_socket_alloc(socket, 16));
}

static void *finish_and_free(void *deferred) {
  anycable_deferred_finish(deferred, ANYCABLE_DONE);
  anycable_deferred_free(deferred);
  return NULL;
}

static int hands_over(anycable_socket *socket) {
  pthread_t thread;
  anycable_deferred *deferred = anycable_socket_defer(socket);
  assert_int_equal(pthread_create(&thread, NULL, finish_and_free, deferred), 0);
  pthread_detach(thread);
  return ANYCABLE_PENDING;
}

static void test_destroy_uses_memory(void **state) {
  (void)state;
  for (int pass = 0; pass < 2; pass++) {
    unsigned char out[64];
    int before = atomic_load(&ctx_destroyed);
    on_command = pass ? hands_over : NULL;
    on_destroy = destroy_allocates;
    make("127.0.0.1:0", 2);
    assert_int_equal(anycable_server_start(server), ANYCABLE_OK);
    int fd = raw_connect(address());
    for (uint32_t id = 1; id < 200; id += 2) {
      assert_true(raw_send(fd, id, COMMAND, NULL, 0));
      assert_int_equal(raw_answer(fd, id, out, sizeof(out)), 2);
    }
    close(fd);
    anycable_server_free(server);
    anycable_app_free(app);
    await_destroyed(before + 1);
    on_destroy = NULL;
  }
}

static _Atomic(anycable_deferred *) held;

static void cancel_frees(anycable_deferred *deferred, void *ctx) {
  (void)ctx;
  assert_int_equal(anycable_server_stop(server, 0), ANYCABLE_ERR_STATE);
  anycable_server_free(server);
  anycable_deferred_free(deferred);
}

static int pends(anycable_socket *socket) {
  anycable_deferred *deferred = anycable_socket_defer(socket);
  anycable_deferred_on_cancel(deferred, cancel_frees, NULL);
  atomic_store(&held, deferred);
  return ANYCABLE_PENDING;
}

static void test_free_in_on_cancel(void **state) {
  (void)state;
  on_command = pends;
  for (int workers = 0; workers <= 2; workers += 2) {
    int before = atomic_load(&ctx_destroyed);
    make("127.0.0.1:0", workers);
    atomic_store(&held, NULL);
    assert_int_equal(anycable_server_start(server), ANYCABLE_OK);
    int fd = raw_connect(address());
    assert_true(raw_send(fd, 1, COMMAND, NULL, 0));
    while (!atomic_load(&held))
      sched_yield();
    close(fd);
    anycable_app_free(app);
    await_destroyed(before + 1);
  }
}

static void test_free_in_on_cancel_in_a_host_loop(void **state) {
  int before = atomic_load(&ctx_destroyed);
  (void)state;
  on_command = pends;
  atomic_store(&held, NULL);
  make("127.0.0.1:0", 0);
  int fd = raw_connect(address());
  assert_true(raw_send(fd, 1, COMMAND, NULL, 0));
  while (!atomic_load(&held))
    assert_int_equal(drive(), ANYCABLE_OK);
  close(fd);
  int rc;
  while ((rc = drive()) == ANYCABLE_OK)
    ;
  assert_int_equal(rc, ANYCABLE_CLOSED);
  anycable_app_free(app);
  assert_int_equal(atomic_load(&ctx_destroyed), before + 1);
}

/* TSan's: handlers run inline while another thread stops. */
static void test_stop_while_inline_handlers_run(void **state) {
  unsigned char out[64];
  pthread_t thread;
  int rc = 1;
  (void)state;
  on_command = NULL;
  make("127.0.0.1:0", 0);
  assert_int_equal(anycable_server_start(server), ANYCABLE_OK);
  int fd = raw_connect(address());
  assert_true(raw_send(fd, 1, COMMAND, NULL, 0));
  assert_int_equal(raw_answer(fd, 1, out, sizeof(out)), 2);
  pthread_create(&thread, NULL, stops_with_all_the_time, &rc);
  for (uint32_t id = 3; raw_send(fd, id, COMMAND, NULL, 0); id += 2) {
    if (raw_answer(fd, id, out, sizeof(out)) != 2)
      break;
  }
  close(fd);
  pthread_join(thread, NULL);
  assert_int_equal(rc, ANYCABLE_OK);
  unmake();
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_start_and_stop),
      cmocka_unit_test(test_run_and_request_stop),
      cmocka_unit_test(test_host_loop),
      cmocka_unit_test(test_stop_drives_a_host_loop),
      cmocka_unit_test(test_closed_stays_readable),
      cmocka_unit_test(test_never_driven),
      cmocka_unit_test(test_null_server),
      cmocka_unit_test(test_drain_finishes_calls),
      cmocka_unit_test(test_stop_waits_for_ever),
      cmocka_unit_test(test_stop_is_bounded),
      cmocka_unit_test(test_stop_in_a_handler),
      cmocka_unit_test(test_free_in_a_handler),
      cmocka_unit_test(test_free_in_a_host_loop),
      cmocka_unit_test(test_free_in_destroy),
      cmocka_unit_test(test_destroy_uses_memory),
      cmocka_unit_test(test_free_in_on_cancel),
      cmocka_unit_test(test_free_in_on_cancel_in_a_host_loop),
      cmocka_unit_test(test_stop_while_inline_handlers_run),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
