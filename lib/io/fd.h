/* Bytes from and to a socket, without waiting and without SIGPIPE: the results
 * are those of io/stream.h; after AC_STREAM_FAILED, errno has the reason. */
#ifndef AC_IO_FD_H
#define AC_IO_FD_H

#include <errno.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "io/stream.h"

static inline ssize_t ac_fd_result(ssize_t n) {
  if (n >= 0)
    return n;
  return errno == EAGAIN || errno == EWOULDBLOCK ? AC_STREAM_AGAIN
                                                 : AC_STREAM_FAILED;
}

static inline ssize_t ac_fd_receive(int fd, void *data, size_t size) {
  ssize_t n;
  do
    n = recv(fd, data, size, MSG_DONTWAIT);
  while (n < 0 && errno == EINTR);
  return ac_fd_result(n);
}

static inline ssize_t ac_fd_send(int fd, const void *data, size_t len) {
  ssize_t n;
  do
    n = send(fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);
  while (n < 0 && errno == EINTR);
  return ac_fd_result(n);
}

#endif
