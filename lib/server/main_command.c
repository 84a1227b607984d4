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
#include "io/address.h"
#include "server/main_signals.h"
#include "server/server.h"

extern char **environ;

/* --- its environment ------------------------------------------------------ */

/* What the WebSocket server is told by its environment. */
struct variables {
  char *items[3];
  size_t n;
};

/* False without memory. */
static bool add(struct variables *variables, const char *name,
                const char *value, const char *more) {
  char **item = &variables->items[variables->n];
  if (!value)
    return true;
  if (asprintf(item, "%s=%s%s", name, value, more) < 0)
    return false;
  variables->n++;
  return true;
}

/* Where it finds us: by HTTP where there is no gRPC. */
static bool add_host(struct variables *variables,
                     const anycable_server *server) {
  const anycable_config *config = server->config;
  const struct ac_door *door = ac_door_at(server, 0);
  const char *mount =
      anycable_config_get(config, ANYCABLE_SETTING_HTTP_RPC_MOUNT_PATH);
  const char *scheme = config->tls_cert ? "https://" : "http://";
  char url[AC_ADDRESS_SIZE + 16];
  if (door->kind == AC_DOOR_RPC)
    return add(variables, "ANYCABLE_RPC_HOST", door->address, "");
  if (door->kind != AC_DOOR_HTTP || !mount)
    return true;
  snprintf(url, sizeof(url), "%s%s", scheme, door->address);
  return add(variables, "ANYCABLE_RPC_HOST", url, mount);
}

/* And what we know by flags, perhaps. */
static bool add_secrets(struct variables *variables,
                        const anycable_config *config) {
  return add(variables, "ANYCABLE_SECRET", config->secret, "") &&
         add(variables, "ANYCABLE_HTTP_RPC_SECRET",
             config->settings[ANYCABLE_SETTING_HTTP_RPC_SECRET], "");
}

/* Is what |variable| sets among |variables|? */
static bool is_set(const char *variable, const struct variables *variables) {
  size_t len = strcspn(variable, "=") + 1;
  for (size_t i = 0; i < variables->n; i++)
    if (strncmp(variables->items[i], variable, len) == 0)
      return true;
  return false;
}

/* Ours, but for |variables|. */
static char **environment(const struct variables *variables) {
  size_t n = 0, kept = variables->n;
  while (environ[n])
    n++;
  char **copy = calloc(kept + n + 1, sizeof(*copy));
  if (!copy)
    return NULL;
  memcpy(copy, variables->items, kept * sizeof(*copy));
  for (size_t i = 0; i < n; i++)
    if (!is_set(environ[i], variables))
      copy[kept++] = environ[i];
  return copy;
}

/* --- its life ------------------------------------------------------------- */

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

static int spawn(pid_t *pid, const char *text, char **env) {
  char *argv[] = {(char *)"sh", (char *)"-c", (char *)(uintptr_t)text, NULL};
  posix_spawnattr_t attributes;
  int error = set_up(&attributes);
  if (error)
    return error;
  error = posix_spawn(pid, "/bin/sh", NULL, &attributes, argv, env);
  posix_spawnattr_destroy(&attributes);
  return error;
}

static int spawn_told(pid_t *pid, const anycable_server *server) {
  struct variables variables = {.n = 0};
  char **env = NULL;
  if (add_host(&variables, server) && add_secrets(&variables, server->config))
    env = environment(&variables);
  int error = env ? spawn(pid, server->config->server_command, env) : ENOMEM;
  free(env);
  while (variables.n > 0)
    free(variables.items[--variables.n]);
  return error;
}

int ac_main_command_start(struct ac_main_command *command,
                          const anycable_server *server) {
  int error = spawn_told(&command->pid, server);
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
