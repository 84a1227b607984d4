/* The inside of a broadcaster: a queue, the thread that empties it by an
 * adapter, and who waits for what.
 *
 * Lock order: |mutex| is a leaf; neither the adapter nor user code runs under
 * it. The thread's own fields need none.
 *
 * Its users are counted; the last one frees it, or leaves that to its thread,
 * where an adapter hangs. */
#ifndef AC_BROADCAST_BROADCASTER_H
#define AC_BROADCAST_BROADCASTER_H

#include <anycable/adapter.h>
#include <anycable/broadcaster.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/fork.h"
#include "base/list.h"
#include "base/log.h"
#include "broadcast/message.h"
#include "broadcast/queue.h"

struct ac_broadcaster_config {
  size_t queue_bytes;
  size_t queue_count;
  size_t message_max;
  unsigned json_depth;
  int when_full;  /* an anycable_when_full */
  uint64_t wait;  /* ns; all times are */
  uint64_t flush; /* when it is freed */
};

/* What the thread has taken out of the queue; outbox.c. */
struct anycable_outbox {
  anycable_broadcaster *broadcaster;
  size_t take;      /* the next message to take is here */
  size_t settle;    /* the oldest that is not settled */
  size_t ready;     /* messages from |take| on that are known to be there */
  size_t unsettled; /* messages between the two */
  size_t doubted; /* the oldest of them, which may have arrived; kept when they
                     are put back */

  /* Settled, but not told to others yet. */
  size_t settled_bytes;
  size_t settled;
  uint64_t fates[ANYCABLE_FATE_UNKNOWN + 1];
  uint64_t receivers;
  bool any;      /* something was settled since publish was called */
  bool progress; /* something was published since then */

  char reason[256];   /* why not, last; empty after a success */
  uint64_t lost;      /* FAILED or UNKNOWN since that was logged */
  uint64_t lost_said; /* when it was */
};

struct anycable_broadcaster {
  atomic_size_t users;
  struct ac_broadcaster_config config;
  struct ac_log log;
  struct ac_fork_page *fork_page;
  anycable_adapter adapter;
  void *publisher;
  int stop_fd; /* readable once |stopping| */

  /* Set before the first message. */
  void (*on_fate)(const anycable_publication *publication, void *ctx);
  void *on_fate_ctx;

  struct anycable_outbox outbox; /* the thread's */
  uint32_t random;               /* the thread's, for jitter */

  pthread_mutex_t mutex; /* all below */
  pthread_cond_t work;   /* for the thread */
  pthread_cond_t change; /* messages were settled, user code has returned, or
                          * the thread has ended */
  size_t watchers;       /* how many wait for |change| */
  struct ac_queue queue;
  anycable_broadcast_counts counts; /* but for queued, queued_bytes */
  uint64_t entered;                 /* messages that went into the queue */
  struct ac_list batches;           /* of threads that have begun one */
  atomic_size_t n_batches;          /* read without the lock */
  struct ac_list droppers;          /* publish.c */
  pthread_t thread;
  bool started;
  bool idle;            /* the thread waits for |work| */
  bool hurried;         /* it is being freed: there is no time to back off */
  atomic_bool stopping; /* read without the lock, too */
  bool ended;
  bool abandoned;   /* the thread frees it all */
  bool silent;      /* freed: no callback, no log */
  size_t telling;   /* how many threads run user code */
  char reason[256]; /* what anycable_broadcaster_error() says */
};

/* --- broadcaster.c -------------------------------------------------------- */

/* A broadcaster with one user that publishes by |publisher|, which it takes if
 * this succeeds; |adapter| is copied. NULL, with errno, without memory or
 * descriptors. */
anycable_broadcaster *
ac_broadcaster_new(const anycable_adapter *adapter, void *publisher,
                   const struct ac_broadcaster_config *config,
                   const struct ac_log *log);

/* Is this the broadcaster's own thread? Under the lock. */
bool ac_broadcaster_inside(const anycable_broadcaster *broadcaster);

/* Waits for |change| until |deadline|, UINT64_MAX for ever. False when that has
 * passed. Under the lock. */
bool ac_broadcaster_wait(anycable_broadcaster *broadcaster, uint64_t deadline);

/* Around user code, which free waits for. False if none is to run any more. */
bool ac_broadcaster_enter(anycable_broadcaster *broadcaster);
void ac_broadcaster_leave(anycable_broadcaster *broadcaster);

/* Tells the callback, if there is one, of a fate. */
void ac_broadcaster_tell(anycable_broadcaster *broadcaster, int fate,
                         int64_t receivers, const char *reason,
                         const struct ac_queue_item *item);

/* Wakes who waits for |change|. Under the lock. */
void ac_broadcaster_changed(anycable_broadcaster *broadcaster);

/* Gives what is left in the queue the fate DROPPED, and frees everything. No
 * thread, no user. */
void ac_broadcaster_destroy(anycable_broadcaster *broadcaster);

/* --- sender.c: the thread ------------------------------------------------- */

/* Starts it. Under the lock. ANYCABLE_OK or ANYCABLE_ERR_IO. */
int ac_sender_start(anycable_broadcaster *broadcaster);

/* How long to wait after |breaks| failures in a row, in milliseconds. Half of
 * it is left to chance, so that many processes do not come back all at once;
 * but the first time it is 100 ms at least. */
int64_t ac_sender_delay(unsigned breaks, uint32_t random);

/* Ends it, at once or, where the adapter does not return, by leaving it
 * behind: false then, and it frees the broadcaster. Under the lock. */
bool ac_sender_stop(anycable_broadcaster *broadcaster);

/* --- batch.c -------------------------------------------------------------- */

struct ac_batch;

/* The batch of the calling thread, or NULL. Under the lock. */
struct ac_batch *ac_batch_find(anycable_broadcaster *broadcaster);

/* Adds a message of |size| bytes. Under the lock. */
int ac_batch_add(anycable_broadcaster *broadcaster, struct ac_batch *batch,
                 const struct ac_message *message, size_t size);

/* Frees those that were never ended. */
void ac_batch_free_all(anycable_broadcaster *broadcaster);

/* --- publish.c ------------------------------------------------------------ */

/* What a message's text is written by, once there is room for it. */
struct ac_writer {
  size_t size;
  char *(*write)(const struct ac_writer *writer, char *out);
  const void *from;
  void *tag;
};

/* Queues a text, or treats it as the configuration says where there is no room.
 */
int ac_publish(anycable_broadcaster *broadcaster,
               const struct ac_writer *writer);

/* --- outbox.c ------------------------------------------------------------- */

/* Makes known what was settled. */
void ac_outbox_commit(struct anycable_outbox *outbox);

/* Puts back what was taken and not settled. */
void ac_outbox_put_back(struct anycable_outbox *outbox);

#endif
