/* Adapters: how a broadcaster reaches AnyCable. For who writes one; the
 * library's own, and those in modules of their own, are written on nothing
 * else.
 *
 *     static int publish(void *publisher, anycable_outbox *outbox) {
 *       anycable_str payload;
 *       while (anycable_outbox_next(outbox, &payload)) {
 *         int sent = bus_send(publisher, payload.ptr, payload.len);
 *         if (sent < 0)
 *           return anycable_outbox_fail(outbox, ANYCABLE_ERR_UNAVAILABLE,
 *                                       "the bus is down");
 *         anycable_outbox_settle(outbox, ANYCABLE_FATE_PUBLISHED, -1, NULL);
 *       }
 *       return ANYCABLE_OK;
 *     }
 *
 *     static const anycable_adapter bus = {.size = sizeof(bus), .name = "bus",
 *                                          .create = create,
 *                                          .publish = publish,
 *                                          .destroy = destroy};
 *
 *     anycable_config_add_adapter(config, &bus, my_bus);
 *     anycable_config_set(config, ANYCABLE_SETTING_BROADCAST_ADAPTER, "bus");
 */
#ifndef ANYCABLE_ADAPTER_H
#define ANYCABLE_ADAPTER_H

#include <anycable/broadcaster.h>
#include <anycable/config.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The messages that wait, as publish sees them. */
typedef struct anycable_outbox anycable_outbox;

typedef struct anycable_adapter {
  /* sizeof(anycable_adapter), so that the table can grow. */
  size_t size;

  /* By which a configuration names it. Required. */
  const char *name;

  /* Makes what publishes, from |config|, whose settings anycable_config_get()
   * reads. It does not connect yet, but refuses what can never work.
   * ANYCABLE_OK, or an error with the reason, NUL-terminated, in |reason|.
   * |ctx| is that of anycable_config_add_adapter(). Required. */
  int (*create)(void **publisher, const anycable_config *config, void *ctx,
                char *reason, size_t reason_size);

  /* Sends what waits, in its order; connects where it must. Takes messages by
   * anycable_outbox_next(), as many as it likes before it has an answer, and
   * tells what became of them, the oldest first, by anycable_outbox_settle().
   *
   * ANYCABLE_OK to be called again when there are messages; an error, by
   * anycable_outbox_fail(), to be called again after a while that grows from
   * 100 ms to 5 s with every failure in a row. Messages that are not settled
   * then are put back, and come again, in their order: what has perhaps arrived
   * is to be settled as ANYCABLE_FATE_UNKNOWN, unless it may arrive twice.
   *
   * It runs on the broadcaster's thread. It must bound how long it waits for
   * the other side, and return early when anycable_outbox_fd() becomes
   * readable: then nothing comes again. To return ANYCABLE_OK without having
   * settled anything counts as a failure. Required. */
  int (*publish)(void *publisher, anycable_outbox *outbox);

  /* Frees it. No publish runs. On the thread that frees the broadcaster, or on
   * the broadcaster's if that was left behind. May be NULL. */
  void (*destroy)(void *publisher);
} anycable_adapter;

/** Makes |adapter| known to |config|, in place of one of that name that is
 *  built in or in a module.
 *  Returns: ANYCABLE_OK; ANYCABLE_ERR_INVALID for a table without what is
 *  required, or a name that is there twice; ANYCABLE_ERR_NOMEM.
 *  Threads: the one that owns |config|.
 *  Ownership: |adapter| is copied, but for its name, which is borrowed as |ctx|
 *  is, until broadcasters made from |config| are freed; where an adapter hangs,
 *  until destroy. */
ANYCABLE_EXTERN int anycable_config_add_adapter(anycable_config *config,
                                                const anycable_adapter *adapter,
                                                void *ctx);

/** Takes the next message that waits, without waiting for one.
 *  Returns: true, and the message in |*payload|; false if there is none, or
 *  publish is to return.
 *  Threads: the broadcaster's, inside publish, as all functions here.
 *  Ownership: borrowed until the message is settled or publish returns. No NUL
 *  stands behind it. */
ANYCABLE_EXTERN bool anycable_outbox_next(anycable_outbox *outbox,
                                          anycable_str *payload);

/** Tells the fate of the oldest message that was taken and not settled.
 *  |receivers| is how many got it, -1 where that is not known; |reason| says
 *  why it is not PUBLISHED, and may be NULL.
 *  Returns: ANYCABLE_OK; ANYCABLE_ERR_STATE if there is none;
 *  ANYCABLE_ERR_INVALID if |fate| is no anycable_fate.
 *  Threads: the broadcaster's.
 *  Ownership: |reason| is copied. */
ANYCABLE_EXTERN int anycable_outbox_settle(anycable_outbox *outbox, int fate,
                                           int64_t receivers,
                                           const char *reason);

/** Says that the |count| oldest messages that were taken and are not settled
 * may have arrived, although they come again: where there is no time left for
 *  that, they are UNKNOWN and not DROPPED.
 *  Threads: the broadcaster's. */
ANYCABLE_EXTERN void anycable_outbox_doubt(anycable_outbox *outbox,
                                           size_t count);

/** How many messages were taken and are not settled.
 *  Returns: the number.
 *  Threads: the broadcaster's. */
ANYCABLE_EXTERN size_t anycable_outbox_unsettled(const anycable_outbox *outbox);

/** Says why the other side cannot be reached: for
 *  `return anycable_outbox_fail(outbox, ANYCABLE_ERR_UNAVAILABLE, "...");`.
 *  Returns: |error|.
 *  Threads: the broadcaster's. */
ANYCABLE_EXTERN int anycable_outbox_fail(anycable_outbox *outbox, int error,
                                         const char *format, ...)
    ANYCABLE_PRINTF(3, 4);

/** Sleeps for |ms| milliseconds, or until the broadcaster is to end.
 *  Returns: true to go on; false if publish is to return.
 *  Threads: the broadcaster's. */
ANYCABLE_EXTERN bool anycable_outbox_pause(anycable_outbox *outbox, int64_t ms);

/** A descriptor that is readable when publish is to return without delay.
 *  Returns: the descriptor.
 *  Threads: the broadcaster's.
 *  Ownership: the broadcaster's; never read or close it. */
ANYCABLE_EXTERN int anycable_outbox_fd(const anycable_outbox *outbox);

/** Writes a line to the log of anycable_config_set_log(), with the adapter's
 *  name.
 *  Threads: the broadcaster's. */
ANYCABLE_EXTERN void anycable_outbox_log(anycable_outbox *outbox, int level,
                                         const char *format, ...)
    ANYCABLE_PRINTF(3, 4);

#ifdef __cplusplus
}
#endif

#endif
