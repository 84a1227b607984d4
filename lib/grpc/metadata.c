/* A request's header fields: what gRPC itself reads, and what is metadata. */
#include "grpc/metadata.h"

#include <string.h>

#include "base/clock.h"
#include "base/utf8.h"

#define IS(s, literal)                                                         \
  ((s).len == sizeof(literal) - 1 &&                                           \
   memcmp((s).ptr, literal, sizeof(literal) - 1) == 0)
#define BEGINS(s, literal)                                                     \
  ((s).len >= sizeof(literal) - 1 &&                                           \
   memcmp((s).ptr, literal, sizeof(literal) - 1) == 0)

void ac_grpc_refuse(struct ac_grpc_call *call, int status, const char *error) {
  if (call->error)
    return; /* the first reason counts */
  call->error = error;
  call->status = status;
}

static void refuse_http(struct ac_grpc_call *call, int http, int status,
                        const char *error) {
  if (!call->error)
    call->http = http;
  ac_grpc_refuse(call, status, error);
}

/* --- metadata ------------------------------------------------------------ */

static bool add(struct ac_grpc_call *call, anycable_str name,
                anycable_str value) {
  struct ac_pair *items =
      ac_arena_grow(call->arena, call->metadata, call->n_metadata,
                    &call->metadata_room, 6, sizeof(*items));
  if (!items)
    return false;
  call->metadata = items;
  call->metadata[call->n_metadata++] = (struct ac_pair){name, value};
  return name.ptr && value.ptr;
}

/* The names that every call brings need no copy. */
static anycable_str name_of(struct ac_grpc_call *call, anycable_str name) {
  if (IS(name, "sid"))
    return ac_str("sid", 3);
  if (IS(name, "protov"))
    return ac_str("protov", 6);
  if (IS(name, "user-agent"))
    return ac_str("user-agent", 10);
  return ac_arena_copy(call->arena, name);
}

/* A "-bin" value: base64, several of them joined by commas. */
static bool add_binary(struct ac_grpc_call *call, anycable_str name,
                       anycable_str value) {
  anycable_str copy = ac_arena_copy(call->arena, name);
  size_t from = 0;
  while (from <= value.len) {
    const char *comma = memchr(value.ptr + from, ',', value.len - from);
    size_t to = comma ? (size_t)(comma - value.ptr) : value.len;
    anycable_str part = ac_str(value.ptr + from, to - from);
    while (part.len > 0 && part.ptr[0] == ' ')
      part.ptr++, part.len--;
    char *out = ac_arena_alloc(call->arena, part.len + 1);
    size_t len = 0;
    if (!out)
      return false;
    if (!ac_grpc_base64(part, out, &len)) {
      ac_grpc_refuse(call, AC_GRPC_INTERNAL, "malformed base64 in metadata");
      return true;
    }
    out[len] = '\0';
    if (!add(call, copy, ac_str(out, len)))
      return false;
    from = to + 1;
  }
  return true;
}

/* HTTP lets bytes pass that are no UTF-8; applications are promised text. */
static bool add_text(struct ac_grpc_call *call, anycable_str name,
                     anycable_str value) {
  anycable_str copy = ac_arena_copy(call->arena, value);
  if (copy.ptr && !ac_utf8_valid(copy))
    ac_utf8_scrub((char *)(uintptr_t)copy.ptr, copy.len);
  return add(call, name_of(call, name), copy);
}

static bool metadata(struct ac_grpc_call *call, anycable_str name,
                     anycable_str value) {
  if (name.len > 4 && memcmp(name.ptr + name.len - 4, "-bin", 4) == 0)
    return add_binary(call, name, value);
  return add_text(call, name, value);
}

/* --- fields -------------------------------------------------------------- */

static void content_type(struct ac_grpc_call *call, anycable_str value) {
  if (!BEGINS(value, "application/grpc"))
    return;
  anycable_str rest = ac_str(value.ptr + 16, value.len - 16);
  call->subtyped = BEGINS(rest, "+proto");
  if (call->subtyped)
    rest = ac_str(rest.ptr + 6, rest.len - 6);
  call->typed = rest.len == 0 || rest.ptr[0] == ';';
}

static void timeout(struct ac_grpc_call *call, anycable_str value) {
  uint64_t ns = 0;
  if (call->timed || !ac_grpc_timeout(value, &ns)) {
    refuse_http(call, 400, AC_GRPC_INTERNAL, "malformed grpc-timeout");
    return;
  }
  call->timed = true;
  call->deadline = call->grpc->runtime.now(call->grpc->runtime.loop) + ns;
}

/* The path goes into the status message, as much of it as fits. */
static bool unknown_method(struct ac_grpc_call *call, anycable_str path) {
  char text[15 + AC_GRPC_MESSAGE_MAX] = "unknown method ";
  char encoded[AC_GRPC_MESSAGE_MAX];
  size_t len = path.len < AC_GRPC_MESSAGE_MAX ? path.len : AC_GRPC_MESSAGE_MAX;
  memcpy(text + 15, path.ptr, len);
  len = ac_grpc_percent(ac_str(text, 15 + len), encoded);
  call->unknown = ac_arena_copy(call->arena, ac_str(encoded, len)).ptr;
  return call->unknown != NULL;
}

static bool path(struct ac_grpc_call *call, anycable_str value) {
  const struct ac_grpc *grpc = call->grpc;
  for (size_t i = 0; i < grpc->n_methods; i++) {
    if (anycable_str_is(value, grpc->methods[i].path)) {
      call->method = &grpc->methods[i];
      return true;
    }
  }
  return unknown_method(call, value);
}

bool ac_grpc_header(void *data, anycable_str name, anycable_str value) {
  struct ac_grpc_call *call = data;
  switch (name.ptr[0]) {
  case ':':
    if (IS(name, ":path"))
      return path(call, value);
    if (IS(name, ":method"))
      call->post = IS(value, "POST");
    return true;
  case 'c':
    if (IS(name, "content-type")) {
      content_type(call, value);
      return true;
    }
    if (IS(name, "content-length"))
      return true;
    break;
  case 'g':
    if (IS(name, "grpc-timeout")) {
      timeout(call, value);
      return true;
    }
    if (IS(name, "grpc-encoding")) {
      call->encoded = !IS(value, "identity");
      return true;
    }
    if (BEGINS(name, "grpc-"))
      return true;
    break;
  case 'h':
    if (IS(name, "host"))
      return true;
    break;
  case 't':
    if (IS(name, "te"))
      return true;
    break;
  default:
    break;
  }
  return metadata(call, name, value);
}

/* The order is from what is least a gRPC call to what is nearly one. */
void ac_grpc_headers_end(void *data, enum ac_h2_verdict verdict) {
  struct ac_grpc_call *call = data;
  if (verdict == AC_H2_TOO_LARGE || !call->post || !call->typed)
    call->error = NULL; /* it matters more than what was found before */
  if (verdict == AC_H2_TOO_LARGE) {
    refuse_http(call, 431, AC_GRPC_RESOURCE_EXHAUSTED, "headers too large");
  } else if (!call->post) {
    refuse_http(call, 405, AC_GRPC_INTERNAL, "the method must be POST");
  } else if (!call->typed) {
    refuse_http(call, 415, 0, "the content-type must be application/grpc");
  } else if (!call->method) {
    ac_grpc_refuse(call, AC_GRPC_UNIMPLEMENTED,
                   call->unknown ? call->unknown : "unknown method");
  }
  if (!ac_arena_charge(call->arena, call->arena->used))
    ac_grpc_refuse(call, AC_GRPC_RESOURCE_EXHAUSTED, "out of memory");
  uint64_t now = call->grpc->runtime.now(call->grpc->runtime.loop);
  if (!call->timed)
    call->deadline = now + call->grpc->config.call_time;
  else if (call->deadline <= now)
    ac_grpc_refuse(call, AC_GRPC_DEADLINE_EXCEEDED, "deadline exceeded");
  if (call->error) {
    call->refused = true;
    ac_h2_stream_schedule(call->stream);
  }
}
