#include "server/main_handover.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/thread.h"
#include "server/main_signals.h"
#include "server/server.h"

#define GREETING "anycable 1"

enum { PATIENCE_S = 10 };

/* What one process sends to the other, with the sockets in the same order. */
struct note {
  char greeting[16];
  uint32_t n;
  struct ac_handed doors[AC_HANDOVER_MOST];
};

union rights {
  char bytes[CMSG_SPACE(AC_HANDOVER_MOST * sizeof(int))];
  struct cmsghdr align;
};

static int new_socket(const char *path, struct sockaddr_un *address) {
  memset(address, 0, sizeof(*address));
  address->sun_family = AF_UNIX;
  if (strlen(path) >= sizeof(address->sun_path)) {
    errno = ENAMETOOLONG;
    return -1;
  }
  strcpy(address->sun_path, path);
  return socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
}

/* A process of the same user, or of root's. */
static bool is_trusted(int fd) {
  struct ucred peer;
  socklen_t len = sizeof(peer);
  return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 &&
         (peer.uid == geteuid() || peer.uid == 0);
}

static void be_patient(int fd, int seconds) {
  const struct timeval patience = {seconds, 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
}

static void close_all(const int *fds, size_t n) {
  for (size_t i = 0; i < n; i++)
    close(fds[i]);
}

/* --- who comes ------------------------------------------------------------ */

/* How many descriptors came with |message|, copied to |fds|. */
static size_t take_rights(struct msghdr *message, int *fds) {
  struct cmsghdr *head = CMSG_FIRSTHDR(message);
  if (!head || head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS)
    return 0;
  size_t n = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);
  memcpy(fds, CMSG_DATA(head), n * sizeof(int));
  return n;
}

static int take(struct ac_handover *handover, int from) {
  struct note note;
  union rights rights;
  int fds[AC_HANDOVER_MOST];
  struct iovec part = {&note, sizeof(note)};
  struct msghdr message = {.msg_iov = &part,
                           .msg_iovlen = 1,
                           .msg_control = rights.bytes,
                           .msg_controllen = sizeof(rights.bytes)};
  be_patient(from, PATIENCE_S);
  ssize_t len = recvmsg(from, &message, MSG_CMSG_CLOEXEC);
  if (len < 0)
    return errno;
  size_t n = take_rights(&message, fds);
  if (len != sizeof(note) || message.msg_flags & (MSG_TRUNC | MSG_CTRUNC) ||
      strncmp(note.greeting, GREETING, sizeof(note.greeting)) != 0 ||
      note.n != n) {
    close_all(fds, n);
    return EPROTO;
  }
  for (size_t i = 0; i < n; i++) {
    handover->handed[i] = note.doors[i];
    handover->handed[i].wanted[sizeof(note.doors[i].wanted) - 1] = '\0';
    handover->handed[i].fd = fds[i];
  }
  handover->n_handed = n;
  return 0;
}

int ac_handover_receive(struct ac_handover *handover, const char *path) {
  struct sockaddr_un address;
  handover->path = path;
  int fd = new_socket(path, &address);
  if (fd < 0)
    return errno;
  int error = 0;
  if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0)
    error = errno;
  else if (!is_trusted(fd))
    error = EPERM;
  else
    error = take(handover, fd);
  if (!error) {
    handover->before = fd + 1;
    return 0;
  }
  close(fd);
  return error == ENOENT || error == ECONNREFUSED ? 0 : error;
}

/* --- who serves ----------------------------------------------------------- */

static void give(struct ac_handover *handover, int to) {
  struct note note = {.greeting = GREETING};
  union rights rights;
  int fds[AC_HANDOVER_MOST];
  const struct ac_door *door;
  size_t n = 0;
  for (size_t i = 0; (door = ac_door_at(handover->server, i)); i++) {
    if (!*door->wanted ||
        strlen(door->wanted) >= sizeof(note.doors[n].wanted) ||
        n == AC_HANDOVER_MOST)
      continue; /* it was given to us in another way */
    note.doors[n].kind = door->kind;
    strcpy(note.doors[n].wanted, door->wanted);
    fds[n] = ac_door_socket(door);
    n += fds[n] >= 0;
  }
  note.n = (uint32_t)n;
  struct iovec part = {&note, sizeof(note)};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
  if (n > 0) {
    memset(&rights, 0, sizeof(rights));
    message.msg_control = rights.bytes;
    message.msg_controllen = CMSG_SPACE(n * sizeof(int));
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(n * sizeof(int));
    memcpy(CMSG_DATA(head), fds, n * sizeof(int));
  }
  ssize_t sent = sendmsg(to, &message, MSG_NOSIGNAL);
  (void)sent; /* who did not get it does not take over */
  close_all(fds, n);
}

/* True if who came serves now. */
static bool attend(struct ac_handover *handover, int peer) {
  char word = 0;
  if (!is_trusted(peer))
    return false;
  give(handover, peer);
  be_patient(peer, 0); /* it may have much to set up; its end is told */
  return recv(peer, &word, 1, 0) == 1;
}

static void *wait_for_next(void *arg) {
  struct ac_handover *handover = arg;
  int listener = handover->fd - 1;
  while (!atomic_load(&handover->taken_over)) {
    int peer = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (peer < 0 && errno != EINTR && errno != ECONNABORTED)
      break;
    if (peer < 0)
      continue;
    atomic_store(&handover->peer, peer + 1);
    if (attend(handover, peer))
      atomic_store(&handover->taken_over, true);
    atomic_store(&handover->peer, 0);
    close(peer);
  }
  ac_signals_wake();
  return NULL;
}

/* Listens at the path, in place of who did before, at once. */
static int listen_in_place(const char *path) {
  char fresh[128];
  struct sockaddr_un address;
  snprintf(fresh, sizeof(fresh), "%.90s.%d", path, (int)getpid());
  int fd = new_socket(fresh, &address);
  if (fd < 0)
    return -1;
  unlink(fresh);
  if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0 &&
      listen(fd, 4) == 0 && rename(fresh, path) == 0)
    return fd;
  int error = errno;
  unlink(fresh);
  close(fd);
  errno = error;
  return -1;
}

int ac_handover_listen(struct ac_handover *handover) {
  int fd = handover->path ? listen_in_place(handover->path) : -1;
  handover->fd = fd + 1;
  return handover->path && fd < 0 ? errno : 0;
}

int ac_handover_serve(struct ac_handover *handover, anycable_server *server) {
  int error = 0;
  for (size_t i = 0; i < handover->n_handed; i++)
    close(handover->handed[i].fd); /* the server has duplicates */
  handover->n_handed = 0;
  handover->server = server;
  if (handover->fd) {
    error = ac_thread_start(&handover->thread, wait_for_next, handover);
    handover->started = !error;
  }
  if (error) {
    close(handover->fd - 1);
    handover->fd = 0;
  }
  if (handover->before) {
    ssize_t n = send(handover->before - 1, "r", 1, MSG_NOSIGNAL);
    (void)n; /* it may have gone by itself */
    close(handover->before - 1);
    handover->before = 0;
  }
  return error;
}

void ac_handover_end(struct ac_handover *handover) {
  if (handover->before)
    close(handover->before - 1);
  if (!handover->fd)
    return;
  if (!atomic_load(&handover->taken_over))
    unlink(handover->path);
  /* It waits for one or the other. A descriptor that is closed just now is
   * nobody else's: no other thread of anycable_main's opens any by then. */
  shutdown(handover->fd - 1, SHUT_RDWR);
  int peer = atomic_load(&handover->peer);
  if (peer)
    shutdown(peer - 1, SHUT_RDWR);
  if (handover->started)
    pthread_join(handover->thread, NULL);
  close(handover->fd - 1);
  handover->fd = 0;
}
