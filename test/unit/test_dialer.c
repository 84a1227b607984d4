/* Connecting: to the first address that answers, in time, and no longer than
 * it is wanted. Names are looked up in a table of the test's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "io/dialer.h"
#include "io/link.h"
#include "io/stream.h"
#include "io/wait.h"

/* --- names ---------------------------------------------------------------- */

struct entry {
  struct addrinfo info;
  struct sockaddr_in address;
};

static struct addrinfo *entry(const char *address, const char *port,
                              struct addrinfo *next) {
  struct entry *entry = calloc(1, sizeof(*entry));
  entry->address.sin_family = AF_INET;
  entry->address.sin_port = htons((uint16_t)atoi(port));
  inet_pton(AF_INET, address, &entry->address.sin_addr);
  entry->info.ai_family = AF_INET;
  entry->info.ai_addr = (struct sockaddr *)&entry->address;
  entry->info.ai_addrlen = sizeof(entry->address);
  entry->info.ai_next = next;
  return &entry->info;
}

/* "two" has two addresses, of which the second is the usual one. */
int getaddrinfo(const char *host, const char *service,
                const struct addrinfo *hints, struct addrinfo **out) {
  bool two = strcmp(host, "two") == 0;
  if (two && hints->ai_flags & AI_NUMERICHOST)
    return EAI_NONAME;
  *out = two ? entry("127.0.0.2", service, entry("127.0.0.1", service, NULL))
             : entry(host, service, NULL);
  return 0;
}

void freeaddrinfo(struct addrinfo *list) {
  while (list) {
    struct addrinfo *next = list->ai_next;
    free(list);
    list = next;
  }
}

/* --- ends ----------------------------------------------------------------- */

static int listen_on(const char *address, unsigned *port, int backlog) {
  struct sockaddr_in in = {.sin_family = AF_INET,
                           .sin_port = htons((uint16_t)*port)};
  socklen_t len = sizeof(in);
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  inet_pton(AF_INET, address, &in.sin_addr);
  assert_int_equal(bind(fd, (struct sockaddr *)&in, len), 0);
  assert_int_equal(listen(fd, backlog), 0);
  assert_int_equal(getsockname(fd, (struct sockaddr *)&in, &len), 0);
  *port = ntohs(in.sin_port);
  return fd;
}

static struct ac_wait in_ms(uint64_t ms, int interrupt) {
  struct ac_wait wait = {ac_clock_now() + ms * AC_MS, interrupt};
  return wait;
}

/* --- the dialer ----------------------------------------------------------- */

static int option(int fd, int level, int name) {
  int value = 0;
  socklen_t len = sizeof(value);
  assert_int_equal(getsockopt(fd, level, name, &value, &len), 0);
  return value;
}

static void connects(void **state) {
  (void)state;
  char error[128] = "";
  unsigned port = 0;
  int listener = listen_on("127.0.0.1", &port, 1);
  struct ac_wait wait = in_ms(5000, -1);
  int fd = ac_dialer_connect("127.0.0.1", port, &wait, error, sizeof(error));
  assert_string_equal(error, "");
  assert_true(fd >= 0);
  assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
  assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
  assert_int_equal(option(fd, IPPROTO_TCP, TCP_NODELAY), 1);
  assert_int_equal(option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT), 20000);
  assert_int_equal(option(fd, SOL_SOCKET, SO_KEEPALIVE), 1);
  int peer = accept(listener, NULL, NULL);
  assert_int_equal(send(fd, "x", 1, 0), 1);
  char got;
  assert_int_equal(recv(peer, &got, 1, 0), 1);
  close(peer);
  close(fd);
  close(listener);
}

static void says_why_it_cannot(void **state) {
  (void)state;
  char error[128] = "";
  unsigned port = 0;
  close(listen_on("127.0.0.1", &port, 1));
  struct ac_wait wait = in_ms(5000, -1);
  assert_int_equal(
      ac_dialer_connect("127.0.0.1", port, &wait, error, sizeof(error)), -1);
  assert_string_equal(error, "cannot connect: Connection refused");
}

static void tries_all_addresses(void **state) {
  (void)state;
  char error[128] = "";
  unsigned port = 0;
  int listener = listen_on("127.0.0.1", &port, 1);
  struct ac_wait wait = in_ms(5000, -1);
  int fd = ac_dialer_connect("two", port, &wait, error, sizeof(error));
  assert_true(fd >= 0);
  close(fd);
  close(listener);
}

/* The kernel drops what would make a queue too long. */
static int fill(unsigned port, const char *address, int fds[8]) {
  struct sockaddr_in in = {.sin_family = AF_INET,
                           .sin_port = htons((uint16_t)port)};
  int n = 0;
  inet_pton(AF_INET, address, &in.sin_addr);
  for (; n < 8; n++) {
    fds[n] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    connect(fds[n], (struct sockaddr *)&in, sizeof(in));
  }
  return n;
}

static void close_all(int *fds, int n) {
  while (n > 0)
    close(fds[--n]);
}

static void gives_up_in_time(void **state) {
  (void)state;
  char error[128] = "";
  int fds[8], interrupt = eventfd(1, EFD_CLOEXEC);
  unsigned port = 0;
  int silent = listen_on("127.0.0.2", &port, 0);
  int listener = listen_on("127.0.0.1", &port, 1);
  int n = fill(port, "127.0.0.2", fds);
  uint64_t before = ac_clock_now();
  struct ac_wait wait = in_ms(100, -1);
  assert_int_equal(
      ac_dialer_connect("127.0.0.2", port, &wait, error, sizeof(error)), -1);
  assert_string_equal(error, "cannot connect: timed out");
  assert_true(ac_clock_now() - before >= 100 * AC_MS);
  wait = in_ms(60000, interrupt);
  assert_int_equal(
      ac_dialer_connect("127.0.0.2", port, &wait, error, sizeof(error)), -1);
  assert_string_equal(error, "cannot connect: interrupted");
  /* The silent one has half of the time only. */
  wait = in_ms(1000, -1);
  int fd = ac_dialer_connect("two", port, &wait, error, sizeof(error));
  assert_true(fd >= 0);
  assert_true(ac_clock_now() - before < 30 * AC_SECOND);
  close(fd);
  close_all(fds, n);
  close(listener);
  close(silent);
  close(interrupt);
}

static void connects_to_unix_sockets(void **state) {
  (void)state;
  char dir[] = "/tmp/test_dialer.XXXXXX", path[64], error[128] = "";
  char long_path[200];
  struct sockaddr_un un = {.sun_family = AF_UNIX};
  assert_non_null(mkdtemp(dir));
  snprintf(path, sizeof(path), "%s/s", dir);
  memset(long_path, 'x', sizeof(long_path) - 1);
  long_path[sizeof(long_path) - 1] = '\0';
  assert_int_equal(ac_dialer_connect_unix(path, error, sizeof(error)), -1);
  assert_string_equal(error, "cannot connect: No such file or directory");
  assert_int_equal(ac_dialer_connect_unix(long_path, error, sizeof(error)), -1);
  assert_string_equal(error, "cannot connect: the path is too long");
  int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  memcpy(un.sun_path, path, strlen(path) + 1);
  assert_int_equal(bind(listener, (struct sockaddr *)&un, sizeof(un)), 0);
  assert_int_equal(listen(listener, 1), 0);
  int fd = ac_dialer_connect_unix(path, error, sizeof(error));
  assert_true(fd >= 0);
  close(fd);
  close(listener);
  unlink(path);
  rmdir(dir);
}

/* --- waiting -------------------------------------------------------------- */

static void waits(void **state) {
  (void)state;
  int fds[2];
  int interrupt = eventfd(0, EFD_CLOEXEC);
  uint64_t one = 1;
  assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
  struct ac_wait wait = in_ms(20, interrupt);
  assert_int_equal(ac_wait_for(&wait, fds[0], POLLIN), AC_WAIT_TIMEOUT);
  assert_true(ac_clock_now() >= wait.until);
  assert_int_equal(ac_wait_for(&wait, fds[0], POLLOUT), AC_WAIT_READY);
  assert_int_equal(write(fds[1], "x", 1), 1);
  assert_int_equal(ac_wait_for(&wait, fds[0], POLLIN), AC_WAIT_READY);
  assert_int_equal(write(interrupt, &one, sizeof(one)), sizeof(one));
  assert_int_equal(ac_wait_for(&wait, fds[0], POLLIN), AC_WAIT_INTERRUPTED);
  struct ac_wait longer = in_ms(60000, -1);
  assert_true(ac_wait_shorter(&longer, 10).until < longer.until);
  assert_true(ac_wait_shorter(&wait, 60000).until == wait.until);
  assert_string_equal(ac_wait_text(AC_WAIT_READY), "");
  close(interrupt);
  close(fds[0]);
  close(fds[1]);
}

/* --- links ---------------------------------------------------------------- */

static struct ac_link *link_pair(int *peer) {
  int fds[2];
  assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
  *peer = fds[1];
  struct ac_link *link = ac_link_new(fds[0], NULL, "");
  assert_non_null(link);
  return link;
}

static void reads_and_writes(void **state) {
  (void)state;
  int peer;
  char got[8];
  struct ac_link *link = link_pair(&peer);
  struct ac_wait wait = in_ms(10, -1);
  assert_true(ac_link_handshake(link, &wait));
  assert_int_equal(ac_link_read(link, got, sizeof(got)), AC_STREAM_AGAIN);
  assert_int_equal(ac_link_wait(link, &wait, false), AC_WAIT_TIMEOUT);
  assert_int_equal(ac_link_write(link, "ping", 4), 4);
  assert_int_equal(recv(peer, got, sizeof(got), 0), 4);
  assert_int_equal(send(peer, "pong", 4, 0), 4);
  wait = in_ms(10000, -1);
  assert_int_equal(ac_link_wait(link, &wait, false), AC_WAIT_READY);
  assert_int_equal(ac_link_read(link, got, sizeof(got)), 4);
  close(peer);
  assert_int_equal(ac_link_read(link, got, sizeof(got)), AC_STREAM_EOF);
  /* That would be the end of us, were it not asked for otherwise. */
  assert_int_equal(ac_link_write(link, "ping", 4), AC_STREAM_FAILED);
  assert_string_equal(ac_link_error(link), "Broken pipe");
  ac_link_free(link);
}

static void never_blocks(void **state) {
  (void)state;
  static char data[64 * 1024];
  int peer;
  ssize_t n;
  struct ac_link *link = link_pair(&peer);
  struct ac_wait wait = in_ms(10, -1);
  do
    n = ac_link_write(link, data, sizeof(data));
  while (n > 0);
  assert_int_equal(n, AC_STREAM_AGAIN);
  assert_int_equal(ac_link_wait(link, &wait, true), AC_WAIT_TIMEOUT);
  while (recv(peer, data, sizeof(data), MSG_DONTWAIT) > 0)
    ;
  wait = in_ms(10000, -1);
  assert_int_equal(ac_link_wait(link, &wait, true), AC_WAIT_READY);
  ac_link_free(link);
  close(peer);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(connects),
      cmocka_unit_test(says_why_it_cannot),
      cmocka_unit_test(tries_all_addresses),
      cmocka_unit_test(gives_up_in_time),
      cmocka_unit_test(connects_to_unix_sockets),
      cmocka_unit_test(waits),
      cmocka_unit_test(reads_and_writes),
      cmocka_unit_test(never_blocks),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
