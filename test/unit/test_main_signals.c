/* anycable_main: signals, while it is idle and while calls are under way. */
#include "main_fixture.h"

#include <fcntl.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include "server/main_signals.h"

static char folder[64];

/* --- programs ------------------------------------------------------------- */

/* Twice, one after the other. */
static int run_twice(int argc, char **argv) {
  int status = run_main(argc, argv);
  print("between\n");
  return status ? status : run_main(argc, argv);
}

static int run_inside_another(int argc, char **argv) {
  if (ac_signals_catch() != 0)
    return 99;
  int status = run_main(argc, argv);
  ac_signals_release();
  return status;
}

static void ignore_signal(int number) {
  (void)number;
}

static bool same_handler(int number, void (*handler)(int number)) {
  struct sigaction now;
  sigaction(number, NULL, &now);
  return now.sa_handler == handler;
}

/* With dispositions and a mask that must be there again afterwards. */
static int run_with_signals(int argc, char **argv) {
  struct sigaction action = {.sa_handler = ignore_signal};
  sigset_t mask, after;
  sigemptyset(&mask);
  sigaddset(&mask, SIGTERM);
  sigaddset(&mask, SIGUSR1);
  sigprocmask(SIG_SETMASK, &mask, NULL);
  sigaction(SIGTERM, &action, NULL);
  signal(SIGHUP, SIG_IGN);
  int status = run_main(argc, argv);
  sigprocmask(SIG_SETMASK, NULL, &after);
  bool same = same_handler(SIGTERM, ignore_signal) &&
              same_handler(SIGINT, SIG_DFL) && same_handler(SIGHUP, SIG_IGN) &&
              same_handler(SIGPIPE, SIG_DFL) && sigismember(&after, SIGTERM) &&
              sigismember(&after, SIGUSR1) && !sigismember(&after, SIGINT);
  print(same ? "signals: as before\n" : "signals: changed\n");
  return status;
}

/* A thread that the program had before, and which may get the signals. */
static void *wait_for_ever(void *arg) {
  char text[32];
  snprintf(text, sizeof(text), "thread: %ld.\n", syscall(SYS_gettid));
  print(text);
  for (;;)
    pause();
  return arg;
}

static int run_beside_a_thread(int argc, char **argv) {
  pthread_t thread;
  if (pthread_create(&thread, NULL, wait_for_ever, NULL) != 0)
    return 99;
  pthread_detach(thread);
  return run_main(argc, argv);
}

/* --- a client ------------------------------------------------------------- */

/* A Connect call, byte by byte: no compression, an empty message. */
#define FRAME(length, type, flags, stream)                                     \
  "\0\0" length type flags "\0\0\0" stream
#define HEADERS                                                                \
  "\x83\x86"                                                                   \
  "\x04\x15/anycable.RPC/Connect"                                              \
  "\x01\x01x"                                                                  \
  "\x0f\x10\x10"                                                               \
  "application/grpc"                                                           \
  "\x40\x02te\x08trailers"                                                     \
  "\x40\x06protov\x02v1"

static int connect_to(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  assert_int_equal(
      connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
  return fd;
}

static int call(const char *path) {
  static const char bytes[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" //
      FRAME("\x00", "\x04", "\x00", "\x00")                      //
      FRAME("\x47", "\x01", "\x04", "\x01") HEADERS              //
          FRAME("\x05", "\x00", "\x01", "\x01") "\0\0\0\0\0";
  _Static_assert(sizeof(HEADERS) - 1 == 0x47, "the length of the headers");
  int fd = connect_to(path);
  assert_int_equal(write(fd, bytes, sizeof(bytes) - 1), sizeof(bytes) - 1);
  return fd;
}

/* The length of the frame at |at|; none here is longer than a byte can say. */
static size_t frame_len(const unsigned char *at) {
  assert_int_equal(at[0] | at[1], 0);
  return 9u + at[2];
}

/* Reads until there is a DATA frame, a reply's message, or the server has
 * closed; then closes, too. */
static bool is_answered(int fd) {
  unsigned char bytes[4096];
  size_t len = 0, at = 0;
  ssize_t n;
  bool found = false;
  while (!found && (n = read(fd, bytes + len, sizeof(bytes) - len)) > 0) {
    len += (size_t)n;
    for (; at + 9 <= len && !found; at += frame_len(bytes + at))
      found = bytes[at + 3] == 0;
  }
  close(fd);
  return found;
}

/* --- signals -------------------------------------------------------------- */

static void assert_stops(int number) {
  wait_until_said(" serves gRPC on 127.0.0.1:");
  send_signal(number);
  assert_ends(0);
  assert_said(" INFO a signal asks to stop: ");
  assert_said("application: freed\n");
  assert_not_said("WARN");
  assert_not_said("ERROR");
}

static void test_stops_while_idle(void **state) {
  (void)state;
  start(run_main, ANY_PORT);
  assert_stops(SIGTERM);
  start(run_main, ANY_PORT);
  assert_stops(SIGINT);
  start(run_main, ANY_PORT " --rpc-pool-size 0");
  assert_stops(SIGTERM);
}

/* Each line has a time in UTC and a level. */
static void test_log_lines(void **state) {
  (void)state;
  start(run_main, ANY_PORT " --debug");
  assert_stops(SIGTERM);
  size_t lines = 0;
  for (char *line = process.said; *line; line = strchr(line, '\n') + 1) {
    if (strncmp(line, "application: ", 13) == 0)
      continue;
    int year, month, day, hour, minute, second, ms, n = 0;
    char level[8];
    sscanf(line, "%4d-%2d-%2dT%2d:%2d:%2d.%3dZ %7[A-Z] %n", &year, &month, &day,
           &hour, &minute, &second, &ms, level, &n);
    assert_true(n > 0);
    lines++;
  }
  assert_in_range(lines, 3, 20);
}

static void test_log_level(void **state) {
  (void)state;
  char path[128], words[256];
  snprintf(path, sizeof(path), "%s/socket", folder);
  snprintf(words, sizeof(words), "--rpc-host=unix:%s --log-level=warn", path);
  start(run_main, words);
  struct stat st;
  while (stat(path, &st) != 0)
    sched_yield();
  send_signal(SIGTERM);
  assert_ends(0);
  assert_string_equal(process.said, "application: freed\n");
  unlink(path);
}

static void test_hangup_without_tls(void **state) {
  (void)state;
  start(run_main, ANY_PORT);
  wait_until_said("serves gRPC");
  send_signal(SIGHUP);
  wait_until_said(" INFO SIGHUP: TLS is off, there is no certificate");
  send_signal(SIGTERM);
  assert_ends(0);
}

static void test_hangup_moves_the_log(void **state) {
  (void)state;
  char path[128], moved[128], words[256], text[4096];
  snprintf(path, sizeof(path), "%s/log", folder);
  snprintf(moved, sizeof(moved), "%s/log.1", folder);
  snprintf(words, sizeof(words), ANY_PORT " --log-file=%s", path);
  /* A fifo can be waited for; the file that follows is read at the end. */
  assert_int_equal(mkfifo(moved, 0600), 0);
  assert_int_equal(symlink(moved, path), 0);
  start(run_main, words);
  int out = process.out;
  process.out = open(moved, O_RDONLY);
  wait_until_said("serves gRPC");
  assert_int_equal(unlink(path), 0);
  send_signal(SIGHUP);
  /* The writer is gone when the new log is there. */
  while (read_more()) {
  }
  close(process.out);
  process.out = out;
  send_signal(SIGTERM);
  assert_ends(0);
  assert_not_said("SIGHUP");
  int fd = open(path, O_RDONLY);
  ssize_t n = read(fd, text, sizeof(text) - 1);
  assert_true(n > 0);
  text[n] = '\0';
  assert_non_null(strstr(text, " INFO SIGHUP: the log was opened again\n"));
  assert_non_null(strstr(text, " INFO a signal asks to stop"));
  close(fd);
  unlink(path);
  unlink(moved);
}

static void write_identity(const char *cert_path, const char *key_path) {
  X509 *cert = X509_new();
  EVP_PKEY *key = EVP_EC_gen("P-256");
  ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
  X509_gmtime_adj(X509_getm_notBefore(cert), 0);
  X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
  X509_set_pubkey(cert, key);
  X509_NAME *name = X509_get_subject_name(cert);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                             (const unsigned char *)"localhost", -1, -1, 0);
  X509_set_issuer_name(cert, name);
  assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
  FILE *out = fopen(cert_path, "w");
  assert_int_equal(PEM_write_X509(out, cert), 1);
  fclose(out);
  out = fopen(key_path, "w");
  assert_int_equal(PEM_write_PrivateKey(out, key, NULL, NULL, 0, NULL, NULL),
                   1);
  fclose(out);
  X509_free(cert);
  EVP_PKEY_free(key);
}

static void test_hangup_with_tls(void **state) {
  (void)state;
  char cert[128], key[128], words[512];
  snprintf(cert, sizeof(cert), "%s/cert.pem", folder);
  snprintf(key, sizeof(key), "%s/key.pem", folder);
  write_identity(cert, key);
  snprintf(words, sizeof(words), ANY_PORT " --rpc-tls-cert=%s --rpc-tls-key=%s",
           cert, key);
  start(run_main, words);
  wait_until_said("(TLS on");
  send_signal(SIGHUP);
  wait_until_said(" INFO SIGHUP: certificate and key were read again\n");
  unlink(key);
  send_signal(SIGHUP);
  wait_until_said(" ERROR SIGHUP: rpc_tls_key: cannot read ");
  wait_until_said("; the old certificate stays in use\n");
  send_signal(SIGTERM);
  assert_ends(0);
  unlink(cert);
}

static void test_signals_are_put_back(void **state) {
  (void)state;
  start(run_with_signals, ANY_PORT);
  assert_stops(SIGTERM);
  assert_said("signals: as before\n");
}

static void test_other_threads_may_get_signals(void **state) {
  (void)state;
  start(run_beside_a_thread, ANY_PORT);
  wait_until_said("serves gRPC");
  const char *said = wait_until_said("thread: ");
  wait_until_said(".\n");
  long thread = strtol(said, NULL, 10);
  assert_int_equal(syscall(SYS_tgkill, process.pid, thread, SIGHUP), 0);
  wait_until_said("SIGHUP: TLS is off");
  assert_int_equal(syscall(SYS_tgkill, process.pid, thread, SIGTERM), 0);
  assert_ends(0);
}

static void test_one_after_the_other(void **state) {
  (void)state;
  start(run_twice, ANY_PORT);
  wait_until_said("serves gRPC");
  send_signal(SIGTERM);
  const char *second = wait_until_said("between\n");
  while (!strstr(second, "serves gRPC"))
    assert_true(read_more());
  send_signal(SIGINT);
  assert_ends(0);
}

static void test_one_at_a_time(void **state) {
  (void)state;
  start(run_inside_another, ANY_PORT);
  assert_ends(1);
  assert_said(
      "backend: signals cannot be caught: anycable_main() runs already");
  assert_said("application: freed\n");
}

static void test_nobody_reads_the_log(void **state) {
  (void)state;
  start(run_main, ANY_PORT);
  wait_until_said("serves gRPC");
  close(process.out);
  process.out = -1;
  send_signal(SIGTERM);
  assert_ends(0);
}

/* --- calls under way ------------------------------------------------------ */

static char socket_path[100];

/* Starts, and returns a connection whose call is in its handler. */
static int start_with_call(const char *flags) {
  char words[256];
  snprintf(words, sizeof(words), "--rpc-host=unix:%s %s", socket_path, flags);
  start(run_main, words);
  wait_until_said("serves gRPC");
  int fd = call(socket_path);
  wait_until_said("handler: runs\n");
  return fd;
}

static void let_handler_end(void) {
  assert_int_equal(write(hold[1], "x", 1), 1);
}

static void test_call_ends_before_the_program(void **state) {
  (void)state;
  int fd = start_with_call("");
  send_signal(SIGTERM);
  wait_until_said(" a signal asks to stop");
  let_handler_end();
  assert_true(is_answered(fd));
  assert_ends(0);
  assert_said("handler: ends\n");
  assert_not_said("given up");
}

static void test_second_signal_gives_up(void **state) {
  (void)state;
  int fd = start_with_call("");
  send_signal(SIGTERM);
  wait_until_said(" a signal asks to stop");
  send_signal(SIGTERM);
  wait_until_said(" WARN calls under way are given up\n");
  assert_false(is_answered(fd));
  let_handler_end();
  assert_ends(0);
  assert_said("application: freed\n");
}

static void test_handler_that_does_not_end(void **state) {
  (void)state;
  int fd = start_with_call("");
  send_signal(SIGINT);
  wait_until_said(" a signal asks to stop");
  send_signal(SIGTERM);
  assert_ends(1);
  assert_said(" ERROR handlers still run: leaving them\n");
  assert_not_said("handler: ends");
  assert_not_said("application: freed\n");
  assert_false(is_answered(fd));
}

static void test_handler_that_blocks_the_io_thread(void **state) {
  (void)state;
  int fd = start_with_call("--rpc-pool-size=0");
  send_signal(SIGTERM);
  wait_until_said(" a signal asks to stop");
  send_signal(SIGTERM);
  assert_ends(1);
  assert_said(" ERROR handlers still run: leaving them\n");
  close(fd);
}

static int setup(void **state) {
  (void)state;
  snprintf(folder, sizeof(folder), "/tmp/anycable-test-XXXXXX");
  if (!mkdtemp(folder))
    return -1;
  snprintf(socket_path, sizeof(socket_path), "%s/rpc", folder);
  return 0;
}

static int teardown(void **state) {
  (void)state;
  unlink(socket_path);
  return rmdir(folder);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_stops_while_idle),
      cmocka_unit_test(test_log_lines),
      cmocka_unit_test(test_log_level),
      cmocka_unit_test(test_hangup_without_tls),
      cmocka_unit_test(test_hangup_moves_the_log),
      cmocka_unit_test(test_hangup_with_tls),
      cmocka_unit_test(test_signals_are_put_back),
      cmocka_unit_test(test_other_threads_may_get_signals),
      cmocka_unit_test(test_one_after_the_other),
      cmocka_unit_test(test_one_at_a_time),
      cmocka_unit_test(test_nobody_reads_the_log),
      cmocka_unit_test(test_call_ends_before_the_program),
      cmocka_unit_test(test_second_signal_gives_up),
      cmocka_unit_test(test_handler_that_does_not_end),
      cmocka_unit_test(test_handler_that_blocks_the_io_thread),
  };
  return cmocka_run_group_tests(tests, setup, teardown);
}
