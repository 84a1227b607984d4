/* What answers change, in AnyCable's order, its odd parts included. */
#include "node/node.h"

enum { NORMAL = 1000, ABNORMAL = 1006, INTERNAL_ERROR = 1011 };

/* Is there an answer, and neither ERROR nor unknown? Says why not, for |what|.
 */
static bool is_good(const struct ac_exchange *exchange, const char *what) {
  if (!exchange->failure && (exchange->reply.status == AC_WIRE_SUCCESS ||
                             exchange->reply.status == AC_WIRE_FAILURE))
    return true;
  ac_node_fail(
      exchange->node, ANYCABLE_ERR_FAILED, "%s%s%s: %s%s", what,
      exchange->identifier.len > 0 ? " " : "", exchange->identifier.ptr,
      exchange->failure ? "" : "application error: ",
      exchange->failure ? exchange->failure : exchange->reply.error_msg.ptr);
  return false;
}

static void merge(anycable_node *node, struct ac_wire_map *state,
                  const struct ac_wire_map *changes) {
  for (size_t i = 0; i < changes->n; i++) {
    if (!ac_state_put(state, changes->items[i].key, changes->items[i].value))
      ac_node_no_memory(node);
  }
}

static void apply_call(struct ac_exchange *exchange) {
  anycable_client *client = exchange->client;
  const struct ac_wire_reply *reply = &exchange->reply;
  merge(exchange->node, &client->cstate, &reply->cstate);
  for (size_t i = 0; i < reply->transmissions.n; i++)
    ac_client_transmit(client, reply->transmissions.items[i]);
}

void ac_answer_connect(struct ac_exchange *exchange) {
  anycable_client *client = exchange->client;
  if (!is_good(exchange, "failed to authenticate")) {
    ac_client_shut(client, INTERNAL_ERROR, "Auth Error");
    return;
  }
  if (exchange->reply.status == AC_WIRE_SUCCESS) {
    client->identifiers = ac_node_copy(exchange->reply.identifiers);
    if (!client->identifiers.ptr)
      ac_node_no_memory(exchange->node);
    client->phase = AC_CLIENT_CONNECTED;
  }
  apply_call(exchange);
  client->disconnectable = true;
  if (exchange->reply.status != AC_WIRE_SUCCESS)
    ac_client_shut(client, NORMAL, "Auth Failed");
}

/* --- commands ---------------------------------------------------------------
 */

static void apply_streams(const struct ac_wire_reply *reply,
                          struct ac_channel *channel, anycable_node *node) {
  if (reply->stop_streams)
    ac_channel_stop_all(channel);
  for (size_t i = 0; !reply->stop_streams && i < reply->stopped_streams.n; i++)
    ac_channel_stop(channel, reply->stopped_streams.items[i]);
  for (size_t i = 0; i < reply->streams.n; i++) {
    if (!ac_channel_start(channel, reply->streams.items[i]))
      ac_node_no_memory(node);
  }
  if (reply->istate.n == 0)
    return;
  channel->stateful = true;
  merge(node, &channel->state, &reply->istate);
}

static void apply_presence(struct ac_exchange *exchange) {
  const struct ac_wire_presence *presence = &exchange->reply.presence;
  if (anycable_str_is(presence->type, "join"))
    ac_presence_join(exchange->client, exchange->identifier, presence->id,
                     presence->info);
  else if (presence->type.len > 0)
    ac_presence_leave(exchange->client, exchange->identifier);
}

static void apply(struct ac_exchange *exchange) {
  anycable_client *client = exchange->client;
  struct ac_channel *channel = ac_channel_need(client, exchange->identifier);
  if (channel) {
    apply_streams(&exchange->reply, channel, exchange->node);
    ac_channel_tidy(channel);
  }
  apply_call(exchange);
  apply_presence(exchange);
  if (exchange->reply.disconnect)
    ac_client_shut(client, ABNORMAL, "Command Failed");
}

/* A subscription that is refused is not recorded, but all else applies. */
void ac_answer_subscribe(struct ac_exchange *exchange) {
  anycable_client *client = exchange->client;
  bool confirmed = exchange->reply.status == AC_WIRE_SUCCESS;
  if (!is_good(exchange, "subscribe failed for"))
    return;
  if (confirmed) {
    struct ac_channel *channel = ac_channel_need(client, exchange->identifier);
    if (channel)
      channel->confirmed = true;
  }
  apply(exchange);
  client->disconnectable = true; /* after it may have been closed */
  if (confirmed && client->phase == AC_CLIENT_CONNECTED)
    ac_command_confirmed(exchange);
}

/* The state goes before the answer's is merged. */
void ac_answer_unsubscribe(struct ac_exchange *exchange) {
  anycable_client *client = exchange->client;
  anycable_str stream = ac_str_empty();
  if (!is_good(exchange, "failed to unsubscribe from"))
    return;
  struct ac_channel *channel = ac_channel_find(client, exchange->identifier);
  if (channel) {
    stream = ac_node_copy(ac_state_find(&channel->state, ANYCABLE_STR("$p")));
    ac_channel_free(channel);
  }
  exchange->reply.stop_streams = true;
  apply(exchange);
  if (!stream.ptr)
    ac_node_no_memory(exchange->node);
  if (stream.len > 0)
    ac_presence_remove(client, stream);
  ac_node_discard(stream);
}

void ac_answer_message(struct ac_exchange *exchange) {
  if (is_good(exchange, "perform failed for"))
    apply(exchange);
}

void ac_answer_disconnect(struct ac_exchange *exchange) {
  is_good(exchange, "disconnect failed");
}
