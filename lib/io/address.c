/* Addresses: from the text of a configuration to a socket that listens, and
 * from a socket to text. */
#include "io/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <anycable/version.h>

#include "io/errors.h"

enum {
  BACKLOG = 1024, /* the kernel cuts it at net.core.somaxconn */
  HOST_SIZE = 256
};

#define UNIX "unix:"
#define FORMS "use host:port, [ipv6]:port, :port or unix:/path"

/* What an attempt to open one address needs to explain itself. */
struct attempt {
  const char *address;
  char *error;
  size_t error_size;
};

static int refuse(const struct attempt *attempt, const char *format, ...)
    ANYCABLE_PRINTF(2, 3);

/* Writes: "the address" |format|. */
static int refuse(const struct attempt *attempt, const char *format, ...) {
  va_list args;
  va_start(args, format);
  int n = snprintf(attempt->error, attempt->error_size, "\"%s\" ",
                   attempt->address);
  if (n > 0 && (size_t)n < attempt->error_size)
    vsnprintf(attempt->error + n, attempt->error_size - (size_t)n, format,
              args);
  va_end(args);
  return -1;
}

static int cannot_listen(const struct attempt *attempt, int error) {
  return refuse(attempt, "cannot be listened on: %s", ac_errno_text(error));
}

/* --- internet addresses --------------------------------------------------- */

static bool parse_port(const char *text, unsigned *port) {
  unsigned value = 0;
  size_t n = 0;
  for (; text[n]; n++) {
    if (text[n] < '0' || text[n] > '9' || n >= 5)
      return false;
    value = value * 10 + (unsigned)(text[n] - '0');
  }
  *port = value;
  return n > 0 && value <= 65535;
}

/* Splits "host:port" and "[host]:port"; |host| is empty for ":port". */
static int parse(const struct attempt *attempt, char host[HOST_SIZE],
                 unsigned *port) {
  const char *begin = attempt->address;
  const char *colon = strrchr(begin, ':');
  if (!colon || strchr(colon, ']'))
    return refuse(attempt, "has no port; " FORMS);
  size_t len = (size_t)(colon - begin);
  if (*begin == '[') {
    if (len < 3 || begin[len - 1] != ']')
      return refuse(attempt, "is not an address; " FORMS);
    begin++;
    len -= 2;
  } else if (memchr(begin, ':', len)) {
    return refuse(attempt, "is not an address, as IPv6 needs brackets; " FORMS);
  }
  if (!parse_port(colon + 1, port))
    return refuse(attempt, "has no port from 0 to 65535; " FORMS);
  if (len >= HOST_SIZE)
    return refuse(attempt, "has a host name that is too long");
  memcpy(host, begin, len);
  host[len] = '\0';
  return 0;
}

/* Returns a socket that listens, or -1 with errno. */
static int listen_at(const struct sockaddr *address, socklen_t len) {
  int on = 1, off = 0;
  int fd =
      socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0)
    return -1;
  if (address->sa_family == AF_INET6)
    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
  /* A restart must not wait for connections of the process before. */
  if (address->sa_family != AF_UNIX)
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  if (bind(fd, address, len) == 0 && listen(fd, BACKLOG) == 0)
    return fd;
  int error = errno;
  close(fd);
  errno = error;
  return -1;
}

/* All addresses of the machine: of both families with one socket, or of IPv4
 * where the machine has no IPv6. */
static int listen_any(const struct attempt *attempt, unsigned port) {
  struct sockaddr_in6 in6 = {.sin6_family = AF_INET6,
                             .sin6_port = htons((uint16_t)port),
                             .sin6_addr = IN6ADDR_ANY_INIT};
  struct sockaddr_in in = {.sin_family = AF_INET,
                           .sin_port = htons((uint16_t)port),
                           .sin_addr = {htonl(INADDR_ANY)}};
  int fd = listen_at((struct sockaddr *)&in6, sizeof(in6));
  if (fd < 0 && (errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL))
    fd = listen_at((struct sockaddr *)&in, sizeof(in));
  return fd < 0 ? cannot_listen(attempt, errno) : fd;
}

/* gai_strerror would speak the host's language. */
static int cannot_resolve(const struct attempt *attempt, int code) {
  switch (code) {
  case EAI_SYSTEM:
    return refuse(attempt, "has a host name that cannot be looked up: %s",
                  ac_errno_text(errno));
  case EAI_AGAIN:
    return refuse(attempt, "has a host name that cannot be looked up now");
  case EAI_MEMORY:
    return refuse(attempt, "cannot be looked up: out of memory");
  default:
    return refuse(attempt, "has a host name that is not known");
  }
}

/* The first of the host's addresses that this machine has. */
static int listen_host(const struct attempt *attempt, const char *host,
                       unsigned port) {
  char service[8];
  snprintf(service, sizeof(service), "%u", port);
  struct addrinfo hints = {.ai_family = AF_UNSPEC,
                           .ai_socktype = SOCK_STREAM,
                           .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
  struct addrinfo *found = NULL;
  int code = getaddrinfo(host, service, &hints, &found);
  if (code != 0)
    return cannot_resolve(attempt, code);
  int fd = -1;
  for (struct addrinfo *at = found; at && fd < 0; at = at->ai_next) {
    fd = listen_at(at->ai_addr, at->ai_addrlen);
    if (fd < 0 && errno != EAFNOSUPPORT && errno != EADDRNOTAVAIL)
      break;
  }
  int error = errno;
  freeaddrinfo(found);
  return fd < 0 ? cannot_listen(attempt, error) : fd;
}

/* --- unix sockets --------------------------------------------------------- */

/* Removes the file of a socket that nobody listens on any more. False, with
 * errno, where it is in use, or something else. */
static bool remove_stale(const struct sockaddr_un *address) {
  struct stat before, after;
  if (lstat(address->sun_path, &before) != 0)
    return errno == ENOENT;
  if (!S_ISSOCK(before.st_mode)) {
    errno = EEXIST;
    return false;
  }
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0)
    return false;
  int error = EADDRINUSE;
  if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) != 0 &&
      errno != EAGAIN)
    error = errno;
  close(fd);
  errno = error;
  if (error != ECONNREFUSED)
    return error == ENOENT;
  /* Another process may have put its own there meanwhile. */
  if (lstat(address->sun_path, &after) != 0 || after.st_dev != before.st_dev ||
      after.st_ino != before.st_ino) {
    errno = EADDRINUSE;
    return false;
  }
  return unlink(address->sun_path) == 0;
}

/* The path of "unix:/path" and "unix:///path"; NULL where it cannot be one. */
static const char *parse_unix(const struct attempt *attempt) {
  const size_t size = sizeof(((struct sockaddr_un *)NULL)->sun_path);
  const char *path = attempt->address + strlen(UNIX);
  if (strncmp(path, "//", 2) == 0)
    path += 2;
  if (*path != '/')
    refuse(attempt, "is not a path from the root; use unix:/path");
  else if (strlen(path) >= size)
    refuse(attempt, "is a path longer than %zu bytes", size - 1);
  else
    return path;
  return NULL;
}

static int listen_unix(const struct attempt *attempt, char **copy) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  const char *path = parse_unix(attempt);
  if (!path)
    return -1;
  memcpy(address.sun_path, path, strlen(path) + 1);
  *copy = strdup(path);
  if (!*copy)
    return cannot_listen(attempt, ENOMEM);
  const struct sockaddr *any = (const struct sockaddr *)&address;
  int fd = listen_at(any, sizeof(address));
  if (fd < 0 && errno == EADDRINUSE && remove_stale(&address))
    fd = listen_at(any, sizeof(address));
  if (fd >= 0)
    return fd;
  int error = errno;
  free(*copy);
  *copy = NULL;
  if (error == EEXIST)
    return refuse(attempt, "exists and is not a socket");
  return cannot_listen(attempt, error);
}

static bool is_unix(const char *address) {
  return strncmp(address, UNIX, strlen(UNIX)) == 0;
}

int ac_address_check(const char *address, char *error, size_t error_size) {
  struct attempt attempt = {address, error, error_size};
  char host[HOST_SIZE];
  unsigned port;
  if (is_unix(address))
    return parse_unix(&attempt) ? 0 : -1;
  return parse(&attempt, host, &port);
}

int ac_address_listen(const char *address, char **path, char *error,
                      size_t error_size) {
  struct attempt attempt = {address, error, error_size};
  char host[HOST_SIZE];
  unsigned port = 0;
  *path = NULL;
  if (is_unix(address))
    return listen_unix(&attempt, path);
  if (parse(&attempt, host, &port) != 0)
    return -1;
  return host[0] ? listen_host(&attempt, host, port)
                 : listen_any(&attempt, port);
}

/* --- names ---------------------------------------------------------------- */

void ac_address_format(const struct sockaddr_storage *address, size_t len,
                       char name[AC_ADDRESS_SIZE]) {
  char host[INET6_ADDRSTRLEN] = "?";
  if (address->ss_family == AF_INET) {
    const struct sockaddr_in *in = (const void *)address;
    inet_ntop(AF_INET, &in->sin_addr, host, sizeof(host));
    snprintf(name, AC_ADDRESS_SIZE, "%s:%u", host,
             (unsigned)ntohs(in->sin_port));
  } else if (address->ss_family == AF_INET6) {
    const struct sockaddr_in6 *in = (const void *)address;
    inet_ntop(AF_INET6, &in->sin6_addr, host, sizeof(host));
    snprintf(name, AC_ADDRESS_SIZE, "[%s]:%u", host,
             (unsigned)ntohs(in->sin6_port));
  } else if (address->ss_family == AF_UNIX) {
    const struct sockaddr_un *un = (const void *)address;
    size_t head = offsetof(struct sockaddr_un, sun_path);
    size_t n = len > head ? strnlen(un->sun_path, len - head) : 0;
    snprintf(name, AC_ADDRESS_SIZE, "unix:%.*s", (int)n, un->sun_path);
  } else {
    snprintf(name, AC_ADDRESS_SIZE, "?");
  }
}

void ac_address_name(int fd, char name[AC_ADDRESS_SIZE]) {
  struct sockaddr_storage address = {.ss_family = AF_UNSPEC};
  socklen_t len = sizeof(address);
  getsockname(fd, (struct sockaddr *)&address, &len);
  ac_address_format(&address, len, name);
}
