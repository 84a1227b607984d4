#include "server/main_command.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/thread.h"
#include "server/main_signals.h"

extern char **environ;

static void *await(void *arg) {
  struct ac_main_command *command = arg;
  int status = 0;
  while (waitpid(command->pid, &status, 0) < 0 && errno == EINTR) {
  }
  command->status = status;
  atomic_store(&command->ended, true);
  ac_signals_wake();
  return NULL;
}

/* Our environment, with |own| in place of the variable that it sets. */
static char **environment(char *own) {
  size_t len = (size_t)(strchr(own, '=') - own) + 1;
  size_t n = 0, kept = 1;
  while (environ[n])
    n++;
  char **copy = calloc(n + 2, sizeof(*copy));
  if (!copy)
    return NULL;
  copy[0] = own;
  for (size_t i = 0; i < n; i++)
    if (strncmp(environ[i], own, len) != 0)
      copy[kept++] = environ[i];
  return copy;
}

/* As a shell would: nothing of our signals is inherited. */
static int set_up(posix_spawnattr_t *attributes) {
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  int error = posix_spawnattr_init(attributes);
  if (error)
    return error;
  posix_spawnattr_setpgroup(attributes, 0);
  posix_spawnattr_setsigmask(attributes, &none);
  posix_spawnattr_setsigdefault(attributes, &all);
  return posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETPGROUP |
                                                  POSIX_SPAWN_SETSIGMASK |
                                                  POSIX_SPAWN_SETSIGDEF);
}

int ac_main_command_start(struct ac_main_command *command, const char *text,
                          const char *address) {
  char own[256];
  char *argv[] = {(char *)"sh", (char *)"-c", (char *)(uintptr_t)text, NULL};
  posix_spawnattr_t attributes;
  snprintf(own, sizeof(own), "ANYCABLE_RPC_HOST=%s", address);
  char **env = environment(own);
  int error = env ? set_up(&attributes) : ENOMEM;
  if (!error) {
    error = posix_spawn(&command->pid, "/bin/sh", NULL, &attributes, argv, env);
    posix_spawnattr_destroy(&attributes);
  }
  free(env);
  if (error) {
    command->pid = 0;
    return error;
  }
  error = ac_thread_start(&command->thread, await, command);
  if (!error)
    return 0;
  kill(-command->pid, SIGKILL);
  waitpid(command->pid, NULL, 0);
  command->pid = 0;
  return error;
}

bool ac_main_command_runs(const struct ac_main_command *command) {
  return command->pid > 0 && !atomic_load(&command->ended);
}

void ac_main_command_signal(const struct ac_main_command *command, int number) {
  if (ac_main_command_runs(command))
    kill(-command->pid, number);
}

void ac_main_command_finish(struct ac_main_command *command) {
  if (command->pid <= 0)
    return;
  kill(-command->pid, SIGKILL);
  pthread_join(command->thread, NULL);
  command->pid = 0;
}
