/* Listening sockets: takes what lib/io/address.c opened, or a descriptor that
 * was inherited, and accepts. Owns the socket, and the file of a unix socket
 * that it made. */
#include "io/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/list.h"
#include "io/address.h"
#include "io/errors.h"
#include "io/loop.h"

enum { ACCEPT_ROUND = 16 };

#define PAUSE (100 * AC_MS)

struct ac_listener {
  struct ac_loop *loop; /* NULL while it does not accept */
  struct ac_watch watch;
  struct ac_timer resume;
  ac_accept_fn fn;
  void *owner;
  int spare_fd; /* given up to shed a connection; -1 while it is missing */
  char *path;   /* the unix socket that is ours to remove */
  struct stat file;
  char address[AC_ADDRESS_SIZE];
};

static void open_spare(struct ac_listener *listener) {
  if (listener->spare_fd < 0)
    listener->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* The timer was set by ac_listener_start, so that moving it cannot fail. */
static void pause_accepting(struct ac_listener *listener) {
  ac_loop_unwatch(listener->loop, &listener->watch);
  ac_loop_timer_set(listener->loop, &listener->resume,
                    ac_loop_now(listener->loop) + PAUSE);
}

static void resume_accepting(struct ac_timer *timer) {
  struct ac_listener *listener =
      ac_container_of(timer, struct ac_listener, resume);
  /* Taken back at once, while its place in the loop is free. */
  ac_loop_timer_set(listener->loop, timer, UINT64_MAX);
  open_spare(listener);
  if (!ac_loop_watch(listener->loop, &listener->watch, EPOLLIN))
    pause_accepting(listener);
}

/* No descriptor is left: the connection that waits is closed, so that its peer
 * goes elsewhere instead of waiting. */
static void shed(struct ac_listener *listener) {
  if (listener->spare_fd >= 0) {
    close(listener->spare_fd);
    listener->spare_fd = -1;
    int fd = accept4(listener->watch.fd, NULL, NULL, SOCK_CLOEXEC);
    if (fd >= 0)
      close(fd);
    open_spare(listener);
  }
}

/* What Linux reports of a connection that broke before it was accepted. */
static bool peer_error(int error) {
  switch (error) {
  case EINTR:
  case ECONNABORTED:
  case EPROTO:
  case EPERM: /* a firewall's rule */
  case ENETDOWN:
  case ENOPROTOOPT:
  case EHOSTDOWN:
  case ENONET:
  case EHOSTUNREACH:
  case ENETUNREACH:
  case EOPNOTSUPP:
  case ETIMEDOUT:
    return true;
  default:
    return false;
  }
}

static void ready(struct ac_watch *watch, uint32_t events) {
  struct ac_listener *listener =
      ac_container_of(watch, struct ac_listener, watch);
  (void)events;
  /* |fn| may stop the listener. */
  for (int i = 0; i < ACCEPT_ROUND && watch->registered; i++) {
    int fd = accept4(watch->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd >= 0) {
      listener->fn(listener->owner, fd);
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      return;
    } else if (!peer_error(errno)) {
      if (errno == EMFILE || errno == ENFILE)
        shed(listener);
      pause_accepting(listener);
    }
  }
}

static struct ac_listener *new_listener(int fd) {
  struct ac_listener *listener = calloc(1, sizeof(*listener));
  if (!listener)
    return NULL;
  listener->watch.fd = fd;
  listener->watch.ready = ready;
  listener->resume.fire = resume_accepting;
  listener->spare_fd = -1;
  open_spare(listener);
  ac_address_name(fd, listener->address);
  return listener;
}

struct ac_listener *ac_listener_open(const char *address, char *error,
                                     size_t error_size) {
  char *path = NULL;
  int fd = ac_address_listen(address, &path, error, error_size);
  if (fd < 0)
    return NULL;
  struct ac_listener *listener = new_listener(fd);
  if (!listener) {
    if (path)
      unlink(path);
    free(path);
    close(fd);
    snprintf(error, error_size, "out of memory");
    return NULL;
  }
  listener->path = path;
  if (path && lstat(path, &listener->file) != 0) {
    free(path);
    listener->path = NULL;
  }
  return listener;
}

static bool is_listening_stream(int fd) {
  int listening = 0, type = 0;
  socklen_t len = sizeof(listening);
  if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) != 0)
    return false;
  len = sizeof(type);
  return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 && listening &&
         type == SOCK_STREAM;
}

struct ac_listener *ac_listener_adopt(int fd, char *error, size_t error_size) {
  if (!is_listening_stream(fd)) {
    snprintf(error, error_size,
             "listen_fd: descriptor %d is not a listening stream socket", fd);
    return NULL;
  }
  int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
  if (own < 0)
    goto fail;
  int flags = fcntl(own, F_GETFL);
  if (flags < 0 || fcntl(own, F_SETFL, flags | O_NONBLOCK) != 0)
    goto fail;
  struct ac_listener *listener = new_listener(own);
  if (listener)
    return listener;

fail:
  snprintf(error, error_size, "listen_fd: cannot use descriptor %d: %s", fd,
           ac_errno_text(errno));
  if (own >= 0)
    close(own);
  return NULL;
}

bool ac_listener_start(struct ac_listener *listener, struct ac_loop *loop,
                       ac_accept_fn fn, void *owner) {
  ac_listener_stop(listener);
  if (ac_loop_timer_set(loop, &listener->resume, UINT64_MAX) != 0) {
    errno = ENOMEM;
    return false;
  }
  if (!ac_loop_watch(loop, &listener->watch, EPOLLIN)) {
    int error = errno;
    ac_loop_timer_clear(loop, &listener->resume);
    errno = error;
    return false;
  }
  listener->loop = loop;
  listener->fn = fn;
  listener->owner = owner;
  return true;
}

void ac_listener_stop(struct ac_listener *listener) {
  if (!listener->loop)
    return;
  ac_loop_unwatch(listener->loop, &listener->watch);
  ac_loop_timer_clear(listener->loop, &listener->resume);
  listener->loop = NULL;
}

/* Not if somebody else's socket has taken the place of ours. */
static void remove_file(const struct ac_listener *listener) {
  struct stat now;
  if (listener->path && lstat(listener->path, &now) == 0 &&
      now.st_dev == listener->file.st_dev &&
      now.st_ino == listener->file.st_ino)
    unlink(listener->path);
}

void ac_listener_free(struct ac_listener *listener) {
  if (!listener)
    return;
  ac_listener_stop(listener);
  remove_file(listener);
  free(listener->path);
  if (listener->spare_fd >= 0)
    close(listener->spare_fd);
  close(listener->watch.fd);
  free(listener);
}

void ac_listener_leave_file(struct ac_listener *listener) {
  free(listener->path);
  listener->path = NULL;
}

int ac_listener_fd(const struct ac_listener *listener) {
  return listener->watch.fd;
}

const char *ac_listener_address(const struct ac_listener *listener) {
  return listener->address;
}
