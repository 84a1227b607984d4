/* Requests are written by hand, as protobuf-c cannot write a NUL inside a
 * string, which clients can send; the same code measures and writes. Replies
 * are read by protobuf-c, which has not written them alone. */
#include "wire/client.h"

#include <string.h>

#include "base/utf8.h"
#include "rpc.pb-c.h"
#include "wire/reader.h"

/* --- requests ------------------------------------------------------------- */

/* Where |out| is NULL, bytes are only counted. */
struct writer {
  char *out;
  size_t len;
};

static void put_varint(struct writer *w, size_t n) {
  do {
    if (w->out)
      w->out[w->len] = (char)(n > 127 ? (n & 127) | 128 : n);
    w->len++;
    n >>= 7;
  } while (n > 0);
}

static void put_head(struct writer *w, unsigned number, size_t len) {
  put_varint(w, AC_WIRE_LEN_TAG(number));
  put_varint(w, len);
}

static void put_text(struct writer *w, unsigned number, anycable_str text) {
  if (text.len == 0)
    return;
  put_head(w, number, text.len);
  if (w->out)
    memcpy(w->out + w->len, text.ptr, text.len);
  w->len += text.len;
}

static void put_map(struct writer *w, unsigned number,
                    const struct ac_wire_map *map) {
  for (size_t i = 0; i < map->n; i++) {
    struct writer entry = {NULL, 0};
    put_text(&entry, 1, map->items[i].key);
    put_text(&entry, 2, map->items[i].value);
    put_head(w, number, entry.len);
    put_text(w, 1, map->items[i].key);
    put_text(w, 2, map->items[i].value);
  }
}

static void put_env_fields(struct writer *w, const struct ac_wire_env *env) {
  put_text(w, 1, env->url);
  put_map(w, 2, &env->headers);
  put_map(w, 3, &env->cstate);
  put_map(w, 4, &env->istate);
}

static void put_env(struct writer *w, unsigned number,
                    const struct ac_wire_env *env) {
  struct writer fields = {NULL, 0};
  put_env_fields(&fields, env);
  put_head(w, number, fields.len);
  put_env_fields(w, env);
}

static void put_request(struct writer *w, int method,
                        const struct ac_wire_request *request) {
  if (method == ANYCABLE_CONNECT) {
    put_env(w, 3, &request->env);
    return;
  }
  if (method == ANYCABLE_COMMAND) {
    put_text(w, 1, request->command);
    put_text(w, 2, request->identifier);
    put_text(w, 3, request->identifiers);
    put_text(w, 4, request->data);
  } else {
    put_text(w, 1, request->identifiers);
    for (size_t i = 0; i < request->subscriptions.n; i++) {
      anycable_str one = request->subscriptions.items[i];
      if (one.len == 0)
        put_head(w, 2, 0);
      put_text(w, 2, one);
    }
  }
  put_env(w, 5, &request->env);
}

char *ac_wire_encode_request(int method, const struct ac_wire_request *request,
                             struct ac_arena *arena, size_t *len) {
  struct writer w = {NULL, 0};
  put_request(&w, method, request);
  w.out = ac_arena_alloc(arena, w.len + 1);
  w.len = 0;
  if (w.out)
    put_request(&w, method, request);
  *len = w.len;
  return w.out;
}

/* --- replies -------------------------------------------------------------- */

static void *alloc(void *arena, size_t size) {
  return ac_arena_alloc(arena, size);
}

static void dealloc(void *arena, void *p) {
  (void)arena;
  (void)p;
}

struct reader {
  struct ac_arena *arena;
  int error;
};

static anycable_str text(struct reader *r, const char *from) {
  anycable_str s = anycable_str_of(from);
  if (!ac_utf8_valid(s))
    r->error = ANYCABLE_ERR_ENCODING;
  return s;
}

static void *items(struct reader *r, size_t n, size_t each) {
  void *p = ac_arena_alloc(r->arena, n * each);
  if (!p)
    r->error = ANYCABLE_ERR_NOMEM;
  return p;
}

static struct ac_wire_list list(struct reader *r, size_t n, char **from) {
  struct ac_wire_list list = {items(r, n, sizeof(anycable_str)), 0};
  for (; list.items && list.n < n; list.n++)
    list.items[list.n] = text(r, from[list.n]);
  return list;
}

/* Both maps' entries are laid out alike; they are read as those of cstate. */
static struct ac_wire_map map(struct reader *r, size_t n,
                              Ac__Pb__EnvResponse__CstateEntry **from) {
  struct ac_wire_map map = {items(r, n, sizeof(struct ac_pair)), 0};
  for (; map.items && map.n < n; map.n++)
    map.items[map.n] = (struct ac_pair){text(r, from[map.n]->key),
                                        text(r, from[map.n]->value)};
  return map;
}

static void read_env(struct reader *r, const Ac__Pb__EnvResponse *env,
                     struct ac_wire_reply *reply) {
  if (!env)
    return;
  reply->cstate = map(r, env->n_cstate, env->cstate);
  reply->istate = map(r, env->n_istate,
                      (Ac__Pb__EnvResponse__CstateEntry **)(void *)env->istate);
}

static bool read_connect(struct reader *r, ProtobufCAllocator *allocator,
                         anycable_str bytes, struct ac_wire_reply *reply) {
  const Ac__Pb__ConnectionResponse *from = ac__pb__connection_response__unpack(
      allocator, bytes.len, (const uint8_t *)bytes.ptr);
  if (!from)
    return false;
  reply->status = (enum ac_wire_status)from->status;
  reply->identifiers = text(r, from->identifiers);
  reply->transmissions = list(r, from->n_transmissions, from->transmissions);
  reply->error_msg = text(r, from->error_msg);
  read_env(r, from->env, reply);
  return true;
}

static bool read_command(struct reader *r, ProtobufCAllocator *allocator,
                         anycable_str bytes, struct ac_wire_reply *reply) {
  const Ac__Pb__CommandResponse *from = ac__pb__command_response__unpack(
      allocator, bytes.len, (const uint8_t *)bytes.ptr);
  if (!from)
    return false;
  reply->status = (enum ac_wire_status)from->status;
  reply->disconnect = from->disconnect;
  reply->stop_streams = from->stop_streams;
  reply->streams = list(r, from->n_streams, from->streams);
  reply->stopped_streams =
      list(r, from->n_stopped_streams, from->stopped_streams);
  reply->transmissions = list(r, from->n_transmissions, from->transmissions);
  reply->error_msg = text(r, from->error_msg);
  read_env(r, from->env, reply);
  if (from->presence)
    reply->presence = (struct ac_wire_presence){text(r, from->presence->type),
                                                text(r, from->presence->id),
                                                text(r, from->presence->info)};
  return true;
}

static bool read_disconnect(struct reader *r, ProtobufCAllocator *allocator,
                            anycable_str bytes, struct ac_wire_reply *reply) {
  const Ac__Pb__DisconnectResponse *from = ac__pb__disconnect_response__unpack(
      allocator, bytes.len, (const uint8_t *)bytes.ptr);
  if (!from)
    return false;
  reply->status = (enum ac_wire_status)from->status;
  reply->error_msg = text(r, from->error_msg);
  return true;
}

int ac_wire_decode_reply(int method, anycable_str bytes, struct ac_arena *arena,
                         struct ac_wire_reply *reply) {
  ProtobufCAllocator allocator = {alloc, dealloc, arena};
  struct reader r = {arena, ANYCABLE_OK};
  memset(reply, 0, sizeof(*reply));
  bool read = method == ANYCABLE_CONNECT
                  ? read_connect(&r, &allocator, bytes, reply)
              : method == ANYCABLE_COMMAND
                  ? read_command(&r, &allocator, bytes, reply)
                  : read_disconnect(&r, &allocator, bytes, reply);
  return read ? r.error : ANYCABLE_ERR_PROTO;
}
