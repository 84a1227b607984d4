/* anycable_main: what the main() of a program that is nothing but a backend
 * does. The main thread waits for signals; a second one drives the server. */
#include <anycable/main.h>

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <anycable/server.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "io/errors.h"
#include "rpc/app.h"
#include "server/config.h"
#include "server/main_command.h"
#include "server/main_handover.h"
#include "server/main_log.h"
#include "server/main_signals.h"
#include "server/main_systemd.h"
#include "server/server.h"

enum {
  FAILURE = 1, /* exit statuses */
  USAGE = 2
};

#define DRAIN_TIME (10 * AC_SECOND)
#define LAST_TIME (2 * AC_SECOND) /* for handlers that were told to give up */

/* On the heap: handlers that would not end still log when we have left. */
struct program {
  const char *name;
  anycable_app *app;
  anycable_config *config;
  struct ac_main_log file;
  struct ac_log log;
  anycable_server *server;
  struct ac_main_command command;
  struct ac_handover handover;
  uint64_t beat;   /* how often the watchdog hears of us; 0: never */
  uint64_t next;   /* when it does again */
  uint64_t rounds; /* of the server's loop, when it heard of us last */
  pthread_t thread;
  int result;  /* of anycable_server_run, once |done| */
  bool failed; /* what was started beside the server has ended by itself */
  atomic_bool done;
};

/* --- words to standard error --------------------------------------------- */

static void print_line(int level, const char *message, void *ctx) {
  const struct program *program = ctx;
  (void)level;
  fprintf(stderr, "%s: %s\n", program->name, message);
}

static void say(struct program *program, const char *format, ...)
    ANYCABLE_PRINTF(2, 3);

/* Where there is no log yet. What is said may come from anywhere: as a log
 * line, it is escaped. */
static void say(struct program *program, const char *format, ...) {
  const struct ac_log log = {
      .fn = print_line, .ctx = program, .level = ANYCABLE_LOG_ERROR};
  va_list args;
  va_start(args, format);
  ac_log_vwrite(&log, ANYCABLE_LOG_ERROR, NULL, format, args);
  va_end(args);
}

/* --- environment and arguments -------------------------------------------- */

static const char *name_from(int argc, char **argv) {
  if (argc < 1 || !argv[0] || !*argv[0])
    return "anycable";
  const char *slash = strrchr(argv[0], '/');
  return slash ? slash + 1 : argv[0];
}

static int print_help(const struct program *program) {
  printf("usage: %s [flags]\n\n"
         "%s"
         "  --help, -h\n"
         "        Say this.\n"
         "  --version\n"
         "        Say the version.\n\n"
         "Flags can be given as --flag=VALUE or --flag VALUE, and in the "
         "environment:\n--rpc-host is ANYCABLE_RPC_HOST. A flag overrides the "
         "environment.\n",
         program->name, anycable_config_help());
  return fflush(stdout) == 0 ? EXIT_SUCCESS : FAILURE;
}

static int print_version(void) {
  printf("libanycable %s (%s)\n", anycable_version(), anycable_build_info());
  return fflush(stdout) == 0 ? EXIT_SUCCESS : FAILURE;
}

/* How many of the arguments stand before "--". */
static int flags_end(int argc, char **argv) {
  int end = 0;
  while (end < argc && strcmp(argv[end], "--") != 0)
    end++;
  return end;
}

/* What flags and their values leave over. Returns the exit status, or -1 to go
 * on. */
static int read_rest(struct program *program, int argc, char **argv,
                     int behind) {
  for (int i = 1; i < argc - behind; i++) {
    if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
      return print_help(program);
    if (strcmp(argv[i], "--version") == 0)
      return print_version();
  }
  if (program->config->error) {
    say(program, "%s", anycable_config_error(program->config));
    return program->config->error == ANYCABLE_ERR_NOMEM ? FAILURE : USAGE;
  }
  if (argc <= 1)
    return -1;
  /* Without its value: that may be a secret whose flag was mistyped. */
  say(program, "unknown argument \"%.*s\"; see %s --help",
      (int)strcspn(argv[1], "="), argv[1], program->name);
  return USAGE;
}

/* The caller's argv stays as it is. */
static int read_options(struct program *program, int argc, char **argv) {
  char **copy = calloc((size_t)argc + 1, sizeof(*copy));
  if (!copy) {
    say(program, "out of memory");
    return FAILURE;
  }
  if (argc > 0)
    memcpy(copy, argv, (size_t)argc * sizeof(*copy));
  int end = flags_end(argc, argv);
  int behind = end < argc ? argc - end - 1 : 0;
  anycable_config_load_env(program->config);
  ac_systemd_take_sockets(program->config);
  anycable_config_load_args(program->config, &argc, copy);
  int status = read_rest(program, argc, copy, behind);
  free(copy);
  return status;
}

/* --- serving -------------------------------------------------------------- */

static void *drive(void *arg) {
  struct program *program = arg;
  program->result = anycable_server_run(program->server);
  atomic_store(&program->done, true);
  ac_signals_wake();
  return NULL;
}

/* Tells the watchdog that the server's loop goes round, if it does; and has it
 * go round once more. */
static void beat(struct program *program) {
  uint64_t rounds = ac_counted(&program->server->rounds);
  if (rounds != program->rounds)
    ac_systemd_notify("WATCHDOG=1");
  program->rounds = rounds;
  program->next = ac_clock_now() + program->beat;
  ac_loop_wake(program->server->loop);
}

static void hang_up(struct program *program) {
  const struct ac_log *log = &program->log;
  char text[64];
  snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%llu",
           (unsigned long long)(ac_clock_now() / 1000));
  ac_systemd_notify(text);
  int error = ac_main_log_reopen(&program->file);
  if (error)
    ac_log_write(log, ANYCABLE_LOG_ERROR,
                 "SIGHUP: %s cannot be opened again: %s", program->file.path,
                 ac_errno_text(error));
  else if (program->file.path)
    ac_log_write(log, ANYCABLE_LOG_INFO, "SIGHUP: the log was opened again");
  error = anycable_server_reload_tls(program->server, NULL, NULL);
  if (error == ANYCABLE_OK)
    ac_log_write(log, ANYCABLE_LOG_INFO,
                 "SIGHUP: certificate and key were read again");
  else if (error == ANYCABLE_ERR_STATE)
    ac_log_write(log, ANYCABLE_LOG_INFO,
                 "SIGHUP: TLS is off, there is no certificate to read again");
  else
    ac_log_write(log, ANYCABLE_LOG_ERROR,
                 "SIGHUP: %s; the old certificate stays in use",
                 anycable_server_error(program->server));
  ac_systemd_notify("READY=1");
}

/* Has the WebSocket server ended, or another process taken over? */
static bool something_happened(const struct program *program) {
  return (program->command.pid > 0 &&
          !ac_main_command_runs(&program->command)) ||
         atomic_load(&program->handover.taken_over);
}

/* Sees to signals and the watchdog until |deadline|, zero: for ever; until the
 * server has ended; if |watching|, until something has happened; or until more
 * than |stops| signals asked for the end. */
static void see_to(struct program *program, uint64_t deadline, int stops,
                   bool watching) {
  for (;;) {
    uint64_t now = ac_clock_now();
    if (ac_signals_take_hangup())
      hang_up(program);
    if (program->beat && now >= program->next)
      beat(program);
    if (atomic_load(&program->done) || ac_signals_stops() > stops ||
        (deadline && now >= deadline) ||
        (watching && something_happened(program)))
      return;
    uint64_t until = program->beat ? program->next : deadline;
    if (deadline && deadline < until)
      until = deadline;
    ac_signals_wait(until ? (int)((until - now) / AC_MS + 1) : -1);
  }
}

static bool is_done(const struct program *program) {
  return atomic_load(&program->done);
}

/* How what was started beside the server has ended, if that was not asked. */
static void tell_end(struct program *program) {
  int status = program->command.status;
  bool killed = WIFSIGNALED(status);
  program->failed = true;
  ac_log_write(&program->log, ANYCABLE_LOG_ERROR,
               "server_command: it has ended by itself, with %s %d: stopping",
               killed ? "signal" : "status",
               killed ? WTERMSIG(status) : WEXITSTATUS(status));
}

/* The WebSocket server goes first: it disconnects its clients, which calls us.
 */
static void stop_command(struct program *program) {
  if (!ac_main_command_runs(&program->command))
    return;
  ac_main_command_signal(&program->command, SIGTERM);
  see_to(program, ac_clock_now() + DRAIN_TIME, 1, true);
}

/* Why the end has come. The service itself goes on where another process has
 * taken over: systemd is told of no end then. */
static void tell_why(struct program *program) {
  const struct ac_log *log = &program->log;
  if (atomic_load(&program->handover.taken_over)) {
    ac_log_write(log, ANYCABLE_LOG_INFO, "another process has taken over");
    ac_doors_leave(program->server);
    return;
  }
  if (something_happened(program))
    tell_end(program);
  else
    ac_log_write(log, ANYCABLE_LOG_INFO,
                 "a signal asks to stop: calls under way have %d seconds, or "
                 "until a second signal",
                 (int)(DRAIN_TIME / AC_SECOND));
  ac_systemd_notify("STOPPING=1");
}

/* False if handlers still run. */
static bool serve(struct program *program) {
  const struct ac_log *log = &program->log;
  see_to(program, 0, 0, true);
  if (is_done(program))
    return true;
  tell_why(program);
  stop_command(program);
  anycable_server_request_stop(program->server);
  see_to(program, ac_clock_now() + DRAIN_TIME, 1, false);
  if (is_done(program))
    return true;
  ac_log_write(log, ANYCABLE_LOG_WARN, "calls under way are given up");
  anycable_server_request_stop(program->server);
  see_to(program, ac_clock_now() + LAST_TIME, INT_MAX, false);
  if (is_done(program))
    return true;
  ac_log_write(log, ANYCABLE_LOG_ERROR, "handlers still run: leaving them");
  return false;
}

/* --- beginning and end ---------------------------------------------------- */

static int open_log(struct program *program) {
  const char *path = program->config->log_file;
  int error = ac_main_log_open(&program->file, path);
  if (error) {
    say(program, "log_file: \"%s\" cannot be opened: %s", path ? path : "",
        ac_errno_text(error));
    return FAILURE;
  }
  if (strcmp(anycable_config_get(program->config, ANYCABLE_SETTING_LOG_FORMAT),
             "json") == 0)
    anycable_config_set_log_records(program->config, ac_main_log_record,
                                    &program->file);
  else
    anycable_config_set_log(program->config, ac_main_log_write, &program->file);
  program->log = ac_config_log(program->config);
  return 0;
}

/* The sockets listen already: it can call as soon as it wants. */
static int start_command(struct program *program) {
  int error = program->config->server_command
                  ? ac_main_command_start(&program->command, program->server)
                  : 0;
  if (error)
    say(program, "server_command: cannot be started: %s", ac_errno_text(error));
  return error ? FAILURE : 0;
}

/* systemd may know the process before us as the service's main one. */
static void say_ready(struct program *program) {
  char text[64];
  snprintf(text, sizeof(text), "MAINPID=%d\nREADY=1", (int)getpid());
  program->beat = ac_systemd_watchdog();
  ac_systemd_notify(text);
}

static void tell_handover(struct program *program, int error) {
  if (error)
    ac_log_write(&program->log, ANYCABLE_LOG_ERROR,
                 "handover: nobody can take over at %s: %s",
                 program->config->handover, ac_errno_text(error));
}

/* With a server: until its end. Returns the exit status, or -1 where handlers
 * still use what would be freed. */
static int run(struct program *program) {
  int error = start_command(program);
  if (error)
    return error;
  /* Whoever sees in the log that we serve can take over from us. */
  tell_handover(program, ac_handover_listen(&program->handover));
  error = ac_thread_start(&program->thread, drive, program);
  if (error) {
    say(program, "no thread to serve on: %s", ac_errno_text(error));
    ac_handover_end(&program->handover);
    ac_main_command_finish(&program->command);
    return FAILURE;
  }
  tell_handover(program,
                ac_handover_serve(&program->handover, program->server));
  say_ready(program);
  bool ended = serve(program);
  ac_handover_end(&program->handover);
  ac_main_command_finish(&program->command);
  if (!ended) {
    pthread_detach(program->thread);
    return -1;
  }
  pthread_join(program->thread, NULL);
  ac_log_write(&program->log, ANYCABLE_LOG_INFO, "stopped");
  if (program->result == ANYCABLE_OK)
    return program->failed ? FAILURE : EXIT_SUCCESS;
  say(program, "%s", anycable_server_error(program->server));
  return FAILURE;
}

static int take_over(struct program *program) {
  const char *path = program->config->handover;
  int error = path ? ac_handover_receive(&program->handover, path) : 0;
  program->config->handed = program->handover.handed;
  program->config->n_handed = program->handover.n_handed;
  if (error)
    say(program, "handover: cannot take over at %s: %s", path,
        error == EPROTO ? "another program is there" : ac_errno_text(error));
  return error ? FAILURE : 0;
}

static int run_server(struct program *program) {
  int error = take_over(program);
  if (error)
    return error;
  error = anycable_server_new(&program->server, program->app, program->config);
  if (error) {
    say(program, "%s", anycable_app_error(program->app));
    bool blameless = ac_app_check(program->app) == ANYCABLE_OK;
    return blameless && error == ANYCABLE_ERR_INVALID ? USAGE : FAILURE;
  }
  if (!ac_door_at(program->server, 0)) {
    say(program, "rpc_host: \"" AC_NOWHERE "\" leaves nothing to be served; "
                 "set http_host or http_health_port");
    anycable_server_free(program->server);
    return USAGE;
  }
  int status = run(program);
  if (status >= 0)
    anycable_server_free(program->server);
  return status;
}

/* Everything between reading options and freeing the application. */
static int run_program(struct program *program) {
  int error = ac_signals_catch();
  if (error) {
    say(program, "signals cannot be caught: %s",
        error == EBUSY ? "anycable_main() runs already" : ac_errno_text(error));
    return FAILURE;
  }
  int status = open_log(program);
  if (status == 0) {
    status = run_server(program);
    if (status >= 0) {
      anycable_app_free(program->app);
      program->app = NULL;
      ac_main_log_close(&program->file);
    }
  }
  ac_signals_release();
  return status;
}

int anycable_main(anycable_app *app, int argc, char **argv) {
  if (!argv || argc < 0)
    argc = 0;
  struct program *program = calloc(1, sizeof(*program));
  anycable_config *config = anycable_config_new();
  if (!program || !config) {
    fprintf(stderr, "%s: out of memory\n", name_from(argc, argv));
    free(program);
    anycable_config_free(config);
    anycable_app_free(app);
    return FAILURE;
  }
  program->name = name_from(argc, argv);
  program->app = app;
  program->config = config;
  int status = read_options(program, argc, argv);
  if (status < 0)
    status = run_program(program);
  if (status < 0)
    return FAILURE; /* handlers still use it all */
  anycable_app_free(program->app);
  anycable_config_free(config);
  free(program);
  return status;
}
