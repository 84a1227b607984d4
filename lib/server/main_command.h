/* The WebSocket server that anycable_main starts beside the backend: a command
 * of a shell's, in a process group of its own, so that a terminal's Ctrl-C
 * reaches the backend alone, which sees to the end of both. */
#ifndef AC_SERVER_MAIN_COMMAND_H
#define AC_SERVER_MAIN_COMMAND_H

#include <anycable/server.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>

/* All zero: not started. */
struct ac_main_command {
  pid_t pid;
  pthread_t thread; /* waits for its end, and tells by ac_signals_wake */
  atomic_bool ended;
  int status; /* of wait(2), once |ended| */
};

/* Starts the server_command of |server|'s config. Its environment tells it
 * where it finds |server|, and the secrets of that. Zero, or an errno value. */
int ac_main_command_start(struct ac_main_command *command,
                          const anycable_server *server);

/* True from its start to its end. */
bool ac_main_command_runs(const struct ac_main_command *command);

/* Sends a signal to all of its group, while it runs. */
void ac_main_command_signal(const struct ac_main_command *command, int number);

/* Waits for its end; all that is left of its group is killed. */
void ac_main_command_finish(struct ac_main_command *command);

#endif
