/* cstate and istate: what came with the call, under what it changes. */
#include "base/json.h"
#include "rpc/call.h"

enum { ENV_HEAD = 6 };

static const struct ac_pair *find(const struct ac_pair *items, size_t n,
                                  anycable_str key) {
  for (size_t i = 0; i < n; i++) {
    if (anycable_str_equal(items[i].key, key))
      return &items[i];
  }
  return NULL;
}

anycable_str ac_state_get(const struct ac_pairs *changes,
                          const struct ac_wire_map *known, anycable_str key) {
  const struct ac_pair *pair = find(changes->items, changes->n, key);
  if (!pair)
    pair = find(known->items, known->n, key);
  return pair ? pair->value : ac_str_empty();
}

static struct ac_pair *add(anycable_socket *call, struct ac_pairs *pairs) {
  struct ac_pair *items = ac_arena_grow(call->arena, pairs->items, pairs->n,
                                        &pairs->room, 4, sizeof(*items));
  if (!items)
    return NULL;
  pairs->items = items;
  return &pairs->items[pairs->n++];
}

/* What a change takes on the wire: an entry of a map, in the message that holds
 * both maps, whose own head the first change pays for. */
static bool charge(anycable_socket *call, anycable_str key,
                   anycable_str value) {
  size_t entry =
      ac_socket_field_size(key.len) + ac_socket_field_size(value.len);
  size_t head = call->cstate.n + call->istate.n == 0 ? ENV_HEAD : 0;
  return ac_socket_charge(call, ac_socket_field_size(entry) + head);
}

/* A change of a change takes its place, and is charged again. */
int ac_state_set(anycable_socket *call, struct ac_pairs *changes,
                 anycable_str key, anycable_str value) {
  anycable_str copy;
  int error = charge(call, key, value) ? ac_socket_text(call, value, &copy)
                                       : ANYCABLE_ERR_LIMIT;
  if (error)
    return ac_socket_failed(call, error);
  struct ac_pair *pair =
      (struct ac_pair *)find(changes->items, changes->n, key);
  if (pair) {
    pair->value = copy;
    return ANYCABLE_OK;
  }
  anycable_str own_key;
  error = ac_socket_text(call, key, &own_key);
  pair = error ? NULL : add(call, changes);
  if (!pair)
    return ac_socket_failed(call, error ? error : ANYCABLE_ERR_NOMEM);
  *pair = (struct ac_pair){own_key, copy};
  return ANYCABLE_OK;
}

static const struct ac_wire_env *env(const anycable_socket *call) {
  return &call->request.message.env;
}

anycable_str anycable_socket_cstate(anycable_socket *socket, const char *key) {
  return ac_state_get(&socket->cstate, &env(socket)->cstate,
                      anycable_str_of(key));
}

int anycable_socket_set_cstate(anycable_socket *socket, const char *key,
                               anycable_str value) {
  if (!socket->open || socket->request.method == ANYCABLE_DISCONNECT)
    return ac_socket_failed(socket, ANYCABLE_ERR_STATE);
  if (!key || !*key)
    return ac_socket_failed(socket, ANYCABLE_ERR_INVALID);
  return ac_state_set(socket, &socket->cstate, anycable_str_of(key), value);
}

anycable_str anycable_socket_istate(anycable_socket *socket, const char *key) {
  if (socket->request.method != ANYCABLE_COMMAND)
    return ac_str_empty();
  return ac_state_get(&socket->istate, &env(socket)->istate,
                      anycable_str_of(key));
}

int anycable_socket_set_istate(anycable_socket *socket, const char *key,
                               anycable_str value) {
  if (!socket->open || socket->request.method != ANYCABLE_COMMAND)
    return ac_socket_failed(socket, ANYCABLE_ERR_STATE);
  if (!key || !*key || *key == '$')
    return ac_socket_failed(socket, ANYCABLE_ERR_INVALID);
  return ac_state_set(socket, &socket->istate, anycable_str_of(key), value);
}

/* In a Disconnect the values of istate are JSON objects, one a subscription,
 * of strings. */
anycable_str anycable_socket_istate_of(anycable_socket *socket,
                                       anycable_str identifier,
                                       const char *key) {
  const struct ac_wire_map *istate = &env(socket)->istate;
  anycable_str value;
  if (socket->request.method == ANYCABLE_COMMAND &&
      anycable_str_equal(identifier, socket->request.message.identifier))
    return anycable_socket_istate(socket, key);
  if (socket->request.method != ANYCABLE_DISCONNECT)
    return ac_str_empty();
  const struct ac_pair *state = find(istate->items, istate->n, identifier);
  if (!state ||
      ac_json_member(state->value, anycable_str_of(key),
                     socket->rpc->config.json_depth, &value) != 1 ||
      ac_json_string(socket->arena, value, true, &value) != ANYCABLE_OK)
    return ac_str_empty();
  return value;
}

anycable_str anycable_socket_session(anycable_socket *socket) {
  return anycable_socket_cstate(socket, "_s_");
}

int anycable_socket_set_session(anycable_socket *socket, anycable_str session) {
  return anycable_socket_set_cstate(socket, "_s_", session);
}
