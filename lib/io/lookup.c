/* Looking a host name up in a thread that can be left behind. The lookup
 * belongs to both, and the last one frees it. */
#include "io/lookup.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/thread.h"
#include "io/errors.h"
#include "io/wait.h"

/* How many may be under way: while the name server is silent, every attempt to
 * connect would leave one more behind. */
enum { RUNNING_MAX = 16 };

static atomic_int running;

struct lookup {
  atomic_int owners;
  atomic_bool done;
  int fd; /* readable when it is done */
  int code;
  int error; /* errno, for EAI_SYSTEM */
  struct addrinfo *found;
  char service[8];
  char host[];
};

static void release(struct lookup *lookup) {
  if (atomic_fetch_sub_explicit(&lookup->owners, 1, memory_order_acq_rel) != 1)
    return;
  if (lookup->found)
    freeaddrinfo(lookup->found);
  close(lookup->fd);
  free(lookup);
}

static struct lookup *lookup_new(const char *host, unsigned port) {
  struct lookup *lookup = calloc(1, sizeof(*lookup) + strlen(host) + 1);
  if (!lookup)
    return NULL;
  lookup->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (lookup->fd < 0) {
    free(lookup);
    return NULL;
  }
  atomic_init(&lookup->owners, 2);
  atomic_init(&lookup->done, false);
  memcpy(lookup->host, host, strlen(host) + 1);
  snprintf(lookup->service, sizeof(lookup->service), "%u", port);
  return lookup;
}

static void look_up(struct lookup *lookup, int flags) {
  struct addrinfo hints = {.ai_family = AF_UNSPEC,
                           .ai_socktype = SOCK_STREAM,
                           .ai_flags = flags | AI_NUMERICSERV};
  lookup->code =
      getaddrinfo(lookup->host, lookup->service, &hints, &lookup->found);
  lookup->error = errno;
}

static void *thread(void *arg) {
  struct lookup *lookup = arg;
  uint64_t one = 1;
  look_up(lookup, AI_ADDRCONFIG);
  atomic_store_explicit(&lookup->done, true, memory_order_release);
  /* Cannot fail: the counter is far from full. */
  ssize_t n = write(lookup->fd, &one, sizeof(one));
  (void)n;
  release(lookup);
  atomic_fetch_sub(&running, 1);
  return NULL;
}

/* False, with errno; the lookup then has one owner. */
static bool start(struct lookup *lookup) {
  pthread_t id;
  int error = EAGAIN;
  if (atomic_fetch_add(&running, 1) < RUNNING_MAX)
    error = ac_thread_start(&id, thread, lookup);
  if (error == 0) {
    pthread_detach(id);
    return true;
  }
  atomic_fetch_sub(&running, 1);
  atomic_fetch_sub(&lookup->owners, 1);
  errno = error;
  return false;
}

/* Why there is no address; empty where there is one. gai_strerror would speak
 * the host's language. */
static const char *reason(const struct lookup *lookup) {
  switch (lookup->code) {
  case 0:
    return "";
  case EAI_SYSTEM:
    return ac_errno_text(lookup->error);
  case EAI_AGAIN:
    return "the name service does not answer";
  case EAI_MEMORY:
    return "out of memory";
  default:
    return "the host name is not known";
  }
}

/* Has the thread do it. What it writes is looked at when it is done only. */
static const char *delegate(struct lookup *lookup, const struct ac_wait *wait) {
  if (!start(lookup))
    return ac_errno_text(errno);
  enum ac_wait_end end = ac_wait_for(wait, lookup->fd, POLLIN);
  if (end != AC_WAIT_READY)
    return ac_wait_text(end);
  return atomic_load_explicit(&lookup->done, memory_order_acquire)
             ? reason(lookup)
             : ac_errno_text(EIO);
}

struct addrinfo *ac_lookup(const char *host, unsigned port,
                           const struct ac_wait *wait, char *error,
                           size_t error_size) {
  struct addrinfo *found = NULL;
  const char *why = "";
  struct lookup *lookup = lookup_new(host, port);
  if (!lookup) {
    snprintf(error, error_size, "the host cannot be looked up: %s",
             ac_errno_text(errno));
    return NULL;
  }
  look_up(lookup, AI_NUMERICHOST);
  if (lookup->code == 0)
    atomic_store(&lookup->owners, 1);
  else
    why = delegate(lookup, wait);
  if (*why) {
    snprintf(error, error_size, "the host cannot be looked up: %s", why);
  } else {
    found = lookup->found;
    lookup->found = NULL;
  }
  release(lookup);
  return found;
}
