/* Plain streams over socketpairs and TCP: short writes, ends, resets, what is
 * waited for, and that SIGPIPE is neither raised nor touched. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "io/loop.h"
#include "io/stream.h"

struct end {
  struct ac_loop *loop;
  struct ac_stream *stream;
  int fd; /* the peer's */
  int readable;
  int writable;
  bool frees; /* in its next callback */
  bool reads; /* in readable */
  ssize_t last;
  char data[4096];
};

static void maybe_free(struct end *end) {
  if (!end->frees)
    return;
  ac_stream_free(end->stream);
  end->stream = NULL;
}

static void on_readable(void *owner) {
  struct end *end = owner;
  end->readable++;
  if (end->reads)
    end->last = ac_stream_read(end->stream, end->data, sizeof(end->data));
  maybe_free(end);
}

static void on_writable(void *owner) {
  struct end *end = owner;
  end->writable++;
  maybe_free(end);
}

static void begin(struct end *end, int own, int peer) {
  static const struct ac_loop_hooks hooks;
  struct ac_stream_owner owner = {end, on_readable, on_writable};
  memset(end, 0, sizeof(*end));
  end->reads = true;
  end->loop = ac_loop_new(&hooks);
  end->fd = peer;
  end->stream = ac_stream_new(end->loop, own, NULL, &owner);
  assert_non_null(end->stream);
}

static void begin_pair(struct end *end) {
  int fds[2];
  assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
  begin(end, fds[0], fds[1]);
}

static void connect_tcp(int family, int fds[2]) {
  struct sockaddr_storage address = {.ss_family = (sa_family_t)family};
  socklen_t len = sizeof(address);
  if (family == AF_INET6)
    ((struct sockaddr_in6 *)&address)->sin6_addr = in6addr_loopback;
  else
    ((struct sockaddr_in *)&address)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int listener = socket(family, SOCK_STREAM, 0);
  assert_int_equal(bind(listener, (struct sockaddr *)&address, len), 0);
  assert_int_equal(listen(listener, 1), 0);
  getsockname(listener, (struct sockaddr *)&address, &len);
  fds[1] = socket(family, SOCK_STREAM, 0);
  assert_int_equal(connect(fds[1], (struct sockaddr *)&address, len), 0);
  fds[0] = accept(listener, NULL, NULL);
  assert_true(fds[0] >= 0);
  close(listener);
}

static void finish(struct end *end) {
  ac_stream_free(end->stream);
  ac_loop_free(end->loop);
  if (end->fd >= 0)
    close(end->fd);
}

/* Closes with a reset instead of an end. */
static void reset_peer(struct end *end) {
  struct linger now = {1, 0};
  setsockopt(end->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
  close(end->fd);
  end->fd = -1;
}

static int option(int fd, int level, int name) {
  int value = -1;
  socklen_t len = sizeof(value);
  getsockopt(fd, level, name, &value, &len);
  return value;
}

/* --- reading -------------------------------------------------------------- */

static void reads(void **state) {
  (void)state;
  struct end end;
  char byte;
  begin_pair(&end);
  assert_int_equal(ac_stream_read(end.stream, &byte, 1), AC_STREAM_AGAIN);
  assert_int_equal(ac_stream_read(end.stream, &byte, 0), AC_STREAM_AGAIN);
  assert_false(ac_loop_dispatch(end.loop, 0));
  assert_int_equal(write(end.fd, "hello", 5), 5);
  assert_true(ac_loop_dispatch(end.loop, 0));
  assert_int_equal(end.readable, 1);
  assert_int_equal(end.last, 5);
  assert_memory_equal(end.data, "hello", 5);
  assert_false(ac_stream_pending(end.stream));
  assert_false(ac_stream_tls_ready(end.stream));
  assert_int_equal(ac_stream_protocol(end.stream).len, 0);
  finish(&end);
  ac_stream_free(NULL);
}

static void end_is_told_once(void **state) {
  (void)state;
  struct end end;
  begin_pair(&end);
  assert_int_equal(write(end.fd, "last", 4), 4);
  shutdown(end.fd, SHUT_WR);
  assert_true(ac_loop_dispatch(end.loop, 0));
  assert_int_equal(end.last, 4);
  assert_true(ac_loop_dispatch(end.loop, 0));
  assert_int_equal(end.last, AC_STREAM_EOF);
  assert_int_equal(end.readable, 2);
  ac_loop_dispatch(end.loop, 0); /* finds that there is nothing to wait for */
  assert_false(ac_loop_dispatch(end.loop, 0));
  assert_int_equal(end.readable, 2);
  assert_int_equal(ac_stream_read(end.stream, end.data, 1), AC_STREAM_EOF);
  /* The other direction goes on. */
  assert_int_equal(ac_stream_write(end.stream, "more", 4), 4);
  assert_int_equal(read(end.fd, end.data, 10), 4);
  assert_string_equal(ac_stream_error(end.stream), "");
  finish(&end);
}

static void reset_is_a_failure(void **state) {
  (void)state;
  for (int reading = 0; reading < 2; reading++) {
    struct end end;
    int fds[2];
    connect_tcp(AF_INET, fds);
    begin(&end, fds[0], fds[1]);
    ac_stream_interest(end.stream, reading, false);
    reset_peer(&end);
    while (end.readable == 0)
      ac_loop_dispatch(end.loop, -1);
    assert_int_equal(end.last, AC_STREAM_FAILED);
    assert_string_equal(ac_stream_error(end.stream),
                        "Connection reset by peer");
    finish(&end);
  }
}

/* A paused owner learns of the reset, but is not called for ever. */
static void paused_owner_is_told_once(void **state) {
  (void)state;
  struct end end;
  int fds[2];
  connect_tcp(AF_INET, fds);
  begin(&end, fds[0], fds[1]);
  end.reads = false;
  ac_stream_interest(end.stream, false, false);
  assert_int_equal(write(end.fd, "x", 1), 1);
  ac_loop_wait(end.loop, 10);
  assert_false(ac_loop_dispatch(end.loop, 0));
  assert_int_equal(end.readable, 0);
  reset_peer(&end);
  while (end.readable == 0)
    ac_loop_dispatch(end.loop, -1);
  for (int i = 0; i < 10; i++)
    assert_false(ac_loop_dispatch(end.loop, 0));
  assert_int_equal(end.readable, 1);
  /* It asks again, and is told. */
  end.reads = true;
  ac_stream_interest(end.stream, true, false);
  assert_true(ac_loop_dispatch(end.loop, 0));
  assert_int_equal(end.readable, 2);
  assert_true(end.last == AC_STREAM_FAILED || end.last == 1);
  finish(&end);
}

static void pause_and_resume(void **state) {
  (void)state;
  struct end end;
  begin_pair(&end);
  ac_stream_interest(end.stream, false, false);
  assert_int_equal(write(end.fd, "x", 1), 1);
  assert_false(ac_loop_dispatch(end.loop, 0));
  ac_stream_interest(end.stream, true, false);
  assert_true(ac_loop_dispatch(end.loop, 0));
  assert_int_equal(end.last, 1);
  finish(&end);
}

/* --- writing -------------------------------------------------------------- */

static void short_writes_lose_nothing(void **state) {
  (void)state;
  enum { SIZE = 300000 };
  struct end end;
  int fds[2], tiny = 1;
  assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
  setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &tiny, sizeof(tiny));
  begin(&end, fds[0], fds[1]);
  char *sent = malloc(SIZE), *got = malloc(SIZE);
  for (size_t i = 0; i < SIZE; i++)
    sent[i] = (char)(i * 31 + i / 253);
  size_t out = 0, in = 0;
  int again = 0, shorts = 0;
  while (in < SIZE) {
    if (out < SIZE) {
      ssize_t n = ac_stream_write(end.stream, sent + out, SIZE - out);
      assert_true(n > 0 || n == AC_STREAM_AGAIN);
      again += n == AC_STREAM_AGAIN;
      shorts += n > 0 && (size_t)n < SIZE - out;
      if (n > 0)
        out += (size_t)n;
    }
    size_t some = 1 + in % 5000;
    ssize_t n = recv(end.fd, got + in, some < SIZE - in ? some : SIZE - in,
                     MSG_DONTWAIT);
    if (n > 0)
      in += (size_t)n;
  }
  assert_true(again > 0);
  assert_true(shorts > 0);
  assert_memory_equal(sent, got, SIZE);
  assert_int_equal(ac_stream_write(end.stream, "", 0), 0);
  free(sent);
  free(got);
  finish(&end);
}

static void fill(struct end *end) {
  static const char zeros[65536];
  while (ac_stream_write(end->stream, zeros, sizeof(zeros)) > 0) {
  }
}

static void tells_when_there_is_room(void **state) {
  (void)state;
  static char sink[1 << 20];
  struct end end;
  begin_pair(&end);
  ac_stream_interest(end.stream, true, true);
  assert_true(ac_loop_dispatch(end.loop, 0));
  assert_int_equal(end.writable, 1);
  fill(&end);
  assert_false(ac_loop_dispatch(end.loop, 0));
  while (recv(end.fd, sink, sizeof(sink), MSG_DONTWAIT) > 0) {
  }
  assert_true(ac_loop_dispatch(end.loop, 0));
  assert_int_equal(end.writable, 2);
  /* Both are told, if not in the same round. */
  assert_int_equal(write(end.fd, "x", 1), 1);
  assert_true(ac_loop_dispatch(end.loop, 0));
  assert_int_equal(end.writable, 3);
  ac_stream_interest(end.stream, true, false);
  assert_true(ac_loop_dispatch(end.loop, 0));
  assert_int_equal(end.readable, 1);
  assert_false(ac_loop_dispatch(end.loop, 0));
  finish(&end);
}

/* A writer that waits for room hears that the peer is gone. */
static void blocked_writer_hears_of_the_end(void **state) {
  (void)state;
  struct end end;
  begin_pair(&end);
  fill(&end);
  ac_stream_interest(end.stream, false, true);
  assert_false(ac_loop_dispatch(end.loop, 0));
  close(end.fd);
  end.fd = -1;
  assert_true(ac_loop_dispatch(end.loop, 0));
  assert_int_equal(end.writable, 1);
  assert_int_equal(ac_stream_write(end.stream, "x", 1), AC_STREAM_FAILED);
  finish(&end);
}

/* SIGPIPE has its default action here: raised, it would end the test. */
static void sigpipe_is_neither_raised_nor_touched(void **state) {
  (void)state;
  struct sigaction before, after;
  sigset_t mask_before, mask_after, pending;
  struct end end;
  sigaction(SIGPIPE, NULL, &before);
  assert_true(before.sa_handler == SIG_DFL);
  sigprocmask(SIG_SETMASK, NULL, &mask_before);
  begin_pair(&end);
  close(end.fd);
  end.fd = -1;
  assert_int_equal(ac_stream_write(end.stream, "x", 1), AC_STREAM_FAILED);
  assert_string_equal(ac_stream_error(end.stream), "Broken pipe");
  ac_stream_shutdown(end.stream);
  assert_int_equal(ac_stream_write(end.stream, "x", 1), AC_STREAM_FAILED);
  finish(&end);
  sigaction(SIGPIPE, NULL, &after);
  sigprocmask(SIG_SETMASK, NULL, &mask_after);
  sigpending(&pending);
  assert_true(after.sa_handler == SIG_DFL);
  assert_int_equal(before.sa_flags, after.sa_flags);
  for (int i = 1; i < NSIG; i++)
    assert_int_equal(sigismember(&mask_before, i), sigismember(&mask_after, i));
  assert_false(sigismember(&pending, SIGPIPE));
}

static void shutdown_ends_our_side(void **state) {
  (void)state;
  struct end end;
  char data[8];
  begin_pair(&end);
  assert_int_equal(ac_stream_write(end.stream, "bye", 3), 3);
  ac_stream_shutdown(end.stream);
  assert_int_equal(read(end.fd, data, sizeof(data)), 3);
  assert_int_equal(read(end.fd, data, sizeof(data)), 0);
  assert_int_equal(ac_stream_write(end.stream, "x", 1), AC_STREAM_FAILED);
  finish(&end);
}

/* --- signals -------------------------------------------------------------- */

static volatile sig_atomic_t alarms;

static void on_alarm(int number) {
  (void)number;
  alarms++;
}

/* A storm of signals, without SA_RESTART, loses no byte. */
static void survives_signals(void **state) {
  (void)state;
  struct sigaction action = {.sa_handler = on_alarm}, before;
  struct itimerval storm = {{0, 100}, {0, 100}}, calm = {{0, 0}, {0, 0}};
  struct end end;
  char out[1000], in[1000];
  begin_pair(&end);
  sigaction(SIGALRM, &action, &before);
  setitimer(ITIMER_REAL, &storm, NULL);
  for (unsigned i = 0; i < 3000 || alarms < 100; i++) {
    memset(out, (int)(i % 256), sizeof(out));
    assert_int_equal(ac_stream_write(end.stream, out, sizeof(out)), 1000);
    assert_int_equal(recv(end.fd, in, sizeof(in), MSG_WAITALL), 1000);
    assert_memory_equal(in, out, 1000);
    ssize_t n;
    do
      n = write(end.fd, out, sizeof(out));
    while (n < 0 && errno == EINTR);
    assert_int_equal(n, 1000);
    end.last = 0;
    while (end.last == 0)
      ac_loop_dispatch(end.loop, -1);
    assert_int_equal(end.last, 1000);
  }
  setitimer(ITIMER_REAL, &calm, NULL);
  sigaction(SIGALRM, &before, NULL);
  finish(&end);
}

/* --- life ----------------------------------------------------------------- */

static void freed_inside_its_callbacks(void **state) {
  (void)state;
  struct end end;
  begin_pair(&end);
  end.frees = true;
  assert_int_equal(write(end.fd, "x", 1), 1);
  assert_true(ac_loop_dispatch(end.loop, 0));
  assert_null(end.stream);
  assert_false(ac_loop_dispatch(end.loop, 0));
  finish(&end);

  begin_pair(&end);
  end.frees = true;
  assert_int_equal(write(end.fd, "x", 1), 1);
  ac_stream_interest(end.stream, true, true);
  assert_true(ac_loop_dispatch(end.loop, 0));
  assert_null(end.stream);
  finish(&end);
}

static void sets_options(void **state) {
  (void)state;
  static const int families[] = {AF_INET, AF_INET6};
  for (size_t i = 0; i < 2; i++) {
    struct end end;
    int fds[2];
    connect_tcp(families[i], fds);
    int fd = fds[0];
    begin(&end, fd, fds[1]);
    assert_int_not_equal(option(fd, IPPROTO_TCP, TCP_NODELAY), 0);
    assert_int_equal(option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT), 20000);
    assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    const char *peer = ac_stream_peer(end.stream);
    const char *host = families[i] == AF_INET ? "127.0.0.1:" : "[::1]:";
    assert_memory_equal(peer, host, strlen(host));
    assert_true(atoi(strrchr(peer, ':') + 1) > 0);
    finish(&end);
  }
  struct end end;
  begin_pair(&end);
  assert_string_equal(ac_stream_peer(end.stream), "unix:");
  finish(&end);
}

static int count_fds(void) {
  int n = 0;
  DIR *dir = opendir("/proc/self/fd");
  while (readdir(dir))
    n++;
  closedir(dir);
  return n;
}

/* What cannot be watched is closed, with the reason. */
static void closes_what_it_cannot_take(void **state) {
  (void)state;
  static const struct ac_loop_hooks hooks;
  struct ac_stream_owner owner = {NULL, on_readable, on_writable};
  struct ac_loop *loop = ac_loop_new(&hooks);
  int before = count_fds();
  int fd = open("/dev/null", O_RDONLY); /* epoll refuses it */
  assert_null(ac_stream_new(loop, fd, NULL, &owner));
  assert_int_equal(errno, EPERM);
  assert_int_equal(count_fds(), before);
  assert_null(ac_stream_new(loop, -1, NULL, &owner));
  assert_int_equal(errno, EBADF);
  ac_loop_free(loop);

  struct end end;
  begin_pair(&end);
  finish(&end);
  assert_int_equal(count_fds(), before - 3);
}

int main(void) {
  signal(SIGPIPE, SIG_DFL);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(reads),
      cmocka_unit_test(end_is_told_once),
      cmocka_unit_test(reset_is_a_failure),
      cmocka_unit_test(paused_owner_is_told_once),
      cmocka_unit_test(pause_and_resume),
      cmocka_unit_test(short_writes_lose_nothing),
      cmocka_unit_test(tells_when_there_is_room),
      cmocka_unit_test(blocked_writer_hears_of_the_end),
      cmocka_unit_test(sigpipe_is_neither_raised_nor_touched),
      cmocka_unit_test(shutdown_ends_our_side),
      cmocka_unit_test(survives_signals),
      cmocka_unit_test(freed_inside_its_callbacks),
      cmocka_unit_test(sets_options),
      cmocka_unit_test(closes_what_it_cannot_take),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
