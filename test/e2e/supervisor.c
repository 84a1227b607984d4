/* A supervisor for the restart test, as systemd is one with socket activation:
 * it owns the listening socket, and hands it to every backend that it starts.
 *
 *   supervisor PROGRAM ARGS...   runs PROGRAM ARGS... --listen-fd 4
 *
 * A line on standard input starts a new backend, waits for it to say "ready",
 * and only then stops the old one. The end of standard input stops all. */
#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LISTEN_FD = 4 };

static int listen_anywhere(void) {
  struct sockaddr_in address = {.sin_family = AF_INET};
  socklen_t len = sizeof address;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (fd < 0 || bind(fd, (struct sockaddr *)&address, len) || listen(fd, 128) ||
      getsockname(fd, (struct sockaddr *)&address, &len))
    return -1;
  printf("listening on 127.0.0.1:%d\n", ntohs(address.sin_port));
  fflush(stdout);
  return fd;
}

static void run_backend(char **argv, int out) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  dup2(out, STDOUT_FILENO);
  execv(argv[0], argv);
  perror(argv[0]);
  _exit(127);
}

/* Starts a backend, and returns its process id when it is ready; -1 if it
 * never was. */
static pid_t start(char **argv) {
  int out[2];
  if (pipe(out))
    return -1;
  pid_t pid = fork();
  if (pid == 0)
    run_backend(argv, out[1]);
  close(out[1]);
  FILE *lines = fdopen(out[0], "r");
  char line[256];
  while (lines && fgets(line, sizeof line, lines))
    if (strncmp(line, "ready", 5) == 0)
      return pid; /* the pipe stays open for what else it says */
  return -1;
}

static int stop(pid_t pid) {
  int status = 0;
  kill(pid, SIGTERM);
  waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

/* The arguments of the backend: ours, and the descriptor. */
static char **backend_argv(int argc, char **argv) {
  static char flag[] = "--listen-fd", number[] = "4";
  char **list = calloc((size_t)argc + 2, sizeof *list);
  if (!list)
    return NULL;
  memcpy(list, argv + 1, (size_t)(argc - 1) * sizeof *list);
  list[argc - 1] = flag;
  list[argc] = number;
  return list;
}

int main(int argc, char **argv) {
  char **list = backend_argv(argc, argv);
  int fd = listen_anywhere();
  if (argc < 2 || !list || fd < 0 ||
      (fd != LISTEN_FD && (dup2(fd, LISTEN_FD) < 0 || close(fd))))
    return 1;
  pid_t backend = start(list);
  char line[256];
  if (backend > 0)
    printf("ready\n");
  fflush(stdout);
  while (backend > 0 && fgets(line, sizeof line, stdin)) {
    pid_t next = start(list);
    printf("stopped %d\n", stop(backend));
    fflush(stdout);
    backend = next;
  }
  free(list);
  return backend > 0 ? stop(backend) : 1;
}
