/* One RPC, by all that lies below gRPC: the request is encoded and decoded
 * again, and so is the reply. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/utf8.h"
#include "node/node.h"
#include "wire/client.h"
#include "wire/encode.h"

/* What AnyCable gives a call, and the longest reply that grpc-go takes. */
#define DEADLINE (3000 * AC_MS)
#define REPLY_MAX ((size_t)4 << 20)

struct ac_exchange *
ac_exchange_new(anycable_node *node, anycable_client *client, int method,
                void (*done)(struct ac_exchange *exchange)) {
  struct ac_exchange *exchange = calloc(1, sizeof(*exchange));
  struct ac_arena *arena =
      exchange ? ac_arena_new(node->arenas, node->call_memory) : NULL;
  if (arena)
    exchange->call = ac_rpc_call_new(node->rpc, arena, method);
  if (!arena || !exchange->call) {
    free(exchange);
    ac_node_no_memory(node);
    return NULL;
  }
  exchange->node = node;
  exchange->client = client;
  exchange->method = method;
  exchange->done = done;
  exchange->identifier = ac_str_empty();
  ac_list_init(&exchange->link);
  return exchange;
}

struct ac_arena *ac_exchange_arena(struct ac_exchange *exchange) {
  return ac_rpc_call_arena(exchange->call);
}

static void release(struct ac_exchange *exchange) {
  free((void *)exchange->frame);
  ac_text_deinit(&exchange->line);
  free(exchange);
}

void ac_exchange_drop(struct ac_exchange *exchange) {
  ac_list_remove(&exchange->link);
  ac_rpc_release(exchange->call);
  release(exchange);
}

/* --- the call ------------------------------------------------------------- */

static anycable_str encode(int method, const struct ac_wire_reply *reply,
                           struct ac_arena *arena) {
  anycable_str encoded;
  return ac_wire_encode(method, reply, 0, arena, &encoded) ? encoded
                                                           : ac_str(NULL, 0);
}

static void answer(struct ac_exchange *exchange) {
  ac_list_remove(&exchange->link);
  ac_list_append(&exchange->node->answered, &exchange->link);
  exchange->settled = true;
}

static void answered(anycable_socket *call, enum ac_rpc_result result,
                     void *origin) {
  struct ac_exchange *exchange = origin;
  (void)call;
  exchange->result = result;
  answer(exchange);
}

static const struct ac_rpc_transport transport = {encode, answered};

/* What comes with every call, in its arena: a deferred call may outlive all
 * else. */
static bool set_metadata(struct ac_exchange *exchange, anycable_str sid) {
  struct ac_arena *arena = ac_exchange_arena(exchange);
  struct ac_pair *pairs = ac_arena_alloc(arena, 2 * sizeof(*pairs));
  anycable_str copy = ac_arena_copy(arena, sid);
  if (!pairs || !copy.ptr)
    return false;
  pairs[0] = (struct ac_pair){ANYCABLE_STR_INIT("sid"), copy};
  pairs[1] =
      (struct ac_pair){ANYCABLE_STR_INIT("protov"), ANYCABLE_STR_INIT("v1")};
  ac_rpc_call_metadata(exchange->call, pairs, 2);
  return true;
}

/* NULL, or why the backend would not have taken it. */
static const char *decode_request(struct ac_exchange *exchange,
                                  const struct ac_wire_request *request) {
  const anycable_node *node = exchange->node;
  struct ac_arena *arena = ac_exchange_arena(exchange);
  const char *reason = NULL;
  size_t len;
  char *bytes = ac_wire_encode_request(exchange->method, request, arena, &len);
  if (!bytes)
    return "out of memory";
  if (len > node->message_max)
    return "the request is too large";
  return ac_wire_decode(exchange->method, bytes, len, &node->limits, arena,
                        ac_rpc_call_message(exchange->call), &reason)
             ? reason
             : NULL;
}

void ac_exchange_submit(struct ac_exchange *exchange, anycable_str sid,
                        const struct ac_wire_request *request) {
  anycable_node *node = exchange->node;
  ac_list_append(&node->pending, &exchange->link);
  if (node->on_rpc || !exchange->client)
    ac_recording_begin(exchange, sid, request);
  exchange->failure = set_metadata(exchange, sid)
                          ? decode_request(exchange, request)
                          : "out of memory";
  if (exchange->failure) {
    answer(exchange);
    return;
  }
  ac_rpc_submit(exchange->call, atomic_load(&node->loop.now) + DEADLINE,
                &transport, exchange);
}

/* --- the reply ------------------------------------------------------------ */

/* As grpc-go reads it. NULL, or why it does not. */
static const char *decode_reply(struct ac_exchange *exchange,
                                struct ac_arena *arena) {
  if (exchange->result == AC_RPC_EXPIRED)
    return "deadline exceeded";
  if (exchange->result == AC_RPC_REFUSED)
    return "too many calls wait";
  anycable_str bytes = ac_rpc_call_encoded(exchange->call);
  if (!bytes.ptr || !arena)
    return "out of memory for the reply";
  if (bytes.len > REPLY_MAX)
    return "the reply is larger than AnyCable takes";
  switch (
      ac_wire_decode_reply(exchange->method, bytes, arena, &exchange->reply)) {
  case ANYCABLE_OK:
    return NULL;
  case ANYCABLE_ERR_ENCODING:
    return "the reply is not valid UTF-8";
  case ANYCABLE_ERR_NOMEM:
    return "out of memory for the reply";
  default:
    return "the reply cannot be decoded";
  }
}

void ac_exchange_read(struct ac_exchange *exchange, struct ac_arena *arena) {
  if (!exchange->failure)
    exchange->failure = decode_reply(exchange, arena);
  if (exchange->line.buffer.data)
    ac_recording_end(exchange);
}

void ac_exchange_finish(struct ac_exchange *exchange) {
  anycable_node *node = exchange->node;
  anycable_client *client = exchange->client;
  struct ac_arena *arena = ac_arena_new(node->arenas, node->call_memory);
  ac_exchange_read(exchange, arena);
  if (client && client->exchange == exchange)
    client->exchange = NULL;
  exchange->done(exchange);
  ac_arena_free(arena);
  ac_rpc_release(exchange->call);
  release(exchange);
  while (client && !client->exchange && client->phase == AC_CLIENT_CONNECTED) {
    struct ac_list *link = ac_list_shift(&client->waiting);
    if (!link)
      return;
    ac_command_handle(client, ac_container_of(link, struct ac_frame, link));
  }
}
