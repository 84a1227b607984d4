/* Calls: from the bytes of a stream to one message, and back to frames. */
#include <string.h>

#include "grpc/feed.h"
#include "grpc/grpc.h"
#include "grpc/metadata.h"

#define FIELD(name, value)                                                     \
  {                                                                            \
    {name, sizeof(name) - 1}, {                                                \
      value, sizeof(value) - 1                                                 \
    }                                                                          \
  }

static const struct ac_h2_field headers_plain[] = {
    FIELD(":status", "200"), FIELD("content-type", "application/grpc")};
static const struct ac_h2_field headers_proto[] = {
    FIELD(":status", "200"), FIELD("content-type", "application/grpc+proto")};
static const struct ac_h2_field trailers_ok[] = {FIELD("grpc-status", "0")};

static const struct ac_h2_field *headers_of(const struct ac_grpc_call *call) {
  return call->subtyped ? headers_proto : headers_plain;
}

static bool begin(void *owner, void *data, struct ac_h2_stream *stream) {
  struct ac_grpc_call *call = data;
  call->grpc = owner;
  call->stream = stream;
  call->arena = ac_arena_new(call->grpc->arenas, call->grpc->config.arena_cap);
  return call->arena != NULL;
}

/* --- the request --------------------------------------------------------- */

static void refuse_now(struct ac_grpc_call *call, int status,
                       const char *error) {
  ac_grpc_refuse(call, status, error);
  call->refused = true;
  ac_h2_stream_schedule(call->stream);
}

/* The prefix is here: is it a message that we take? */
static void prefix_complete(struct ac_grpc_call *call) {
  const unsigned char *p = call->prefix;
  call->message_len = ac_grpc_prefix_length(p);
  if (p[0] == 1 && call->encoded) {
    refuse_now(call, AC_GRPC_UNIMPLEMENTED, "compression is not supported");
  } else if (p[0] == 1) {
    refuse_now(call, AC_GRPC_INTERNAL,
               "compressed flag set without grpc-encoding");
  } else if (p[0] > 1) {
    refuse_now(call, AC_GRPC_INTERNAL, "unexpected payload format");
  } else if (call->message_len > call->grpc->config.message_max) {
    refuse_now(call, AC_GRPC_RESOURCE_EXHAUSTED, "message too large");
  } else {
    call->message = ac_arena_alloc(call->arena, (size_t)call->message_len + 1);
    if (!call->message)
      refuse_now(call, AC_GRPC_RESOURCE_EXHAUSTED, "out of memory");
  }
}

static size_t take_prefix(struct ac_grpc_call *call, const char *bytes,
                          size_t len) {
  size_t n = AC_GRPC_PREFIX - call->prefix_len;
  if (n > len)
    n = len;
  memcpy(call->prefix + call->prefix_len, bytes, n);
  call->prefix_len = (unsigned char)(call->prefix_len + n);
  if (call->prefix_len == AC_GRPC_PREFIX)
    prefix_complete(call);
  return n;
}

static size_t take_message(struct ac_grpc_call *call, const char *bytes,
                           size_t len) {
  size_t n = call->message_len - call->message_got;
  if (n > len)
    n = len;
  if (!ac_arena_charge(call->arena, n)) {
    refuse_now(call, AC_GRPC_RESOURCE_EXHAUSTED, "out of memory");
    return len;
  }
  memcpy(call->message + call->message_got, bytes, n);
  call->message_got += (uint32_t)n;
  return n;
}

/* Bytes behind the message: another message, or rubbish. */
static void take_extra(struct ac_grpc_call *call, const char *bytes,
                       size_t len) {
  for (size_t i = 0; i < len && call->extra_got + i < AC_GRPC_PREFIX; i++)
    call->extra[call->extra_got + i] = (unsigned char)bytes[i];
  call->extra_got += len;
}

/* Of a stream, no more is let come than what it may send in all. */
static void feed(struct ac_grpc_call *call, const char *bytes, size_t len) {
  if (call->refused)
    return;
  if (!ac_grpc_feed_take(call, bytes, len))
    refuse_now(call, AC_GRPC_RESOURCE_EXHAUSTED, "too much in one stream");
  else
    ac_h2_stream_schedule(call->stream);
}

static void body(void *data, const char *bytes, size_t len) {
  struct ac_grpc_call *call = data;
  size_t all = len;
  if (call->method && call->method->streams) {
    feed(call, bytes, len);
    return;
  }
  call->began = call->began || len > 0;
  while (len > 0 && !call->refused) {
    size_t n = len;
    if (call->prefix_len < AC_GRPC_PREFIX)
      n = take_prefix(call, bytes, len);
    else if (call->message_got < call->message_len)
      n = take_message(call, bytes, len);
    else
      take_extra(call, bytes, len);
    bytes += n;
    len -= n;
  }
  if (call->refused || call->prefix_len < AC_GRPC_PREFIX ||
      call->message_got < call->message_len)
    ac_h2_stream_consumed(call->stream, all);
}

static void check_extra(struct ac_grpc_call *call) {
  if (call->extra_got >= AC_GRPC_PREFIX &&
      call->extra_got - AC_GRPC_PREFIX >= ac_grpc_prefix_length(call->extra))
    ac_grpc_refuse(call, AC_GRPC_UNIMPLEMENTED, "more than one message");
  else
    ac_grpc_refuse(call, AC_GRPC_INTERNAL, "trailing bytes after the message");
}

static void end(void *data) {
  struct ac_grpc_call *call = data;
  if (call->refused)
    return;
  if (call->method && call->method->streams) {
    if (ac_grpc_feed_take(call, "", 0))
      call->feed->ended = true;
    ac_h2_stream_schedule(call->stream);
    return;
  }
  if (!call->began)
    ac_grpc_refuse(call, AC_GRPC_UNIMPLEMENTED, "no message");
  else if (call->prefix_len < AC_GRPC_PREFIX ||
           call->message_got < call->message_len)
    ac_grpc_refuse(call, AC_GRPC_INTERNAL, "truncated message");
  else if (call->extra_got > 0)
    check_extra(call);
  ac_h2_stream_schedule(call->stream);
}

/* --- the answer ---------------------------------------------------------- */

static void field(struct ac_h2_field *f, const char *name, const char *value) {
  f->name = anycable_str_of(name);
  f->value = anycable_str_of(value);
}

static const char *decimal(int n) {
  static const char *const texts[] = {"0",  "1",  "2",  "3",  "4",  "5",
                                      "6",  "7",  "8",  "9",  "10", "11",
                                      "12", "13", "14", "15", "16"};
  return texts[n >= 0 && n <= 16 ? n : 2];
}

static const char *http_status(int http) {
  switch (http) {
  case 400:
    return "400";
  case 405:
    return "405";
  case 415:
    return "415";
  case 431:
    return "431";
  default:
    return "200";
  }
}

/* Trailers-only, as nothing was sent yet. */
static void fail(struct ac_grpc_call *call, int http, int status,
                 const char *message) {
  struct ac_h2_field fields[5];
  size_t n = 0;
  field(&fields[n++], ":status", http_status(http));
  field(&fields[n++], "content-type", headers_of(call)[1].value.ptr);
  if (status)
    field(&fields[n++], "grpc-status", decimal(status));
  field(&fields[n++], "grpc-message", message);
  if (status == AC_GRPC_UNIMPLEMENTED && call->encoded)
    field(&fields[n++], "grpc-accept-encoding", "identity");
  if (!ac_h2_stream_reject(call->stream, fields, n))
    ac_h2_stream_reset(call->stream, AC_H2_INTERNAL_ERROR);
}

void ac_grpc_fail(struct ac_grpc_call *call, enum ac_grpc_status status,
                  const char *message) {
  fail(call, 200, (int)status, message);
}

static void fill_prefix(anycable_str framed) {
  unsigned char *p = (unsigned char *)(uintptr_t)framed.ptr;
  size_t len = framed.len - AC_GRPC_PREFIX;
  p[0] = 0;
  p[1] = (unsigned char)(len >> 24);
  p[2] = (unsigned char)(len >> 16);
  p[3] = (unsigned char)(len >> 8);
  p[4] = (unsigned char)len;
}

/* A reply that its client does not read is memory too. The handler has run, so
 * the status is none that has AnyCable run it again. */
void ac_grpc_reply(struct ac_grpc_call *call, anycable_str framed) {
  if (!ac_arena_charge(call->arena, framed.len)) {
    ac_grpc_fail(call, AC_GRPC_INTERNAL, "out of memory for the reply");
    return;
  }
  fill_prefix(framed);
  if (!ac_h2_stream_respond(call->stream, headers_of(call), 2, framed,
                            trailers_ok, 1))
    ac_h2_stream_reset(call->stream, AC_H2_INTERNAL_ERROR);
}

void ac_grpc_open(struct ac_grpc_call *call) {
  if (!ac_h2_stream_open(call->stream, headers_of(call), 2))
    ac_h2_stream_reset(call->stream, AC_H2_INTERNAL_ERROR);
}

void ac_grpc_finish(struct ac_grpc_call *call, enum ac_grpc_status status) {
  field(&call->tail, "grpc-status", decimal((int)status));
  if (!ac_h2_stream_finish(call->stream, &call->tail, 1))
    ac_grpc_abort(call);
}

void ac_grpc_abort(struct ac_grpc_call *call) {
  ac_h2_stream_reset(call->stream, AC_H2_CANCEL);
}

bool ac_grpc_push(struct ac_grpc_call *call, anycable_str framed) {
  fill_prefix(framed);
  return ac_h2_stream_push(call->stream, framed);
}

struct ac_arena *ac_grpc_take_arena(struct ac_grpc_call *call) {
  call->lent = true;
  return call->arena;
}

/* --- outside nghttp2 ------------------------------------------------------ */

/* Who it is that calls: its software, as it says. */
static void introduce(const struct ac_grpc_call *call) {
  const struct ac_grpc *grpc = call->grpc;
  if (!ac_log_wants(&grpc->log, grpc->chatter_level))
    return;
  for (size_t i = 0; i < call->n_metadata; i++) {
    if (anycable_str_is(call->metadata[i].key, "user-agent"))
      ac_log_write(&grpc->log, grpc->chatter_level, "grpc: %s is %s",
                   ac_h2_stream_peer(call->stream),
                   call->metadata[i].value.ptr);
  }
}

static void ready(void *data) {
  struct ac_grpc_call *call = data;
  if (ac_h2_stream_is_first(call->stream))
    introduce(call);
  if (call->error && call->handled) { /* what was answered stays */
    ac_grpc_finish(call, (enum ac_grpc_status)call->status);
    return;
  }
  if (call->error) {
    fail(call, call->http, call->status, call->error);
    return;
  }
  if (call->method->streams) {
    ac_grpc_feed_ready(call);
    return;
  }
  if (call->handled)
    return; /* a part of a streaming answer was sent */
  call->handled = true;
  call->method->handle(call->grpc->owner, call, call->message,
                       call->message_len);
}

/* A deadline may pass before the request is here. */
static void waiting(void *data, uint64_t now) {
  struct ac_grpc_call *call = data;
  if (!call->refused && call->deadline && now >= call->deadline)
    refuse_now(call, AC_GRPC_DEADLINE_EXCEEDED, "deadline exceeded");
}

static void closed(void *data) {
  struct ac_grpc_call *call = data;
  if (call->handled && call->method->closed)
    call->method->closed(call->grpc->owner, call);
  if (!call->lent)
    ac_arena_free(call->arena);
}

static void settled(void *owner) {
  struct ac_grpc *grpc = owner;
  if (grpc->settled)
    grpc->settled(grpc->owner);
}

const struct ac_h2_handler ac_grpc_handler = {
    .stream_size = sizeof(struct ac_grpc_call),
    .begin = begin,
    .header = ac_grpc_header,
    .headers_end = ac_grpc_headers_end,
    .body = body,
    .end = end,
    .waiting = waiting,
    .ready = ready,
    .closed = closed,
    .settled = settled,
};
