/* Programs that call anycable_main, in processes of their own: the tests read
 * what these say, and send signals when they have said it. */
#ifndef MAIN_FIXTURE_H
#define MAIN_FIXTURE_H

#include <anycable/main.h>

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define ANY_PORT "--rpc-host=127.0.0.1:0"

/* --- the program ---------------------------------------------------------- */

/* A handler says that it runs, and waits for a byte from the test. */
static int hold[2];

static inline void print(const char *text) {
  ssize_t n = write(STDERR_FILENO, text, strlen(text));
  (void)n;
}

static inline void *create(anycable_socket *socket, anycable_str identifiers,
                           const anycable_str *subscriptions, size_t count,
                           void *ctx) {
  (void)identifiers;
  (void)subscriptions;
  (void)count;
  (void)ctx;
  return socket;
}

static inline int handle(void *session) {
  char byte;
  (void)session;
  print("handler: runs\n");
  while (read(hold[0], &byte, 1) < 0 && errno == EINTR) {
  }
  print("handler: ends\n");
  return ANYCABLE_DONE;
}

static inline int handle_command(void *session, anycable_str identifier,
                                 anycable_str command, anycable_str data) {
  (void)identifier;
  (void)command;
  (void)data;
  return handle(session);
}

static inline void destroy_ctx(void *ctx) {
  (void)ctx;
  print("application: freed\n");
}

static inline anycable_app *new_app(void) {
  static const anycable_session_ops ops = {
      .size = sizeof(ops),
      .create = create,
      .handle_open = handle,
      .handle_close = handle,
      .handle_channel_command = handle_command,
  };
  anycable_app *app = anycable_app_new();
  anycable_app_set_factory(app, &ops, NULL, destroy_ctx);
  return app;
}

static inline int run_main(int argc, char **argv) {
  return anycable_main(new_app(), argc, argv);
}

/* --- its process ---------------------------------------------------------- */

struct process {
  pid_t pid;
  int out; /* its standard output and error */
  char said[65536];
  size_t len;
};

static struct process process;

enum { MAX_WORDS = 16 };

static inline int exit_status_of_child(int (*run)(int argc, char **argv),
                                       const char *words) {
  char text[512];
  char *argv[MAX_WORDS] = {(char *)"/usr/bin/backend"};
  int argc = 1;
  snprintf(text, sizeof(text), "%s", words);
  for (char *word = strtok(text, " "); word; word = strtok(NULL, " "))
    argv[argc++] = word;
  return run(argc, argv);
}

/* Runs |run| in a child, with |words| as its arguments. */
static inline void start(int (*run)(int argc, char **argv), const char *words) {
  int pipe_fds[2];
  memset(&process, 0, sizeof(process));
  assert_int_equal(pipe(hold), 0);
  assert_int_equal(pipe(pipe_fds), 0);
  fflush(NULL);
  process.pid = fork();
  if (process.pid == 0) {
    dup2(pipe_fds[1], STDOUT_FILENO);
    dup2(pipe_fds[1], STDERR_FILENO);
    close(pipe_fds[0]);
    close(pipe_fds[1]);
    close(hold[1]);
    exit(exit_status_of_child(run, words));
  }
  assert_true(process.pid > 0);
  close(pipe_fds[1]);
  close(hold[0]);
  process.out = pipe_fds[0];
}

static inline bool read_more(void) {
  size_t room = sizeof(process.said) - 1 - process.len;
  ssize_t n = read(process.out, process.said + process.len, room);
  if (n <= 0)
    return false;
  process.len += (size_t)n;
  process.said[process.len] = '\0';
  return true;
}

/* Waits until it has said |text|; returns what comes behind. */
static inline const char *wait_until_said(const char *text) {
  const char *at;
  while (!(at = strstr(process.said, text))) {
    if (!read_more())
      fail_msg("\"%s\" was never said, but: %s", text, process.said);
  }
  return at + strlen(text);
}

static inline void send_signal(int number) {
  assert_int_equal(kill(process.pid, number), 0);
}

/* Waits for its end: the exit status, or a signal's negative number. */
static inline int end(void) {
  int status;
  while (read_more()) {
  }
  assert_int_equal(waitpid(process.pid, &status, 0), process.pid);
  close(process.out);
  close(hold[1]);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static inline void assert_ends(int expected) {
  int status = end();
  if (status != expected)
    fail_msg("ended with %d, not %d: %s", status, expected, process.said);
}

static inline void assert_said(const char *text) {
  if (!strstr(process.said, text))
    fail_msg("\"%s\" was not said, but: %s", text, process.said);
}

static inline void assert_not_said(const char *text) {
  if (strstr(process.said, text))
    fail_msg("\"%s\" was said: %s", text, process.said);
}

#endif
