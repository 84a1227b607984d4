/* The Redis adapters out of memory, at every point: create and publish say so,
 * leak nothing, and tell no message a fate that it has not had.
 *
 * The outbox is a fake, as the real one has a thread, whose allocations would
 * be counted, too. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/failing_malloc.h"
#include "unit/redis_peer.h"

/* --- the outbox ----------------------------------------------------------- */

enum { COUNT = 3, MESSAGE_SIZE = 2000 };

struct anycable_outbox {
  int taken;
  int settled;
};

bool anycable_outbox_next(anycable_outbox *outbox, anycable_str *payload) {
  static char message[MESSAGE_SIZE];
  if (outbox->taken == COUNT)
    return false;
  memset(message, 'x', sizeof(message));
  *payload = (anycable_str){message, sizeof(message)};
  outbox->taken++;
  return true;
}

int anycable_outbox_settle(anycable_outbox *outbox, int fate, int64_t receivers,
                           const char *reason) {
  assert_int_equal(fate, ANYCABLE_FATE_PUBLISHED);
  assert_int_equal(receivers, 1);
  assert_null(reason);
  outbox->settled++;
  return ANYCABLE_OK;
}

int anycable_outbox_fail(anycable_outbox *outbox, int error, const char *format,
                         ...) {
  (void)outbox;
  (void)format;
  return error;
}

bool anycable_outbox_pause(anycable_outbox *outbox, int64_t ms) {
  (void)outbox;
  (void)ms;
  return true;
}

int anycable_outbox_fd(const anycable_outbox *outbox) {
  (void)outbox;
  return -1;
}

void anycable_outbox_doubt(anycable_outbox *outbox, size_t count) {
  (void)outbox;
  (void)count;
}

void anycable_outbox_log(anycable_outbox *outbox, int level, const char *format,
                         ...) {
  (void)outbox;
  (void)level;
  (void)format;
}

/* --- the server ----------------------------------------------------------- */

static struct listener listener;

static void answer(int fd, const char *text) {
  send(fd, text, strlen(text), MSG_NOSIGNAL);
}

/* Says that all is well three times, and answers messages when it has all. */
static void serve_one(int fd) {
  static const char *const hello[] = {"+OK\r\n", "+OK\r\n", "+PONG\r\n"};
  char data[4096];
  ssize_t n, total = 0;
  for (int i = 0; i < 3 && recv(fd, data, sizeof(data), 0) > 0; i++)
    answer(fd, hello[i]);
  while ((n = recv(fd, data, sizeof(data), 0)) > 0) {
    total += n;
    if (total > COUNT * MESSAGE_SIZE)
      answer(fd, ":1\r\n:1\r\n:1\r\n");
  }
  close(fd);
}

/* Until the listener is shut. */
static void *serve(void *arg) {
  int fd;
  (void)arg;
  while ((fd = accept(listener.fd, NULL, NULL)) >= 0)
    serve_one(fd);
  return NULL;
}

static anycable_config *new_config(void) {
  char url[64];
  anycable_config *config = anycable_config_new();
  snprintf(url, sizeof(url), "redis://:secret@127.0.0.1:%u/1", listener.port);
  anycable_config_set(config, ANYCABLE_SETTING_REDIS_URL, url);
  return config;
}

/* --- tests ---------------------------------------------------------------- */

/* Creates with the |n|th allocation failing; false once that is one too many.
 */
static bool create(const anycable_config *config, int n, void **publisher) {
  char reason[256] = "";
  *publisher = NULL;
  fail_at(n, false);
  int error = ac_redis_adapter()->create(publisher, config, NULL, reason, 256);
  bool failed = fail_no_more();
  assert_int_equal(error, failed ? ANYCABLE_ERR_NOMEM : ANYCABLE_OK);
  assert_int_equal(*publisher == NULL, failed);
  if (failed)
    assert_non_null(strstr(reason, "out of memory"));
  return failed;
}

static void creates(void **state) {
  (void)state;
  anycable_config *config = new_config();
  void *publisher;
  int n = 1;
  anycable_config_set(config, ANYCABLE_SETTING_REDIS_SENTINELS, "a:1,b:2");
  while (create(config, n, &publisher))
    n++;
  assert_true(n > 2);
  ac_redis_adapter()->destroy(publisher);
  anycable_config_free(config);
}

static void publishes(void **state) {
  (void)state;
  anycable_config *config = new_config();
  char reason[256];
  void *publisher;
  bool failed = true;
  for (int n = 1; failed; n++) {
    struct anycable_outbox outbox = {0, 0};
    assert_int_equal(
        ac_redis_adapter()->create(&publisher, config, NULL, reason, 256), 0);
    fail_at(n, false);
    int error = ac_redis_adapter()->publish(publisher, &outbox);
    failed = fail_no_more();
    assert_int_equal(error != ANYCABLE_OK, failed);
    if (failed)
      assert_true(outbox.settled < COUNT);
    else
      assert_int_equal(outbox.settled, COUNT);
    ac_redis_adapter()->destroy(publisher);
  }
  anycable_config_free(config);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(creates),
      cmocka_unit_test(publishes),
  };
  pthread_t thread;
  listener = listen_anywhere();
  pthread_create(&thread, NULL, serve, NULL);
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  shutdown(listener.fd, SHUT_RDWR);
  pthread_join(thread, NULL);
  close(listener.fd);
  return failed;
}
