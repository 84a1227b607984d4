/* How much nonsense a connection may send before it is told to go away: what
 * nghttp2 1.52 leaves to the application (floods of pings, settings, window
 * updates, empty and unknown frames, resets provoked or sent). */
#ifndef AC_H2_GUARD_H
#define AC_H2_GUARD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bucket.h"

struct ac_h2_config;

struct ac_h2_guard {
  struct ac_bucket strikes; /* pings that came too early */
  struct ac_bucket pings;   /* pings at all */
  struct ac_bucket settings;
  struct ac_bucket resets; /* RST_STREAM received */
  struct ac_bucket glitches;
  uint64_t last_ping;
  uint32_t empty_frames; /* empty DATA in a row */
  int64_t credit; /* WINDOW_UPDATE and PRIORITY frames that are still fine */
};

/* What a frame was, seen from here. */
enum ac_h2_event {
  AC_H2_EVENT_PING,
  AC_H2_EVENT_SETTINGS,
  AC_H2_EVENT_RESET,      /* the peer reset a stream */
  AC_H2_EVENT_GLITCH,     /* a useless or a wrong frame */
  AC_H2_EVENT_CHATTER,    /* WINDOW_UPDATE, PRIORITY */
  AC_H2_EVENT_EMPTY_DATA, /* DATA that carries nothing */
  AC_H2_EVENT_DATA,       /* DATA that does */
  AC_H2_EVENT_STREAM,     /* a stream began */
  AC_H2_EVENT_SENT_DATA   /* we sent HEADERS or DATA */
};

void ac_h2_guard_init(struct ac_h2_guard *guard);

/* Counts an event. NULL if all is well, otherwise the debug data of the GOAWAY
 * ENHANCE_YOUR_CALM that is due. */
const char *ac_h2_guard_count(struct ac_h2_guard *guard,
                              const struct ac_h2_config *config, uint64_t now,
                              enum ac_h2_event event);

#endif
