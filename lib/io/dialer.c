/* From a name to a connected socket. */
#include "io/dialer.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "io/errors.h"
#include "io/lookup.h"
#include "io/wait.h"

enum {
  /* How long sent bytes may stay unacknowledged. */
  USER_TIMEOUT_MS = 20000,
  /* When an idle connection is probed, so that one that a firewall has
   * forgotten is found before something is lost on it. */
  KEEPALIVE_IDLE_S = 60,
  KEEPALIVE_INTERVAL_S = 10,
  KEEPALIVE_PROBES = 3
};

/* What the kernel does not know of an option is of no interest. */
static void set_option(int fd, int level, int option, int value) {
  setsockopt(fd, level, option, &value, sizeof(value));
}

static void set_tcp_options(int fd) {
  set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, USER_TIMEOUT_MS);
  set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
  set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_S);
  set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S);
  set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_PROBES);
}

static int open_socket(int family) {
  return socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

/* Waits for what connect() began; empty, or why it failed. */
static const char *await(int fd, const struct ac_wait *wait) {
  int error = 0;
  socklen_t len = sizeof(error);
  enum ac_wait_end end = ac_wait_for(wait, fd, POLLOUT);
  if (end != AC_WAIT_READY)
    return ac_wait_text(end);
  if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
    error = errno;
  return error ? ac_errno_text(error) : "";
}

/* Returns a connected socket, or -1 with |*why|. */
static int try_address(const struct addrinfo *address,
                       const struct ac_wait *wait, const char **why) {
  int fd = open_socket(address->ai_family);
  if (fd < 0) {
    *why = ac_errno_text(errno);
    return -1;
  }
  set_tcp_options(fd);
  *why = "";
  /* Interrupted by a signal, it goes on all the same. */
  if (connect(fd, address->ai_addr, address->ai_addrlen) != 0)
    *why = errno == EINPROGRESS || errno == EINTR ? await(fd, wait)
                                                  : ac_errno_text(errno);
  if (!**why)
    return fd;
  close(fd);
  return -1;
}

static unsigned count(const struct addrinfo *list) {
  unsigned n = 0;
  for (; list; list = list->ai_next)
    n++;
  return n;
}

/* A share of what is left, so that one silent address is not the end. */
static struct ac_wait share(const struct ac_wait *wait, unsigned among) {
  uint64_t now = ac_clock_now();
  struct ac_wait part = *wait;
  if (part.until > now)
    part.until = now + (part.until - now) / among;
  return part;
}

int ac_dialer_connect(const char *host, unsigned port,
                      const struct ac_wait *wait, char *error,
                      size_t error_size) {
  struct addrinfo *found = ac_lookup(host, port, wait, error, error_size);
  const char *why = "the host has no address";
  int fd = -1;
  if (!found)
    return -1;
  for (struct addrinfo *at = found; at && fd < 0; at = at->ai_next) {
    struct ac_wait part = share(wait, count(at));
    fd = try_address(at, &part, &why);
  }
  freeaddrinfo(found);
  if (fd < 0)
    snprintf(error, error_size, "cannot connect: %s", why);
  return fd;
}

/* Nothing to wait for: it is connected at once, or its queue is full. */
int ac_dialer_connect_unix(const char *path, char *error, size_t error_size) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof(address.sun_path)) {
    snprintf(error, error_size, "cannot connect: the path is too long");
    return -1;
  }
  memcpy(address.sun_path, path, strlen(path) + 1);
  int fd = open_socket(AF_UNIX);
  if (fd >= 0 &&
      connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
    return fd;
  snprintf(error, error_size, "cannot connect: %s", ac_errno_text(errno));
  if (fd >= 0)
    close(fd);
  return -1;
}
