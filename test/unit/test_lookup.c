/* Looking names up: a resolver that hangs costs the time that was given, and
 * no more. The C library's is replaced by one that hangs for some names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <netdb.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "io/lookup.h"
#include "io/wait.h"

static int hung;       /* readable when those that hang may go on */
static atomic_int ran; /* how many names were looked up */

int getaddrinfo(const char *host, const char *service,
                const struct addrinfo *hints, struct addrinfo **out) {
  uint64_t n;
  *out = NULL;
  if (hints->ai_flags & AI_NUMERICHOST)
    return strcmp(host, "127.0.0.1") == 0 && strcmp(service, "80") == 0
               ? (*out = calloc(1, sizeof(**out)), 0)
               : EAI_NONAME;
  atomic_fetch_add(&ran, 1);
  if (strcmp(host, "silent") == 0)
    assert_int_equal(read(hung, &n, sizeof(n)), sizeof(n));
  if (strcmp(host, "unknown") == 0)
    return EAI_NONAME;
  if (strcmp(host, "later") == 0)
    return EAI_AGAIN;
  *out = calloc(1, sizeof(**out));
  return 0;
}

void freeaddrinfo(struct addrinfo *list) {
  free(list);
}

static struct addrinfo *look_up(const char *host, uint64_t ms, int interrupt,
                                char error[256]) {
  struct ac_wait wait = {ac_clock_now() + ms * AC_MS, interrupt};
  *error = '\0';
  return ac_lookup(host, 80, &wait, error, 256);
}

static void finds_addresses(void **state) {
  (void)state;
  char error[256];
  struct addrinfo *found = look_up("127.0.0.1", 1000, -1, error);
  assert_non_null(found);
  freeaddrinfo(found);
  assert_int_equal(atomic_load(&ran), 0);
  found = look_up("name", 10000, -1, error);
  assert_non_null(found);
  freeaddrinfo(found);
  assert_int_equal(atomic_load(&ran), 1);
}

static void says_why(void **state) {
  (void)state;
  char error[256];
  assert_null(look_up("unknown", 10000, -1, error));
  assert_string_equal(
      error, "the host cannot be looked up: the host name is not known");
  assert_null(look_up("later", 10000, -1, error));
  assert_string_equal(error, "the host cannot be looked up: the name service "
                             "does not answer");
}

static void leaves_a_hung_one_behind(void **state) {
  (void)state;
  char error[256];
  int interrupt = eventfd(1, EFD_CLOEXEC);
  uint64_t before = ac_clock_now();
  assert_null(look_up("silent", 50, -1, error));
  assert_string_equal(error, "the host cannot be looked up: timed out");
  assert_null(look_up("silent", 10000, interrupt, error));
  assert_string_equal(error, "the host cannot be looked up: interrupted");
  assert_true(ac_clock_now() - before < 5 * AC_SECOND);
  close(interrupt);
}

/* The two above still hang. */
static void leaves_few_behind(void **state) {
  (void)state;
  char error[256];
  for (int i = 0; i < 14; i++) {
    assert_null(look_up("silent", 1, -1, error));
    assert_string_equal(error, "the host cannot be looked up: timed out");
  }
  assert_null(look_up("silent", 10000, -1, error));
  assert_string_equal(error, "the host cannot be looked up: Resource "
                             "temporarily unavailable");
  for (int i = 0; i < 16; i++) {
    uint64_t one = 1;
    assert_int_equal(write(hung, &one, sizeof(one)), sizeof(one));
  }
  /* As soon as one has ended, others can begin. */
  struct addrinfo *found;
  while (!(found = look_up("name", 10000, -1, error)))
    ;
  freeaddrinfo(found);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(finds_addresses),
      cmocka_unit_test(says_why),
      cmocka_unit_test(leaves_a_hung_one_behind),
      cmocka_unit_test(leaves_few_behind),
  };
  hung = eventfd(0, EFD_CLOEXEC | EFD_SEMAPHORE);
  return cmocka_run_group_tests(tests, NULL, NULL);
}
