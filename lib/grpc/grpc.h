/* gRPC over HTTP/2, the server's side: framing, status, deadlines, metadata;
 * unary and server-streaming calls.
 *
 * A call goes to its method when its request is complete, one message long and
 * in order; everything else is answered here. Belongs to the loop's thread. */
#ifndef AC_GRPC_GRPC_H
#define AC_GRPC_GRPC_H

#include "base/arena.h"
#include "base/pair.h"
#include "base/runtime.h"
#include "h2/h2.h"

enum ac_grpc_status {
  AC_GRPC_OK = 0,
  AC_GRPC_DEADLINE_EXCEEDED = 4,
  AC_GRPC_NOT_FOUND = 5,
  AC_GRPC_RESOURCE_EXHAUSTED = 8,
  AC_GRPC_UNIMPLEMENTED = 12,
  AC_GRPC_INTERNAL = 13,
  AC_GRPC_UNAVAILABLE = 14
};

enum { AC_GRPC_PREFIX = 5 }; /* bytes in front of every message */

/* The length that such a prefix tells. */
static inline uint32_t ac_grpc_prefix_length(const unsigned char *prefix) {
  return (uint32_t)prefix[1] << 24 | (uint32_t)prefix[2] << 16 |
         (uint32_t)prefix[3] << 8 | prefix[4];
}

struct ac_grpc_call;

struct ac_grpc_method {
  const char *path;
  /* The request is there: |len| bytes, which the method may change, and one
   * spare byte behind them; they live as long as the call's arena. Runs
   * outside nghttp2. */
  void (*handle)(void *owner, struct ac_grpc_call *call, char *message,
                 size_t len);
  /* The call is over: answered and sent, or cancelled by the peer. Only called
   * after |handle|. */
  void (*closed)(void *owner, struct ac_grpc_call *call);
  /* The client streams: |handle| is called with one message after the other,
   * and answers each with ac_grpc_push, once; the next one comes when that was
   * sent. The end of the client's side ends the call. */
  bool streams;
};

/* What a client may stream that was not answered yet, and in all. */
enum { AC_GRPC_STREAM_MAX = 64 * 1024 };

struct ac_grpc_config {
  size_t message_max;
  uint64_t call_time; /* ns, of calls without a deadline */
  size_t arena_cap;   /* of one call */
};

struct ac_grpc {
  struct ac_grpc_config config;
  const struct ac_grpc_method *methods;
  size_t n_methods;
  void *owner;                  /* for the methods */
  void (*settled)(void *owner); /* a turn of a connection is over */
  struct ac_arena_pool *arenas;
  struct ac_runtime runtime;
  struct ac_log log;
  int chatter_level; /* at which peers are logged */
};

/* What the call's stream holds; the |user| pointer is the method's own. */
struct ac_grpc_call {
  struct ac_grpc *grpc;
  struct ac_h2_stream *stream;
  const struct ac_grpc_method *method;
  struct ac_arena *arena;
  bool lent; /* to the method, which frees the arena */
  void *user;
  uint64_t deadline; /* ac_clock time */
  struct ac_pair *metadata;
  size_t n_metadata;
  size_t metadata_room;
  const char *unknown; /* the message for a path that is no method's */
  const char *error;   /* what the request is refused with, if it is */
  int status;          /* and its gRPC status */
  int http;            /* and its HTTP status */
  bool post;
  bool typed;    /* content-type is one of ours */
  bool subtyped; /* "application/grpc+proto" */
  bool timed;    /* grpc-timeout was there */
  bool encoded;  /* grpc-encoding is not identity */
  bool began;    /* bytes of a message came */
  bool refused;  /* |error| is on its way; all else is dropped */
  bool handled;  /* |method| has it */
  unsigned char prefix_len;
  unsigned char prefix[AC_GRPC_PREFIX];
  char *message;
  uint32_t message_len;
  uint32_t message_got;
  uint64_t extra_got; /* bytes behind the message */
  unsigned char extra[AC_GRPC_PREFIX];
  struct ac_h2_field tail;   /* the trailer of a streaming answer */
  struct ac_grpc_feed *feed; /* of a method that the client streams to */
};

/* What h2 needs to serve gRPC: its owner is a struct ac_grpc. */
extern const struct ac_h2_handler ac_grpc_handler;

/* Hands the call's arena over: the caller frees it, not before |closed|. */
struct ac_arena *ac_grpc_take_arena(struct ac_grpc_call *call);

/* Answers with a message: |framed| begins with AC_GRPC_PREFIX bytes of room,
 * filled here, and is borrowed until |closed|. */
void ac_grpc_reply(struct ac_grpc_call *call, anycable_str framed);

/* Answers with a status and a constant message. */
void ac_grpc_fail(struct ac_grpc_call *call, enum ac_grpc_status status,
                  const char *message);

/* A streaming answer: messages as above, each borrowed until the next one was
 * taken; false if the one before is not sent yet. It ends with a status, or is
 * given up. */
void ac_grpc_open(struct ac_grpc_call *call);
void ac_grpc_finish(struct ac_grpc_call *call, enum ac_grpc_status status);
void ac_grpc_abort(struct ac_grpc_call *call);
bool ac_grpc_push(struct ac_grpc_call *call, anycable_str framed);

/* --- pieces, for tests ---------------------------------------------------- */

/* Reads a grpc-timeout; false if it is not one. Overflow is clamped. */
bool ac_grpc_timeout(anycable_str text, uint64_t *ns);

/* Decodes base64 with or without padding, in the standard alphabet, into
 * |out|, which has room for 3/4 of |text|. False if it is not base64. */
bool ac_grpc_base64(anycable_str text, char *out, size_t *len);

/* Percent-encodes a grpc-message into |out|, 1 KiB at most; invalid UTF-8
 * becomes U+FFFD. Returns the length. */
enum { AC_GRPC_MESSAGE_MAX = 1024 };
size_t ac_grpc_percent(anycable_str text, char out[AC_GRPC_MESSAGE_MAX]);

#endif
