#include "modules/nats/link.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "modules/nats/process.h"

enum {
  PING_INTERVAL = 20000, /* ms, while there is nothing to say */
  PINGS_OUT = 2,
  MOST_LEFT_BEHIND = 16,
  SOON_MS = 300 /* how long one that hangs is waited for */
};

/* Links that were closed while nats.c hung in them. Each is a thread, which
 * ends when the operating system gives up; more are not begun. */
static atomic_int left_behind;

enum state { CONNECTING, UP, ENDED };

struct ac_nats_link {
  atomic_int references; /* of the owner, and of the thread */
  struct ac_nats_times times;
  natsOptions *options;
  natsConnection *connection; /* set by the thread before it is UP */
  pthread_t thread;
  int changed;            /* an eventfd: readable when no longer CONNECTING */
  int wake;               /* an eventfd: the thread is to look again */
  atomic_bool want_write; /* nats.c has something to write */

  pthread_mutex_t lock; /* for all below */
  enum state state;
  bool closed; /* by its owner, while CONNECTING */
  int socket;  /* a duplicate: nats.c closes its own when it likes; -1: none */
  char reason[256];
};

static void notify(int event) {
  const uint64_t one = 1;
  ssize_t n = write(event, &one, sizeof(one));
  (void)n; /* a full one is readable, too */
}

/* --- what nats.c calls ---------------------------------------------------- */

/* Bounds how long the kernel waits for the other side to take what was sent:
 * over TLS nats.c waits for that itself, holding the connection's lock. */
static void set_socket_options(const struct ac_nats_link *link, int fd) {
  unsigned answer = (unsigned)link->times.answer;
  fcntl(fd, F_SETFD, FD_CLOEXEC);
  setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &answer, sizeof(answer));
}

static natsStatus attach(void **user, void *loop, natsConnection *connection,
                         natsSock fd) {
  struct ac_nats_link *link = loop;
  (void)connection;
  *user = link;
  set_socket_options(link, fd);
  pthread_mutex_lock(&link->lock);
  link->socket = fcntl(fd, F_DUPFD_CLOEXEC, 0);
  natsStatus status =
      link->socket < 0 || link->closed ? NATS_SYS_ERROR : NATS_OK;
  pthread_mutex_unlock(&link->lock);
  return status;
}

/* It always reads. */
static natsStatus want_read(void *user, bool wanted) {
  (void)user, (void)wanted;
  return NATS_OK;
}

static natsStatus want_write(void *user, bool wanted) {
  struct ac_nats_link *link = user;
  atomic_store(&link->want_write, wanted);
  if (wanted)
    notify(link->wake);
  return NATS_OK;
}

static natsStatus detach(void *user) {
  (void)user;
  return NATS_OK;
}

/* --- options -------------------------------------------------------------- */

static natsStatus set_credentials(natsOptions *options,
                                  const struct ac_nats_server *server) {
  if (server->token)
    return natsOptions_SetToken(options, server->token);
  if (server->user)
    return natsOptions_SetUserInfo(options, server->user, server->password);
  return NATS_OK;
}

/* Trusts whom the system trusts, and demands the host's name. */
static natsStatus set_tls(natsOptions *options,
                          const struct ac_nats_server *server) {
  if (!server->tls)
    return NATS_OK;
  natsStatus status = natsOptions_SetSecure(options, true);
  return status ? status
                : natsOptions_SetExpectedHostname(options, server->host);
}

static natsStatus set_options(struct ac_nats_link *link,
                              const struct ac_nats_server *server) {
  natsOptions *options = link->options;
  natsStatus status = natsOptions_SetURL(options, server->url);
  if (status == NATS_OK)
    status = set_credentials(options, server);
  if (status == NATS_OK)
    status = set_tls(options, server);
  if (status == NATS_OK)
    status = natsOptions_SetTimeout(options, link->times.connect);
  if (status == NATS_OK)
    status = natsOptions_SetName(options, "libanycable");
  if (status == NATS_OK)
    status = natsOptions_SetAllowReconnect(options, false);
  if (status == NATS_OK)
    status = natsOptions_SetIgnoreDiscoveredServers(options, true);
  if (status == NATS_OK)
    status = natsOptions_SetNoRandomize(options, true); /* it calls srand() */
  if (status == NATS_OK)
    status = natsOptions_SetSendAsap(options, true); /* no thread to flush */
  if (status == NATS_OK)
    status = natsOptions_SetPingInterval(options, PING_INTERVAL);
  if (status == NATS_OK)
    status = natsOptions_SetMaxPingsOut(options, PINGS_OUT);
  if (status == NATS_OK)
    status = natsOptions_SetEventLoop(options, link, attach, want_read,
                                      want_write, detach);
  return status;
}

static natsStatus make_options(struct ac_nats_link *link,
                               const struct ac_nats_server *server) {
  natsStatus status = natsOptions_Create(&link->options);
  return status ? status : set_options(link, server);
}

/* --- the thread ----------------------------------------------------------- */

static void unref(struct ac_nats_link *link) {
  if (atomic_fetch_sub(&link->references, 1) > 1)
    return;
  natsConnection_Destroy(link->connection);
  natsOptions_Destroy(link->options);
  if (link->socket >= 0)
    close(link->socket);
  if (link->changed >= 0)
    close(link->changed);
  if (link->wake >= 0)
    close(link->wake);
  pthread_mutex_destroy(&link->lock);
  free(link);
}

/* Enters |state|; true if the owner still cares. */
static bool enter(struct ac_nats_link *link, enum state state,
                  const char *reason) {
  pthread_mutex_lock(&link->lock);
  link->state = state;
  snprintf(link->reason, sizeof(link->reason), "%s", reason);
  bool wanted = !link->closed;
  if (!wanted)
    atomic_fetch_sub(&left_behind, 1);
  pthread_mutex_unlock(&link->lock);
  notify(link->changed);
  return wanted;
}

static void take_wake(struct ac_nats_link *link) {
  uint64_t times;
  ssize_t n = read(link->wake, &times, sizeof(times));
  (void)n;
}

/* Reads and writes until the connection has ended: by the other side, by an
 * error, or as the owner has shut the socket down. */
static void pump(struct ac_nats_link *link) {
  struct pollfd fds[] = {{link->socket, 0, 0}, {link->wake, POLLIN, 0}};
  while (!natsConnection_IsClosed(link->connection)) {
    fds[0].events = atomic_load(&link->want_write) ? POLLIN | POLLOUT : POLLIN;
    if (poll(fds, 2, -1) < 0)
      continue;
    if (fds[1].revents)
      take_wake(link);
    if (fds[0].revents & ~POLLOUT)
      natsConnection_ProcessReadEvent(link->connection);
    if (fds[0].revents & POLLOUT)
      natsConnection_ProcessWriteEvent(link->connection);
  }
}

/* Why |connection| has ended. */
static const char *last_error(natsConnection *connection) {
  const char *text = "";
  natsStatus status = natsConnection_GetLastError(connection, &text);
  return status == NATS_OK || !*text ? "the connection has ended" : text;
}

/* The text of |status|, which this thread has just met. */
static const char *explain(natsStatus status) {
  const char *text = nats_GetLastError(NULL);
  return text && *text ? text : natsStatus_GetText(status);
}

static void *run(void *arg) {
  struct ac_nats_link *link = arg;
  natsStatus status = natsConnection_Connect(&link->connection, link->options);
  if (status != NATS_OK)
    enter(link, ENDED, explain(status));
  else if (enter(link, UP, "")) {
    pump(link);
    enter(link, ENDED, last_error(link->connection));
  }
  unref(link);
  return NULL;
}

/* --- the owner ------------------------------------------------------------ */

static struct ac_nats_link *new_link(const struct ac_nats_times *times) {
  struct ac_nats_link *link = calloc(1, sizeof(*link));
  if (!link)
    return NULL;
  pthread_mutex_init(&link->lock, NULL);
  atomic_init(&link->references, 1);
  link->times = *times;
  link->socket = -1;
  link->changed = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  link->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  return link;
}

/* NULL, or why it cannot be begun. */
static const char *start(struct ac_nats_link *link,
                         const struct ac_nats_server *server) {
  if (link->changed < 0 || link->wake < 0)
    return "there is no descriptor to be had";
  if (make_options(link, server) != NATS_OK)
    return "nats.c refuses its options";
  atomic_fetch_add(&link->references, 1);
  if (ac_nats_thread_start(&link->thread, run, link) != 0) {
    atomic_fetch_sub(&link->references, 1);
    return "there is no thread to be had";
  }
  return NULL;
}

struct ac_nats_link *ac_nats_link_open(const struct ac_nats_server *server,
                                       const struct ac_nats_times *times,
                                       char *reason, size_t reason_size) {
  const char *wrong = "out of memory";
  struct ac_nats_link *link = NULL;
  if (atomic_load(&left_behind) >= MOST_LEFT_BEHIND)
    wrong = "too many attempts to connect hang";
  else if (!ac_nats_open())
    wrong = "nats.c cannot be opened";
  else
    link = new_link(times);
  if (link && !(wrong = start(link, server)))
    return link;
  snprintf(reason, reason_size, "%s", wrong);
  if (link)
    unref(link);
  return NULL;
}

/* Most that connect end at once when their socket is shut down: one that is in
 * the middle of TLS must not be there any more when the process ends, as
 * OpenSSL takes its locks apart then. What waits for a name may go on. */
static bool ends_soon(const struct ac_nats_link *link) {
  struct pollfd changed = {link->changed, POLLIN, 0};
  int n;
  do
    n = poll(&changed, 1, SOON_MS);
  while (n < 0 && errno == EINTR);
  return n > 0;
}

void ac_nats_link_close(struct ac_nats_link *link) {
  if (!link)
    return;
  pthread_mutex_lock(&link->lock);
  bool hangs = link->state == CONNECTING;
  link->closed = hangs;
  if (link->socket >= 0)
    shutdown(link->socket, SHUT_RDWR);
  if (hangs)
    atomic_fetch_add(&left_behind, 1);
  pthread_mutex_unlock(&link->lock);
  if (!hangs || ends_soon(link))
    pthread_join(link->thread, NULL);
  else
    pthread_detach(link->thread);
  unref(link);
}

bool ac_nats_link_wait(struct ac_nats_link *link, int end_fd) {
  struct pollfd fds[] = {{link->changed, POLLIN, 0}, {end_fd, POLLIN, 0}};
  int n;
  do
    n = poll(fds, 2, (int)link->times.connect);
  while (n < 0 && errno == EINTR);
  return ac_nats_link_is_up(link);
}

bool ac_nats_link_is_up(struct ac_nats_link *link) {
  pthread_mutex_lock(&link->lock);
  bool up = link->state == UP;
  pthread_mutex_unlock(&link->lock);
  return up;
}

natsConnection *ac_nats_link_connection(struct ac_nats_link *link) {
  return link->connection;
}

void ac_nats_link_reason(struct ac_nats_link *link, char *out, size_t size) {
  pthread_mutex_lock(&link->lock);
  snprintf(out, size, "%s",
           link->state == CONNECTING ? "no answer to the attempt to connect"
                                     : link->reason);
  pthread_mutex_unlock(&link->lock);
}
