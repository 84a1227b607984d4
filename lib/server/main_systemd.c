#include "server/main_systemd.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { FIRST_FD = 3, MOST_FDS = 64 };

/* A number in the environment; 0 where there is none. */
static unsigned long long number(const char *name) {
  const char *value = getenv(name);
  return value && *value >= '0' && *value <= '9' ? strtoull(value, NULL, 10)
                                                 : 0;
}

/* Is what |name| says meant for this process, and not for one before? */
static bool is_ours(const char *name) {
  return number(name) == (unsigned long long)getpid();
}

int ac_systemd_take_sockets(anycable_config *config) {
  unsigned long long n = is_ours("LISTEN_PID") ? number("LISTEN_FDS") : 0;
  int error = ANYCABLE_OK;
  for (int i = 0; i < (int)(n < MOST_FDS ? n : MOST_FDS) && !error; i++) {
    fcntl(FIRST_FD + i, F_SETFD, FD_CLOEXEC);
    error = anycable_config_add_listen_fd(config, FIRST_FD + i);
  }
  unsetenv("LISTEN_PID");
  unsetenv("LISTEN_FDS");
  unsetenv("LISTEN_FDNAMES");
  return error;
}

/* A path, or an abstract name that begins with "@". */
void ac_systemd_notify(const char *text) {
  const char *path = getenv("NOTIFY_SOCKET");
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  size_t len = path ? strlen(path) : 0;
  if (len < 2 || len >= sizeof(address.sun_path))
    return;
  memcpy(address.sun_path, path, len);
  if (*path == '@')
    address.sun_path[0] = '\0';
  int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0)
    return;
  /* Who does not listen does not want to know. */
  ssize_t n = sendto(fd, text, strlen(text), MSG_NOSIGNAL,
                     (const struct sockaddr *)&address,
                     (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len));
  (void)n;
  close(fd);
}

uint64_t ac_systemd_watchdog(void) {
  bool ours = !getenv("WATCHDOG_PID") || is_ours("WATCHDOG_PID");
  return ours ? number("WATCHDOG_USEC") * 1000 / 2 : 0;
}
