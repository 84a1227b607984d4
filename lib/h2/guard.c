#include "h2/guard.h"

#include <string.h>

#include "h2/h2.h"

enum {
  CREDIT_START = 100,
  CREDIT_PER_STREAM = 4, /* a window update and a priority, twice */
  CREDIT_PER_SENT = 10,
  CREDIT_MOST = 100000,
  SETTINGS_BURST = 20, /* an honest client sends one, and an ACK */
};

void ac_h2_guard_init(struct ac_h2_guard *guard) {
  memset(guard, 0, sizeof(*guard));
  guard->credit = CREDIT_START;
}

/* gRFC A8: a ping is a strike if it comes sooner than allowed after the one
 * before; strikes are forgiven when we send something. The first ping after
 * that is free of the flood's count too: grpc-go measures the way with one for
 * every answer, on a short way thousands a second. */
static const char *ping(struct ac_h2_guard *guard,
                        const struct ac_h2_config *config, uint64_t now) {
  bool first = guard->last_ping == 0;
  bool early = !first && now - guard->last_ping < config->ping_interval;
  guard->last_ping = now;
  if (first)
    return NULL;
  if (early && !ac_bucket_take(&guard->strikes, now, config->ping_strikes,
                               config->ping_strikes, 60 * AC_SECOND))
    return "too_many_pings";
  if (!ac_bucket_take(&guard->pings, now, config->pings_rate,
                      config->pings_rate, AC_SECOND))
    return "too_many_pings";
  return NULL;
}

static const char *glitch(struct ac_h2_guard *guard,
                          const struct ac_h2_config *config, uint64_t now) {
  return ac_bucket_take(&guard->glitches, now, config->glitches,
                        config->glitches_rate, AC_SECOND)
             ? NULL
             : "too_many_glitches";
}

const char *ac_h2_guard_count(struct ac_h2_guard *guard,
                              const struct ac_h2_config *config, uint64_t now,
                              enum ac_h2_event event) {
  switch (event) {
  case AC_H2_EVENT_PING:
    return ping(guard, config, now);
  case AC_H2_EVENT_SETTINGS:
    return ac_bucket_take(&guard->settings, now,
                          config->settings_rate + SETTINGS_BURST,
                          config->settings_rate, AC_SECOND)
               ? NULL
               : "too_many_settings";
  case AC_H2_EVENT_RESET:
    return ac_bucket_take(&guard->resets, now, config->resets,
                          config->resets_rate, AC_SECOND)
               ? NULL
               : "too_many_resets";
  case AC_H2_EVENT_GLITCH:
    return glitch(guard, config, now);
  case AC_H2_EVENT_CHATTER:
    if (guard->credit-- > 0)
      return NULL;
    guard->credit = 0;
    return glitch(guard, config, now);
  case AC_H2_EVENT_EMPTY_DATA:
    return ++guard->empty_frames > config->empty_frames
               ? "too_many_empty_frames"
               : NULL;
  case AC_H2_EVENT_DATA:
    guard->empty_frames = 0;
    return NULL;
  case AC_H2_EVENT_STREAM:
    if (guard->credit < CREDIT_MOST)
      guard->credit += CREDIT_PER_STREAM;
    return NULL;
  case AC_H2_EVENT_SENT_DATA:
    guard->strikes.until = 0;
    guard->last_ping = 0;
    if (guard->credit < CREDIT_MOST)
      guard->credit += CREDIT_PER_SENT;
    return NULL;
  }
  return NULL;
}
