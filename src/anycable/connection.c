/* Sockets and their bytes. The handshake is in tls.c; here OpenSSL is used to
 * read and write alone. */
#include "connection.h"
#include "wait.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct connection {
  int fd;
  SSL *ssl;           /* NULL without TLS */
  short read_events;  /* what poll waits for before reading gets on; TLS may */
  short write_events; /* have to write in order to read, and the other way */
  char error[ERROR_SIZE];
};

/* A connected socket, or -1 with errno; ETIMEDOUT at the deadline. */
static int connect_one(int family, const struct sockaddr *to, socklen_t len,
                       int64_t deadline) {
  int one = 1, error = 0;
  socklen_t size = sizeof error;
  int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

  if (fd < 0)
    return -1;
  if (family != AF_UNIX)
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (connect(fd, to, len) == 0)
    return fd;
  error = errno;
  if (error == EINPROGRESS) {
    if (!wait_fd(fd, POLLOUT, deadline))
      error = ETIMEDOUT;
    else if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0)
      error = errno;
  }
  if (error == 0)
    return fd;
  close(fd);
  errno = error;
  return -1;
}

static int connect_unix(const struct address *address, int64_t deadline) {
  struct sockaddr_un un = {.sun_family = AF_UNIX};

  strncpy(un.sun_path, address->path, sizeof un.sun_path - 1);
  return connect_one(AF_UNIX, (const struct sockaddr *)&un, sizeof un,
                     deadline);
}

/* Tries the addresses in turn; one that swallows packets must not take the
 * time of the others, so each has its share. */
static int connect_list(const struct addrinfo *list, int64_t deadline) {
  int count = 0;

  for (const struct addrinfo *a = list; a; a = a->ai_next)
    count++;
  for (const struct addrinfo *a = list; a; a = a->ai_next, count--) {
    int64_t until = deadline;
    int fd;

    if (deadline >= 0)
      until = clock_now() + (deadline - clock_now()) / count;
    fd = connect_one(a->ai_family, a->ai_addr, a->ai_addrlen, until);
    if (fd >= 0)
      return fd;
  }
  return -1;
}

static int connect_address(const struct address *address, int64_t deadline,
                           struct grpc_status *status) {
  struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list = NULL;
  int fd, error;

  if (address->path) {
    fd = connect_unix(address, deadline);
  } else {
    error = getaddrinfo(address->host, address->port, &hints, &list);
    if (error != 0) {
      grpc_status_set(status, GRPC_UNAVAILABLE, "resolve %s: %s", address->host,
                      gai_strerror(error));
      return -1;
    }
    fd = connect_list(list, deadline);
    error = errno;
    freeaddrinfo(list);
    errno = error;
  }
  if (fd < 0)
    grpc_status_set(
        status, errno == ETIMEDOUT ? GRPC_DEADLINE_EXCEEDED : GRPC_UNAVAILABLE,
        "connect to %s: %s", address->text, strerror(errno));
  return fd;
}

struct connection *connection_open(const struct address *address,
                                   const struct tls *tls, int64_t deadline,
                                   struct grpc_status *status) {
  struct connection *c = text_must(calloc(1, sizeof *c));

  c->read_events = POLLIN;
  c->write_events = POLLOUT;
  c->fd = connect_address(address, deadline, status);
  if (c->fd >= 0 && tls)
    c->ssl = tls_connect(tls, c->fd, address, deadline, status);
  if (c->fd >= 0 && (c->ssl || !tls))
    return c;
  connection_close(c);
  return NULL;
}

void connection_close(struct connection *c) {
  if (!c)
    return;
  if (c->ssl)
    SSL_shutdown(c->ssl);
  SSL_free(c->ssl);
  if (c->fd >= 0)
    close(c->fd);
  free(c);
}

static ssize_t fail(struct connection *c, const char *reason) {
  snprintf(c->error, sizeof c->error, "%s", reason);
  return CONNECTION_FAILED;
}

static ssize_t fail_errno(struct connection *c) {
  if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)
    return CONNECTION_AGAIN;
  return fail(c, strerror(errno));
}

/* After SSL_read or SSL_write returned |n|, which is not success. */
static ssize_t fail_tls(struct connection *c, int n, short *events) {
  switch (SSL_get_error(c->ssl, n)) {
  case SSL_ERROR_WANT_READ:
    *events = POLLIN;
    return CONNECTION_AGAIN;
  case SSL_ERROR_WANT_WRITE:
    *events = POLLOUT;
    return CONNECTION_AGAIN;
  case SSL_ERROR_ZERO_RETURN:
    return 0;
  case SSL_ERROR_SYSCALL:
    return fail(c, errno ? strerror(errno) : "connection cut");
  default:
    return fail(c, tls_error());
  }
}

ssize_t connection_read(struct connection *c, void *data, size_t len) {
  int n;

  if (!c->ssl) {
    ssize_t got = recv(c->fd, data, len, 0);
    return got < 0 ? fail_errno(c) : got;
  }
  ERR_clear_error();
  errno = 0;
  c->read_events = POLLIN;
  n = SSL_read(c->ssl, data, len > INT_MAX ? INT_MAX : (int)len);
  return n > 0 ? n : fail_tls(c, n, &c->read_events);
}

ssize_t connection_write(struct connection *c, const void *data, size_t len) {
  ssize_t n;

  if (!c->ssl) {
    n = send(c->fd, data, len, MSG_NOSIGNAL);
    return n < 0 ? fail_errno(c) : n;
  }
  ERR_clear_error();
  errno = 0;
  c->write_events = POLLOUT;
  n = SSL_write(c->ssl, data, len > INT_MAX ? INT_MAX : (int)len);
  if (n > 0)
    return n;
  n = fail_tls(c, (int)n, &c->write_events);
  return n == 0 ? fail(c, "connection closed") : n;
}

bool connection_wait(struct connection *c, bool writing, int64_t deadline) {
  short events = c->read_events;

  if (writing)
    events = (short)(events | c->write_events);
  return wait_fd(c->fd, events, deadline);
}

const char *connection_error(const struct connection *c) {
  return c->error;
}
