#include "grpc/feed.h"

#include <string.h>

bool ac_grpc_feed_take(struct ac_grpc_call *call, const char *bytes,
                       size_t len) {
  struct ac_grpc_feed *feed = call->feed;
  if (!feed) {
    feed = ac_arena_charge(call->arena, sizeof(*feed))
               ? ac_arena_alloc(call->arena, sizeof(*feed))
               : NULL;
    if (!feed)
      return false;
    feed->len = feed->at = 0;
    feed->ended = false;
    call->feed = feed;
  }
  if (len > AC_GRPC_STREAM_MAX - feed->len)
    return false;
  memcpy(feed->bytes + feed->len, bytes, len);
  feed->len += len;
  return true;
}

/* The length of the message at hand; false if not all of it is there. */
static bool next_message(const struct ac_grpc_feed *feed, size_t *len) {
  const unsigned char *p = (const unsigned char *)feed->bytes + feed->at;
  if (feed->len - feed->at < AC_GRPC_PREFIX)
    return false;
  *len = ac_grpc_prefix_length(p);
  return *len <= feed->len - feed->at - AC_GRPC_PREFIX;
}

static void begin(struct ac_grpc_call *call) {
  if (call->handled)
    return;
  call->handled = true;
  ac_grpc_open(call);
}

void ac_grpc_feed_ready(struct ac_grpc_call *call) {
  struct ac_grpc_feed *feed = call->feed;
  size_t len;
  begin(call);
  if (!feed || ac_h2_stream_is_sending(call->stream))
    return; /* it is looked at again when that was sent */
  if (next_message(feed, &len)) {
    char *message = feed->bytes + feed->at + AC_GRPC_PREFIX;
    bool compressed = feed->bytes[feed->at] != 0;
    feed->at += AC_GRPC_PREFIX + len;
    if (compressed)
      ac_grpc_finish(call, AC_GRPC_UNIMPLEMENTED);
    else
      call->method->handle(call->grpc->owner, call, message, len);
  } else if (feed->ended) {
    ac_grpc_finish(call, feed->at == feed->len ? AC_GRPC_OK : AC_GRPC_INTERNAL);
  }
}
