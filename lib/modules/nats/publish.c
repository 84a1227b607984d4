/* Publishing: messages are handed to a connection by the batch, with a PING
 * behind them. NATS acknowledges no message, but answers the PING when it has
 * taken all that came before. What was handed over and is not answered is
 * UNKNOWN; what was not handed over is put back. */
#include "modules/nats/publisher.h"

#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <time.h>

/* Of a batch: as much as may become UNKNOWN at once. */
enum { MOST_MESSAGES = 512, MOST_BYTES = 512 * 1024 };

enum { FIRST_SLICE = 50 }; /* ms */

/* What became of a batch. */
struct batch {
  size_t handed;    /* how many messages were handed over */
  bool too_large;   /* the one behind them is larger than the server allows */
  natsStatus error; /* of what came last */
};

static bool is_to_end(const anycable_outbox *outbox) {
  struct pollfd end = {anycable_outbox_fd(outbox), POLLIN, 0};
  return poll(&end, 1, 0) > 0;
}

/* --- connecting ----------------------------------------------------------- */

static void hang_up(struct ac_nats_publisher *publisher) {
  ac_nats_link_close(publisher->link);
  publisher->link = NULL;
}

/* Tries the next server. */
static bool try_next(struct ac_nats_publisher *publisher,
                     const anycable_outbox *outbox, char *reason, size_t size) {
  struct ac_nats_servers *servers = &publisher->servers;
  const struct ac_nats_server *server = &servers->all[servers->next];
  char why[256];
  publisher->link =
      ac_nats_link_open(server, &publisher->times, why, sizeof(why));
  if (publisher->link) {
    if (ac_nats_link_wait(publisher->link, anycable_outbox_fd(outbox)))
      return true;
    ac_nats_link_reason(publisher->link, why, sizeof(why));
    hang_up(publisher);
  }
  snprintf(reason, size, "%s: %s", server->url, why);
  servers->next = (servers->next + 1) % servers->count;
  return false;
}

/* Tries each server once, the one of the last time first. */
static int reach(struct ac_nats_publisher *publisher, anycable_outbox *outbox) {
  char reason[512] = "";
  if (publisher->link && ac_nats_link_is_up(publisher->link))
    return ANYCABLE_OK;
  hang_up(publisher);
  for (size_t i = 0; i < publisher->servers.count; i++) {
    if (try_next(publisher, outbox, reason, sizeof(reason)))
      return ANYCABLE_OK;
    if (is_to_end(outbox))
      break;
  }
  return anycable_outbox_fail(outbox, ANYCABLE_ERR_UNAVAILABLE, "%s", reason);
}

/* --- a batch -------------------------------------------------------------- */

static natsStatus publish(const struct ac_nats_publisher *publisher,
                          anycable_str payload) {
  if (payload.len > INT_MAX)
    return NATS_MAX_PAYLOAD;
  return natsConnection_Publish(ac_nats_link_connection(publisher->link),
                                publisher->subject, payload.ptr,
                                (int)payload.len);
}

static void hand_over(const struct ac_nats_publisher *publisher,
                      anycable_outbox *outbox, struct batch *batch) {
  size_t bytes = 0;
  anycable_str payload;
  while (batch->handed < MOST_MESSAGES && bytes < MOST_BYTES &&
         anycable_outbox_next(outbox, &payload)) {
    natsStatus status = publish(publisher, payload);
    batch->too_large = status == NATS_MAX_PAYLOAD;
    if (!batch->too_large)
      batch->error = status;
    if (status != NATS_OK)
      return;
    batch->handed++;
    bytes += payload.len;
  }
}

static int64_t now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Waits for the answer to a PING: a short while, then for that to another one
 * for twice as long, as the wait cannot be ended early. */
static natsStatus await_answer(const struct ac_nats_publisher *publisher,
                               const anycable_outbox *outbox) {
  natsConnection *connection = ac_nats_link_connection(publisher->link);
  int64_t end = now_ms() + publisher->times.answer;
  natsStatus status = NATS_TIMEOUT;
  for (int64_t slice = FIRST_SLICE; status == NATS_TIMEOUT; slice *= 2) {
    int64_t left = end - now_ms();
    if (left <= 0 || is_to_end(outbox))
      return NATS_TIMEOUT;
    status =
        natsConnection_FlushTimeout(connection, left < slice ? left : slice);
  }
  return status;
}

/* Refused for want of a permission? The server says so before it answers. */
static bool is_refused(natsConnection *connection, char *reason, size_t size) {
  const char *text = "";
  if (natsConnection_GetLastError(connection, &text) != NATS_NOT_PERMITTED)
    return false;
  snprintf(reason, size, "%s", text);
  return true;
}

static void settle(anycable_outbox *outbox, size_t count, int fate,
                   const char *reason) {
  for (size_t i = 0; i < count; i++)
    anycable_outbox_settle(outbox, fate, -1, reason);
}

/* Settles as |fate| what was handed over, and has publish called later. */
static int give_up(struct ac_nats_publisher *publisher, anycable_outbox *outbox,
                   const struct batch *batch, int fate, const char *reason) {
  settle(outbox, batch->handed, fate, reason);
  hang_up(publisher);
  return anycable_outbox_fail(outbox, ANYCABLE_ERR_UNAVAILABLE, "%s", reason);
}

/* The connection is of no use any more, or the time is over. */
static int broke(struct ac_nats_publisher *publisher, anycable_outbox *outbox,
                 const struct batch *batch) {
  char reason[256];
  if (!ac_nats_link_is_up(publisher->link))
    ac_nats_link_reason(publisher->link, reason, sizeof(reason));
  else if (is_to_end(outbox))
    snprintf(reason, sizeof(reason),
             "there was no time left to wait for the answer");
  else if (batch->error == NATS_TIMEOUT)
    snprintf(reason, sizeof(reason), "no answer within %lld ms",
             (long long)publisher->times.answer);
  else
    snprintf(reason, sizeof(reason), "%s", natsStatus_GetText(batch->error));
  return give_up(publisher, outbox, batch, ANYCABLE_FATE_UNKNOWN, reason);
}

/* Refuses the message that is larger than the server allows. */
static void refuse_large(const struct ac_nats_publisher *publisher,
                         anycable_outbox *outbox) {
  char reason[128];
  snprintf(reason, sizeof(reason),
           "it is larger than the %lld bytes that the NATS server allows",
           (long long)natsConnection_GetMaxPayload(
               ac_nats_link_connection(publisher->link)));
  settle(outbox, 1, ANYCABLE_FATE_FAILED, reason);
}

/* Sends what waits, up to a batch; |*more| tells whether there was any. */
static int send_batch(struct ac_nats_publisher *publisher,
                      anycable_outbox *outbox, bool *more) {
  struct batch batch = {0, false, NATS_OK};
  char reason[256];
  hand_over(publisher, outbox, &batch);
  *more = batch.handed > 0 || batch.too_large;
  if (batch.error == NATS_OK && batch.handed > 0)
    batch.error = await_answer(publisher, outbox);
  if (batch.error != NATS_OK)
    return broke(publisher, outbox, &batch);
  if (is_refused(ac_nats_link_connection(publisher->link), reason,
                 sizeof(reason)))
    return give_up(publisher, outbox, &batch, ANYCABLE_FATE_FAILED, reason);
  settle(outbox, batch.handed, ANYCABLE_FATE_PUBLISHED, NULL);
  if (batch.too_large)
    refuse_large(publisher, outbox);
  return ANYCABLE_OK;
}

int ac_nats_publish(void *data, anycable_outbox *outbox) {
  struct ac_nats_publisher *publisher = data;
  bool more = true;
  int rc = reach(publisher, outbox);
  while (!rc && more && !is_to_end(outbox))
    rc = send_batch(publisher, outbox, &more);
  return rc;
}
