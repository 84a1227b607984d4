/* Publishing by HTTP: one message a request, in their order.
 *
 * A message that the other side may have is not sent again: its fate is that of
 * the answer, or UNKNOWN. One that it cannot have is put back, and comes again
 * until there is somebody. One that it says it could not handle is tried three
 * times more. */
#include <stdio.h>
#include <sys/random.h>
#include <time.h>

#include "modules/curl/publisher.h"

enum {
  TRIES = 4,
  MOST_TIME = 10000,       /* ms, for one message */
  MOST_ANSWER = 64 * 1024, /* bytes of a body that nobody reads */
};

enum verdict { PUBLISHED, REFUSED, NOT_KNOWN, NOT_SENT, TRY_AGAIN };

static enum verdict judge(const struct ac_http_result *result) {
  long status = result->status;
  if (status == 0)
    return result->sent ? NOT_KNOWN : NOT_SENT;
  if (status < 300)
    return PUBLISHED;
  if (status == 504) /* a proxy, that got no answer either */
    return NOT_KNOWN;
  /* A wrong key and a message that cannot be read stay what they are. */
  return status < 400 || status == 401 || status == 422 ? REFUSED : TRY_AGAIN;
}

/* Writes why the message was not PUBLISHED. */
static void explain(const struct ac_http_result *result, char *reason,
                    size_t size) {
  const char *hint = "";
  if (result->status == 0) {
    snprintf(reason, size, "%s", result->reason);
    return;
  }
  if (result->status == 401)
    hint = ": the key is wrong";
  else if (result->status < 400)
    hint = ": redirects are refused";
  snprintf(reason, size, "the answer was %ld%s", result->status, hint);
}

/* For who asks while it goes on, and for what publish returns. */
static int tell(anycable_outbox *outbox, const struct ac_http_result *result) {
  char reason[512];
  explain(result, reason, sizeof(reason));
  return anycable_outbox_fail(outbox, ANYCABLE_ERR_UNAVAILABLE, "%s", reason);
}

static int64_t now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* 0.5, 1.5 and 4 seconds, a quarter more or less. */
static int64_t delay_after(int failures) {
  static const int64_t delays[] = {500, 1500, 4000};
  int64_t delay = delays[failures - 1];
  uint16_t chance = 0;
  if (getrandom(&chance, sizeof(chance), GRND_NONBLOCK) < 0)
    return delay;
  return delay - delay / 4 + (delay / 2) * chance / UINT16_MAX;
}

static enum verdict send_once(struct ac_http_publisher *publisher,
                              const anycable_outbox *outbox,
                              anycable_str payload, int64_t time_left,
                              struct ac_http_result *result) {
  const struct ac_http_request request = {
      .url = publisher->url,
      .body = payload.ptr,
      .len = payload.len,
      .timeout =
          time_left < publisher->timeout ? time_left : publisher->timeout,
      .end_fd = anycable_outbox_fd(outbox),
      .most = MOST_ANSWER,
  };
  ac_http_run(&publisher->http, &request, result);
  return judge(result);
}

/* Sends until there is something to tell, or it is no use: then TRY_AGAIN.
 * |*ended| if that is as the broadcaster ends. */
static enum verdict send_patiently(struct ac_http_publisher *publisher,
                                   anycable_outbox *outbox,
                                   anycable_str payload,
                                   struct ac_http_result *result) {
  int64_t end = now_ms() + (publisher->timeout > MOST_TIME ? publisher->timeout
                                                           : MOST_TIME);
  for (int failures = 0;;) {
    enum verdict verdict =
        send_once(publisher, outbox, payload, end - now_ms(), result);
    if (verdict != TRY_AGAIN || result->ended || ++failures == TRIES)
      return verdict;
    int64_t delay = delay_after(failures);
    if (now_ms() + delay >= end)
      return verdict;
    tell(outbox, result);
    result->ended = !anycable_outbox_pause(outbox, delay);
    if (result->ended || now_ms() >= end)
      return verdict;
  }
}

/* Publishes one message. */
static int publish_one(struct ac_http_publisher *publisher,
                       anycable_outbox *outbox, anycable_str payload) {
  struct ac_http_result result;
  char reason[512];
  enum verdict verdict = send_patiently(publisher, outbox, payload, &result);
  if (verdict == PUBLISHED)
    return anycable_outbox_settle(outbox, ANYCABLE_FATE_PUBLISHED, -1, NULL);
  explain(&result, reason, sizeof(reason));
  if (verdict == NOT_KNOWN)
    anycable_outbox_settle(outbox, ANYCABLE_FATE_UNKNOWN, -1, reason);
  else if (verdict != NOT_SENT) /* it was sent, and refused */
    anycable_outbox_settle(outbox, ANYCABLE_FATE_FAILED, -1, reason);
  return verdict == REFUSED ? ANYCABLE_OK : tell(outbox, &result);
}

int ac_http_publish(void *data, anycable_outbox *outbox) {
  struct ac_http_publisher *publisher = data;
  anycable_str payload;
  int rc = ANYCABLE_OK;
  while (!rc && anycable_outbox_next(outbox, &payload))
    rc = publish_one(publisher, outbox, payload);
  return rc;
}
