/* anycable_main and those beside it: a WebSocket server that it starts, and
 * systemd, whose side the test plays. */
#include <fcntl.h>
#include <netinet/in.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#include "main_fixture.h"

/* --- a server beside ------------------------------------------------------ */

/* Arguments have no spaces here: the command is in a script. */
static char script[64];

static void write_script(const char *text) {
  snprintf(script, sizeof(script), "/tmp/anycable-beside-%d", (int)getpid());
  FILE *file = fopen(script, "w");
  assert_non_null(file);
  fputs(text, file);
  fclose(file);
}

static void start_beside(const char *text) {
  char words[160];
  write_script(text);
  /* ". /tmp/script" is one word: the fixture splits at spaces alone. */
  snprintf(words, sizeof(words), "%s --server-command=.\t%s", ANY_PORT, script);
  start(run_main, words);
}

static void test_told_the_address(void **state) {
  (void)state;
  start_beside(
      "echo beside: $ANYCABLE_RPC_HOST; trap 'echo beside: ends; exit' "
      "TERM; echo beside: ready; while :; do sleep 0.05; done\n");
  const char *address = wait_until_said("beside: ") - 8;
  wait_until_said("beside: ready");
  assert_memory_equal(address, "beside: 127.0.0.1:", 18);
  send_signal(SIGTERM);
  assert_ends(0);
  /* It went first: then the backend drained. */
  assert_true(strstr(process.said, "beside: ends") <
              strstr(process.said, "INFO stopping"));
  unlink(script);
}

/* A WebSocket server that calls by HTTP needs more: a URL, and the key. */
static void test_told_the_url(void **state) {
  char words[400];
  (void)state;
  write_script("echo beside: $ANYCABLE_RPC_HOST $ANYCABLE_SECRET "
               "$ANYCABLE_HTTP_RPC_SECRET; exec sleep 100\n");
  snprintf(words, sizeof(words),
           "--rpc-host=none --http-host=127.0.0.1:0 "
           "--http-rpc-mount-path=/here --secret=s3 --http-rpc-secret=k3 "
           "--server-command=.\t%s",
           script);
  setenv("ANYCABLE_SECRET", "another", 1);
  start(run_main, words);
  wait_until_said("beside: http://127.0.0.1:");
  wait_until_said("/here s3 k3\n");
  send_signal(SIGTERM);
  assert_ends(0);
  assert_said("INFO stopped");
  unsetenv("ANYCABLE_SECRET");
  unlink(script);
}

static void test_ends_by_itself(void **state) {
  (void)state;
  start_beside("exit 7\n");
  assert_ends(1);
  assert_said(
      "server_command: it has ended by itself, with status 7: stopping");
  start_beside("kill -KILL $$\n");
  assert_ends(1);
  assert_said("with signal 9: stopping");
  unlink(script);
}

/* A second signal does not wait for what does not want to end. */
static void test_does_not_end(void **state) {
  (void)state;
  start_beside("trap '' TERM; echo beside: $$; while :; do sleep 0.05; done\n");
  const char *said = wait_until_said("beside: ");
  wait_until_said("\n");
  while (!strchr(said, '\n'))
    assert_true(read_more());
  int pid = atoi(said);
  assert_true(pid > 0);
  send_signal(SIGTERM);
  wait_until_said("a signal asks to stop");
  send_signal(SIGTERM);
  assert_ends(0);
  assert_int_equal(kill(pid, 0), -1); /* gone with us */
  assert_int_equal(errno, ESRCH);
  unlink(script);
}

static void test_not_there(void **state) {
  (void)state;
  start(run_main, ANY_PORT " --server-command=/nowhere/server");
  assert_ends(1);
  assert_said("with status 127: stopping");
}

/* --- lines of JSON -------------------------------------------------------- */

static void test_json_lines(void **state) {
  (void)state;
  start(run_main, ANY_PORT " --log-format=json");
  wait_until_said("\"level\":\"info\",\"message\":\"libanycable ");
  send_signal(SIGTERM);
  assert_ends(0);
  for (const char *line = process.said; *line && *line != 'a';
       line = strchr(line, '\n') + 1) {
    assert_memory_equal(line, "{\"time\":\"", 9);
    assert_int_equal(strchr(line, '\n')[-1], '}');
  }
  start(run_main, "--log-format=xml");
  assert_ends(2);
  assert_said("--log-format: \"xml\" is not allowed; use text or json");
}

/* --- one after the other -------------------------------------------------- */

static char place[64];

static void start_at_the_place(const char *more) {
  char words[200];
  snprintf(place, sizeof(place), "/tmp/anycable-place-%d", (int)getpid());
  snprintf(words, sizeof(words), "%s --handover=%s %s", ANY_PORT, place, more);
  start(run_main, words);
}

static int listen_at_the_place(void) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
  snprintf(place, sizeof(place), "/tmp/anycable-place-%d", (int)getpid());
  strcpy(address.sun_path, place);
  unlink(place);
  assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
  assert_int_equal(listen(fd, 1), 0);
  return fd;
}

static void test_taken_over(void **state) {
  (void)state;
  start_at_the_place("");
  wait_until_said("serves gRPC");
  struct process first = process;
  int first_hold[] = {hold[0], hold[1]};
  start_at_the_place("");
  wait_until_said("serves gRPC");
  struct process second = process;
  int second_hold[] = {hold[0], hold[1]};
  process = first;
  memcpy(hold, first_hold, sizeof(hold));
  wait_until_said("another process has taken over");
  assert_ends(0);
  assert_int_equal(access(place, F_OK), 0); /* the second one's */
  process = second;
  memcpy(hold, second_hold, sizeof(hold));
  send_signal(SIGTERM);
  assert_ends(0);
  assert_int_equal(access(place, F_OK), -1);
}

/* Nobody is there any more, and somebody else is. */
static void test_not_taken_over(void **state) {
  (void)state;
  close(listen_at_the_place()); /* a file is left */
  start_at_the_place("");
  wait_until_said("serves gRPC");
  send_signal(SIGTERM);
  assert_ends(0);

  static const char *const words[] = {"", "anycable 2", "hello"};
  for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
    int fd = listen_at_the_place();
    start_at_the_place("");
    int peer = accept(fd, NULL, NULL);
    assert_int_equal(send(peer, words[i], strlen(words[i]), 0),
                     strlen(words[i]));
    close(peer);
    assert_ends(1);
    assert_said("handover: cannot take over at /tmp/anycable-place-");
    assert_said("another program is there");
    close(fd);
  }
  unlink(place);
  start(run_main, ANY_PORT " --handover=/nowhere/place");
  wait_until_said("handover: nobody can take over at /nowhere/place: No such");
  wait_until_said("serves gRPC");
  send_signal(SIGTERM);
  assert_ends(0);
  start(run_main, ANY_PORT " --handover=/tmp/p --server-command=true");
  assert_ends(2);
  assert_said("handover: does not go together with server_command");
}

/* --- systemd -------------------------------------------------------------- */

static int notify_fd = -1;
static char heard[4096];

/* An abstract socket, as systemd's may be. */
static void listen_for_notes(bool abstract) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  char name[64];
  snprintf(name, sizeof(name), "%s/tmp/anycable-notify-%d", abstract ? "@" : "",
           (int)getpid());
  size_t len = strlen(name);
  memcpy(address.sun_path, name, len);
  if (abstract)
    address.sun_path[0] = '\0';
  else
    unlink(name);
  notify_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  assert_int_equal(
      bind(notify_fd, (struct sockaddr *)&address,
           (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)),
      0);
  setenv("NOTIFY_SOCKET", name, 1);
  heard[0] = '\0';
}

/* Waits until the process has sent |text| in a note of its own. */
static void wait_for_note(const char *text) {
  struct timeval patience = {20, 0};
  setsockopt(notify_fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  do {
    ssize_t n = recv(notify_fd, heard, sizeof(heard) - 1, 0);
    if (n < 0) {
      fail_msg("no note \"%s\"", text);
      return;
    }
    heard[n] = '\0';
  } while (!strstr(heard, text));
}

static void stop_listening(void) {
  const char *name = getenv("NOTIFY_SOCKET");
  if (*name != '@')
    unlink(name);
  unsetenv("NOTIFY_SOCKET");
  close(notify_fd);
}

static void test_notes(void **state) {
  (void)state;
  for (int abstract = 0; abstract < 2; abstract++) {
    listen_for_notes(abstract);
    start(run_main, ANY_PORT);
    wait_for_note("READY=1");
    send_signal(SIGHUP);
    wait_for_note("RELOADING=1\nMONOTONIC_USEC=");
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    long long said = atoll(strstr(heard, "USEC=") + 5);
    assert_true(said / 1000000 <= now.tv_sec &&
                said / 1000000 >= now.tv_sec - 60);
    wait_for_note("READY=1");
    send_signal(SIGTERM);
    wait_for_note("STOPPING=1");
    assert_ends(0);
    stop_listening();
  }
}

/* The watchdog hears of a server whose loop goes round, and of no other. */
static void test_watchdog(void **state) {
  (void)state;
  listen_for_notes(true);
  setenv("WATCHDOG_USEC", "100000", 1);
  start(run_main, ANY_PORT);
  for (int i = 0; i < 5; i++)
    wait_for_note("WATCHDOG=1");
  send_signal(SIGTERM);
  assert_ends(0);
  setenv("WATCHDOG_PID", "1", 1); /* somebody else's */
  while (recv(notify_fd, heard, sizeof(heard), MSG_DONTWAIT) > 0) {
  }
  start(run_main, ANY_PORT);
  wait_for_note("READY=1");
  wait_until_said("serves gRPC");
  nanosleep(&(struct timespec){0, 300000000}, NULL);
  assert_int_equal(recv(notify_fd, heard, sizeof(heard), MSG_DONTWAIT), -1);
  send_signal(SIGTERM);
  assert_ends(0);
  unsetenv("WATCHDOG_USEC");
  unsetenv("WATCHDOG_PID");
  stop_listening();
}

/* --- sockets that are passed on ------------------------------------------- */

static int passed_port;

static int listening_socket(void) {
  struct sockaddr_in address = {.sin_family = AF_INET,
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t len = sizeof(address);
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
  assert_int_equal(listen(fd, 10), 0);
  getsockname(fd, (struct sockaddr *)&address, &len);
  passed_port = ntohs(address.sin_port);
  return fd;
}

/* In the child: what systemd does before it executes a service. */
static int run_activated(int argc, char **argv) {
  char pid[32];
  int fd = listening_socket();
  char said[64];
  snprintf(said, sizeof(said), "passed: %d\n", passed_port);
  print(said);
  dup2(fd, 3);
  snprintf(pid, sizeof(pid), "%d", (int)getpid());
  setenv("LISTEN_PID", pid, 1);
  setenv("LISTEN_FDS", "1", 1);
  int status = anycable_main(new_app(), argc, argv);
  print(getenv("LISTEN_FDS") ? "environment: as it was\n"
                             : "environment: cleaned\n");
  return status;
}

static void test_activated(void **state) {
  char expected[64];
  (void)state;
  start(run_activated, "");
  passed_port = atoi(wait_until_said("passed: "));
  wait_until_said("serves gRPC");
  snprintf(expected, sizeof(expected), "serves gRPC on 127.0.0.1:%d",
           passed_port);
  wait_until_said("workers)");
  assert_said(expected);
  send_signal(SIGTERM);
  assert_ends(0);
  assert_said("environment: cleaned");
}

static int run_with_a_file(int argc, char **argv) {
  char pid[32];
  int fd = open("/dev/null", O_RDONLY);
  dup2(fd, 3);
  snprintf(pid, sizeof(pid), "%d", (int)getpid());
  setenv("LISTEN_PID", pid, 1);
  setenv("LISTEN_FDS", "1", 1);
  return anycable_main(new_app(), argc, argv);
}

/* Of another process, and of another kind. */
static void test_not_passed(void **state) {
  (void)state;
  setenv("LISTEN_PID", "1", 1);
  setenv("LISTEN_FDS", "7", 1);
  start(run_main, ANY_PORT);
  wait_until_said("serves gRPC");
  send_signal(SIGTERM);
  assert_ends(0);
  unsetenv("LISTEN_PID");
  unsetenv("LISTEN_FDS");
  start(run_with_a_file, "");
  assert_ends(1);
  assert_said("descriptor 3 is not a listening stream socket");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_told_the_address),
      cmocka_unit_test(test_told_the_url),
      cmocka_unit_test(test_ends_by_itself),
      cmocka_unit_test(test_does_not_end),
      cmocka_unit_test(test_not_there),
      cmocka_unit_test(test_json_lines),
      cmocka_unit_test(test_taken_over),
      cmocka_unit_test(test_not_taken_over),
      cmocka_unit_test(test_notes),
      cmocka_unit_test(test_watchdog),
      cmocka_unit_test(test_activated),
      cmocka_unit_test(test_not_passed),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
