/* Broadcasting: publishing to streams, from any thread, also in a program that
 * runs no server.
 *
 *     anycable_broadcaster *news;
 *     if (anycable_broadcaster_new(&news, "redis", config) != ANYCABLE_OK)
 *       die(anycable_config_error(config));
 *     anycable_broadcaster_publish(news, ANYCABLE_STR("news"),
 *                                  ANYCABLE_STR("{\"title\":\"...\"}"), NULL);
 *     ...
 *     anycable_broadcaster_free(news);       // flushes, for a bounded time
 *
 * A service that runs a server has one already: see anycable_app_broadcast()
 * and anycable_socket_broadcast().
 *
 * Publishing checks and copies the message into a queue, and returns. One
 * thread a broadcaster sends; it is started by the first message. Its adapter
 * reconnects for ever, after 100 ms at first and 5 s at most. Messages of one
 * broadcaster go out in the order in which they were taken.
 *
 * Each message that was taken has one fate (enum anycable_fate). At any moment
 *
 *     taken == queued + published + failed + dropped + unknown
 *
 *  What AnyCable does with a message: it decodes the JSON and encodes it anew,
 *  so members are sorted by name, 1.0 becomes 1, <, > and & are escaped, and a
 *  surrogate alone, as \ud800, becomes U+FFFD. An integer beyond 2^53 would
 *  become another one; see anycable_publish_options.big_integers. */
#ifndef ANYCABLE_BROADCASTER_H
#define ANYCABLE_BROADCASTER_H

#include <anycable/config.h>
#include <anycable/error.h>
#include <anycable/str.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct anycable_broadcaster anycable_broadcaster;

/* What became of a message. */
enum anycable_fate {
  ANYCABLE_FATE_PUBLISHED = 0, /* the other side has acknowledged it */
  ANYCABLE_FATE_FAILED = 1,    /* the other side has refused it */
  ANYCABLE_FATE_DROPPED = 2,   /* never sent: no room, or no time at the end */
  ANYCABLE_FATE_UNKNOWN = 3 /* sent, but the connection broke before a word */
};

/* What happens to a message that the queue has no room for. */
enum anycable_when_full {
  ANYCABLE_FULL_REFUSE = 0, /* publishing returns ANYCABLE_ERR_LIMIT */
  ANYCABLE_FULL_WAIT = 1,   /* it waits for room, then returns that */
  ANYCABLE_FULL_DROP = 2    /* it is taken, and its fate is DROPPED */
};

/* What happens to integers that AnyCable, which reads numbers as doubles, would
 * change: those beyond 2^53 (9007199254740992) on either side of zero. */
enum anycable_big_integers {
  ANYCABLE_BIG_INTEGERS_REFUSED = 0,    /* publishing: ANYCABLE_ERR_INVALID */
  ANYCABLE_BIG_INTEGERS_AS_STRINGS = 1, /* they travel as "9007199254740993" */
  ANYCABLE_BIG_INTEGERS_AS_THEY_ARE = 2 /* clients get a rounded one */
};

/* How to publish. In C: {.size = sizeof(anycable_publish_options), ...}. */
typedef struct anycable_publish_options {
  /* sizeof(anycable_publish_options), so that it can grow. */
  size_t size;

  /* The sid of a client that does not get the message: usually the one that
   * caused it, see anycable_request_sid(). Empty: all get it. */
  anycable_str exclude_socket;

  /* Becomes the "type" of the frame that clients get. Empty: none. */
  anycable_str broadcast_type;

  /* Not kept in the stream's history. */
  bool transient;

  /* Goes out at once, although a batch is open. */
  bool immediate;

  /* An anycable_big_integers. */
  int big_integers;

  /* Is given back with the message's fate; nothing for a message in a batch. */
  void *tag;
} anycable_publish_options;

/** Makes a broadcaster with |adapter|, one of the names of
 *  ANYCABLE_SETTING_BROADCAST_ADAPTER or one that was added by
 *  anycable_config_add_adapter(); NULL for the one that |config| names. It
 *  connects when there is something to send, and not before.
 *  Returns: ANYCABLE_OK; ANYCABLE_ERR_INVALID for a setting that makes no
 *  sense, an adapter that is not known, or several named by |config|;
 *  ANYCABLE_ERR_UNAVAILABLE where the adapter's module is not installed;
 *  ANYCABLE_ERR_TLS, ANYCABLE_ERR_IO, ANYCABLE_ERR_NOMEM. Then |*out| is NULL,
 *  and anycable_config_error() has the reason in words, until the next call
 *  with |config|. An error of a setter is returned as well, and stays.
 *  Threads: the one that owns |config|.
 *  Ownership: |*out| is yours, until anycable_broadcaster_free(); |config| may
 *  be freed at once. */
ANYCABLE_EXTERN int
anycable_broadcaster_new(anycable_broadcaster **out, const char *adapter,
                         anycable_config *config) ANYCABLE_WARN_UNUSED;

/** Counts one more user of |broadcaster|, who is to free it as well: for a
 *  second owner. NULL is fine.
 *  Returns: |broadcaster|.
 *  Threads: any. */
ANYCABLE_EXTERN anycable_broadcaster *
anycable_broadcaster_ref(anycable_broadcaster *broadcaster);

/** Lets go of the broadcaster. When its other users, such as applications, have
 *  let go too, what is queued is sent, for ANYCABLE_LIMIT_FLUSH_TIME at most;
 *  the rest is DROPPED, what was sent without an answer UNKNOWN. An adapter has
 *  a second more to return; one that hangs is left behind with its thread. A
 *  callback that runs is waited for, and none comes after. In a child of the
 *  process that made it, nothing is freed. NULL is fine.
 *  Threads: any, while no other function is called with |broadcaster|, none
 *  waits for room either. From the callback of anycable_broadcaster_on_fate()
 *  it does not wait: its thread frees it later, and nobody is told of the
 *  rest. */
ANYCABLE_EXTERN void
anycable_broadcaster_free(anycable_broadcaster *broadcaster);

/** Publishes a JSON text to |stream|: to every client that is subscribed to it,
 *  on any server. Clients get the value, as the message of their subscription.
 *  |options| may be NULL.
 *  Returns: ANYCABLE_OK if the message was taken. If not: ANYCABLE_ERR_PROTO if
 *  |json| is not JSON, or null (AnyCable delivers the string "null");
 *  ANYCABLE_ERR_ENCODING if a text is not UTF-8 or has a NUL;
 *  ANYCABLE_ERR_INVALID for an empty stream, a big integer, another number
 *  that no double can hold (1e308 and beyond), or options that make no sense;
 *  ANYCABLE_ERR_LIMIT if the queue is full, the message larger than
 *  ANYCABLE_LIMIT_BROADCAST_MESSAGE or nested deeper than
 *  ANYCABLE_LIMIT_JSON_DEPTH; ANYCABLE_ERR_NOMEM; ANYCABLE_ERR_IO if there is
 *  no thread to be had; ANYCABLE_ERR_STATE from a callback while it is freed;
 *  ANYCABLE_ERR_FORKED in a child.
 *  Threads: any. From the callback of anycable_broadcaster_on_fate() it never
 *  waits for room, and drops nothing.
 *  Ownership: all copied. */
ANYCABLE_EXTERN int
anycable_broadcaster_publish(anycable_broadcaster *broadcaster,
                             anycable_str stream, anycable_str json,
                             const anycable_publish_options *options);

/** Publishes |text| as a string: whatever is in it, clients get just that, also
 *  where it looks like JSON ("true", "42").
 *  Returns: as anycable_broadcaster_publish().
 *  Threads: any.
 *  Ownership: all copied. */
ANYCABLE_EXTERN int
anycable_broadcaster_publish_string(anycable_broadcaster *broadcaster,
                                    anycable_str stream, anycable_str text,
                                    const anycable_publish_options *options);

/** Disconnects all clients whose identifiers are |identifiers|, byte for byte
 *  what their Connect answered, or their token said. They hear of it, and are
 *  told whether to |reconnect|. It goes out at once, also while a batch is
 *  open.
 *  Returns: as anycable_broadcaster_publish(); ANYCABLE_ERR_INVALID if empty.
 *  Threads: any.
 *  Ownership: |identifiers| is copied. */
ANYCABLE_EXTERN int
anycable_broadcaster_disconnect(anycable_broadcaster *broadcaster,
                                anycable_str identifiers, bool reconnect);

/** Begins a batch: what this thread publishes by this broadcaster is collected,
 *  and goes out as one message at the end, which keeps its order and saves
 *  round trips. May be nested: the outermost end sends. A batch counts as one
 *  message, and is limited as one: what would make it too large is refused with
 *  ANYCABLE_ERR_LIMIT.
 *  Returns: ANYCABLE_OK; ANYCABLE_ERR_NOMEM, and publishing goes on one by one:
 *  end it all the same; ANYCABLE_ERR_FORKED.
 *  Threads: any; for the calling one, which must end it before it exits. */
ANYCABLE_EXTERN int
anycable_broadcaster_begin_batch(anycable_broadcaster *broadcaster);

/** Ends a batch of the calling thread. An empty one sends nothing.
 *  Returns: as anycable_broadcaster_publish(), and then nothing of the batch
 *  was taken; ANYCABLE_ERR_STATE if there is none.
 *  Threads: any; the one that began it. */
ANYCABLE_EXTERN int
anycable_broadcaster_end_batch(anycable_broadcaster *broadcaster);

/** Waits until every message that was taken before has its fate.
 *  Returns: ANYCABLE_OK; ANYCABLE_ERR_TIMEOUT after |timeout_ms| (negative: no
 *  bound); ANYCABLE_ERR_STATE from the callback of
 *  anycable_broadcaster_on_fate(), on the broadcaster's thread and while it is
 *  freed; ANYCABLE_ERR_FORKED.
 *  Threads: any. */
ANYCABLE_EXTERN int
anycable_broadcaster_flush(anycable_broadcaster *broadcaster,
                           int64_t timeout_ms);

/* What a broadcaster has done so far; see anycable_broadcaster_counts(). */
typedef struct anycable_broadcast_counts {
  /* sizeof(anycable_broadcast_counts), so that it can grow. */
  size_t size;

  uint64_t taken;     /* all below */
  uint64_t queued;    /* waiting, or sent and not answered yet */
  uint64_t published; /* by fate */
  uint64_t failed;
  uint64_t dropped;
  uint64_t unknown;

  uint64_t refused;      /* not taken, as there was no room */
  uint64_t receivers;    /* of what was published, where the adapter knows */
  uint64_t queued_bytes; /* as ANYCABLE_LIMIT_BROADCAST_BYTES counts them */
  uint64_t breaks;       /* attempts for which nobody could be reached */
} anycable_broadcast_counts;

/** Fills |counts| in, all at one moment. |counts->size| must be set.
 *  Returns: ANYCABLE_OK; ANYCABLE_ERR_INVALID if it is not;
 *  ANYCABLE_ERR_FORKED.
 *  Threads: any. */
ANYCABLE_EXTERN int
anycable_broadcaster_counts(anycable_broadcaster *broadcaster,
                            anycable_broadcast_counts *counts);

/* A message and its fate, as a callback is told. */
typedef struct anycable_publication {
  size_t size;          /* of this struct, in the library that runs */
  int fate;             /* an anycable_fate */
  int64_t receivers;    /* if PUBLISHED: how many; -1 where nobody knows */
  const char *reason;   /* if not PUBLISHED: why, in words; else empty */
  anycable_str payload; /* as it travels, JSON; empty if there is no memory */
  void *tag;            /* as given in anycable_publish_options */
} anycable_publication;

/** Calls |fn| for every message, when its fate is known. It runs on the
 *  broadcaster's thread; for what is dropped as there is no room on that of the
 *  publisher; and in anycable_broadcaster_free() for what is dropped there.
 *  Never two at a time but for publishers. The message is counted when |fn| has
 *  returned. It may publish: where there is no room for that, it is refused,
 *  and does not wait. Must be set before the first message; NULL for none.
 *  Returns: ANYCABLE_OK; ANYCABLE_ERR_STATE later; ANYCABLE_ERR_FORKED.
 *  Threads: any.
 *  Ownership: |ctx| is borrowed until the broadcaster is freed; the publication
 *  until |fn| returns. */
ANYCABLE_EXTERN int anycable_broadcaster_on_fate(
    anycable_broadcaster *broadcaster,
    void (*fn)(const anycable_publication *publication, void *ctx), void *ctx);

/** Says in words why the other side could not be reached, or what it refused,
 *  last.
 *  Returns: the length of the text; as much of it as fits is written to |out|,
 *  with a NUL. Empty if there was no failure since the last success, and in a
 *  child.
 *  Threads: any. */
ANYCABLE_EXTERN size_t anycable_broadcaster_error(
    anycable_broadcaster *broadcaster, char *out, size_t size);

#ifdef __cplusplus
}
#endif

#endif
