/* The encoder of replies: fills protobuf-c's structs, which it lays on the
 * stack and in the arena, and lets its code do the rest.
 *
 * protobuf-c measures strings by their NULs. Those of a reply have one at
 * their end and none inside: rpc has seen to that before.
 *
 * How long the message can be at the most is summed up on the way, which is
 * half the work of having protobuf-c say how long it will be. */
#include "wire/encode.h"

#include <assert.h>

#include "health.pb-c.h"
#include "rpc.pb-c.h"

/* What a string or a message takes besides itself, at the most: its tag, one
 * byte in all of ours, and its length. */
#define HEAD (1 + 5)
/* What all fields take that are neither: less than ten of these. */
#define NUMBERS 64

struct encoder {
  struct ac_arena *arena;
  size_t room; /* for all that has been added */
  bool failed; /* for lack of memory */
};

static void *alloc(struct encoder *e, size_t size) {
  void *p = ac_arena_alloc(e->arena, size);
  if (!p)
    e->failed = true;
  return p;
}

/* protobuf-c does not write to what it encodes, but its structs say char *. */
static inline char *text(struct encoder *e, anycable_str s) {
  e->room += HEAD + s.len;
  if (s.len == 0)
    return (char *)protobuf_c_empty_string;
  assert(s.ptr[s.len] == '\0');
  return (char *)s.ptr;
}

static inline char **strings(struct encoder *e,
                             const struct ac_wire_list *list) {
  if (list->n == 0)
    return NULL;
  char **strings = alloc(e, list->n * sizeof(*strings));
  for (size_t i = 0; strings && i < list->n; i++)
    strings[i] = text(e, list->items[i]);
  return strings;
}

/* The entries of each map have a type of their own, all alike. */
#define DEFINE_ENTRIES(name, type, init)                                       \
  static type **name(struct encoder *e, const struct ac_wire_map *map) {       \
    if (map->n == 0)                                                           \
      return NULL;                                                             \
    type **pointers = alloc(e, map->n * sizeof(*pointers));                    \
    type *entries = alloc(e, map->n * sizeof(*entries));                       \
    for (size_t i = 0; !e->failed && i < map->n; i++) {                        \
      entries[i] = (type)init;                                                 \
      entries[i].key = text(e, map->items[i].key);                             \
      entries[i].value = text(e, map->items[i].value);                         \
      pointers[i] = &entries[i];                                               \
      e->room += HEAD;                                                         \
    }                                                                          \
    return pointers;                                                           \
  }

DEFINE_ENTRIES(cstate_entries, Ac__Pb__EnvResponse__CstateEntry,
               AC__PB__ENV_RESPONSE__CSTATE_ENTRY__INIT)
DEFINE_ENTRIES(istate_entries, Ac__Pb__EnvResponse__IstateEntry,
               AC__PB__ENV_RESPONSE__ISTATE_ENTRY__INIT)

/* Fills |out|; NULL where there is nothing to fill it with. */
static Ac__Pb__EnvResponse *env(struct encoder *e,
                                const struct ac_wire_reply *reply,
                                Ac__Pb__EnvResponse *out) {
  if (reply->cstate.n == 0 && reply->istate.n == 0)
    return NULL;
  *out = (Ac__Pb__EnvResponse)AC__PB__ENV_RESPONSE__INIT;
  out->n_cstate = reply->cstate.n;
  out->cstate = cstate_entries(e, &reply->cstate);
  out->n_istate = reply->istate.n;
  out->istate = istate_entries(e, &reply->istate);
  e->room += HEAD;
  return out;
}

/* Likewise. */
static Ac__Pb__PresenceResponse *presence(struct encoder *e,
                                          const struct ac_wire_presence *from,
                                          Ac__Pb__PresenceResponse *out) {
  if (from->type.len == 0)
    return NULL;
  *out = (Ac__Pb__PresenceResponse)AC__PB__PRESENCE_RESPONSE__INIT;
  out->type = text(e, from->type);
  out->id = text(e, from->id);
  out->info = text(e, from->info);
  e->room += HEAD;
  return out;
}

static bool pack(struct encoder *e, const ProtobufCMessage *message,
                 size_t prefix, anycable_str *out) {
  size_t room = e->room + NUMBERS;
  char *data = e->failed ? NULL : alloc(e, prefix + room);
  if (!data)
    return false;
  size_t len = protobuf_c_message_pack(message, (uint8_t *)data + prefix);
  assert(len <= room);
  ac_arena_trim(e->arena, data, prefix + room, prefix + len);
  *out = ac_str(data, prefix + len);
  return true;
}

static bool encode_connect(struct encoder *e, const struct ac_wire_reply *reply,
                           size_t prefix, anycable_str *out) {
  Ac__Pb__ConnectionResponse message = AC__PB__CONNECTION_RESPONSE__INIT;
  Ac__Pb__EnvResponse env_space;
  message.status = (Ac__Pb__Status)reply->status;
  message.identifiers = text(e, reply->identifiers);
  message.n_transmissions = reply->transmissions.n;
  message.transmissions = strings(e, &reply->transmissions);
  message.error_msg = text(e, reply->error_msg);
  message.env = env(e, reply, &env_space);
  return pack(e, &message.base, prefix, out);
}

static bool encode_command(struct encoder *e, const struct ac_wire_reply *reply,
                           size_t prefix, anycable_str *out) {
  Ac__Pb__CommandResponse message = AC__PB__COMMAND_RESPONSE__INIT;
  Ac__Pb__EnvResponse env_space;
  Ac__Pb__PresenceResponse presence_space;
  message.status = (Ac__Pb__Status)reply->status;
  message.disconnect = reply->disconnect;
  message.stop_streams = reply->stop_streams;
  message.n_streams = reply->streams.n;
  message.streams = strings(e, &reply->streams);
  message.n_transmissions = reply->transmissions.n;
  message.transmissions = strings(e, &reply->transmissions);
  message.error_msg = text(e, reply->error_msg);
  message.env = env(e, reply, &env_space);
  message.n_stopped_streams = reply->stopped_streams.n;
  message.stopped_streams = strings(e, &reply->stopped_streams);
  message.presence = presence(e, &reply->presence, &presence_space);
  return pack(e, &message.base, prefix, out);
}

static bool encode_disconnect(struct encoder *e,
                              const struct ac_wire_reply *reply, size_t prefix,
                              anycable_str *out) {
  Ac__Pb__DisconnectResponse message = AC__PB__DISCONNECT_RESPONSE__INIT;
  message.status = (Ac__Pb__Status)reply->status;
  message.error_msg = text(e, reply->error_msg);
  return pack(e, &message.base, prefix, out);
}

bool ac_wire_encode(int method, const struct ac_wire_reply *reply,
                    size_t prefix, struct ac_arena *arena, anycable_str *out) {
  struct encoder e = {.arena = arena};
  switch (method) {
  case ANYCABLE_CONNECT:
    return encode_connect(&e, reply, prefix, out);
  case ANYCABLE_COMMAND:
    return encode_command(&e, reply, prefix, out);
  default:
    assert(method == ANYCABLE_DISCONNECT);
    return encode_disconnect(&e, reply, prefix, out);
  }
}

bool ac_wire_encode_health(enum ac_wire_health status, size_t prefix,
                           struct ac_arena *arena, anycable_str *out) {
  struct encoder e = {.arena = arena};
  Ac__Pb__Health__HealthCheckResponse message =
      AC__PB__HEALTH__HEALTH_CHECK_RESPONSE__INIT;
  message.status =
      (Ac__Pb__Health__HealthCheckResponse__ServingStatus)(int)status;
  return pack(&e, &message.base, prefix, out);
}
