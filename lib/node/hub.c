/* Publications, and the clients that get them. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "node/node.h"
#include "node/value.h"

#define EPOCH "node"
enum { NORMAL = 1000 };

/* --- messages ---------------------------------------------------------------
 */

/* The next position of the stream, where it is kept. */
static const char *next_offset(anycable_node *node,
                               const struct ac_message_to *message,
                               char out[24]) {
  out[0] = '\0';
  if (!node->broker || message->transient)
    return out;
  anycable_str last = ac_state_find(&node->positions, message->stream);
  snprintf(out, 24, "%" PRIu64, (uint64_t)strtoull(last.ptr, NULL, 10) + 1);
  if (!ac_state_put(&node->positions, message->stream, anycable_str_of(out)))
    ac_node_no_memory(node);
  return out;
}

/* The data as AnyCable encodes it anew; what is no JSON, or null, is a string.
 */
static void put_data(struct ac_text *text, anycable_str data) {
  if (ac_value_put(text, data) == ANYCABLE_OK &&
      !anycable_str_is(ac_text_str(text), "null"))
    return;
  ac_text_deinit(text);
  ac_text_quote(text, data);
}

static void send(anycable_client *client, const struct ac_channel *channel,
                 const struct ac_message_to *message, anycable_str data,
                 const char *offset) {
  struct ac_text text = {0};
  ac_text_puts(&text, "{");
  if (message->type.len > 0)
    ac_text_add(&text, "\"type\":@,", message->type);
  if (channel->identifier.len > 0)
    ac_text_add(&text, "\"identifier\":@,", channel->identifier);
  ac_text_add(&text, "\"message\":$", data);
  if (*offset)
    ac_text_add(&text, ",\"stream_id\":@,\"epoch\":\"" EPOCH "\",\"offset\":$",
                message->stream, anycable_str_of(offset));
  ac_text_puts(&text, "}");
  ac_client_transmit(client, ac_text_str(&text));
  if (text.failed)
    ac_node_no_memory(client->node);
  ac_text_deinit(&text);
}

static bool streams(const struct ac_channel *channel, anycable_str stream) {
  for (size_t i = 0; i < channel->streams.n; i++) {
    if (anycable_str_equal(channel->streams.items[i], stream))
      return true;
  }
  return false;
}

void ac_hub_broadcast(anycable_node *node,
                      const struct ac_message_to *message) {
  struct ac_text data = {0};
  char number[24];
  const char *offset = next_offset(node, message, number);
  put_data(&data, message->data);
  anycable_str json = ac_text_str(&data);
  if (data.failed)
    ac_node_no_memory(node);
  for (struct ac_list *l = node->clients.next;
       !data.failed && l != &node->clients; l = l->next) {
    anycable_client *client = ac_container_of(l, anycable_client, link);
    if (client->phase != AC_CLIENT_CONNECTED ||
        (message->exclude.len > 0 &&
         anycable_str_equal(client->sid, message->exclude)))
      continue;
    for (struct ac_list *c = client->channels.next; c != &client->channels;
         c = c->next) {
      const struct ac_channel *channel =
          ac_container_of(c, struct ac_channel, link);
      if (streams(channel, message->stream))
        send(client, channel, message, json, offset);
    }
  }
  ac_text_deinit(&data);
}

/* --- publications -----------------------------------------------------------
 */

/* A message with what it is decoded to. */
struct publication {
  struct ac_message_to message;
  struct ac_text texts[4];
};

static anycable_str decode(struct ac_text *text, anycable_str value) {
  if (value.len > 0)
    ac_value_decode(text, value);
  return ac_text_str(text);
}

/* ANYCABLE_OK if |json| is of a message's form. */
static int read_message(struct publication *out, anycable_str json) {
  struct ac_field fields[] = {
      {"stream", '"', {0}}, {"data", '"', {0}}, {"meta", '{', {0}}};
  struct ac_field meta[] = {{"exclude_socket", '"', {0}},
                            {"broadcast_type", '"', {0}},
                            {"transient", 't', {0}}};
  int error = ac_value_fields(json, fields, 3);
  if (!error)
    error = ac_value_fields(fields[2].value.len > 0 ? fields[2].value
                                                    : ANYCABLE_STR("{}"),
                            meta, 3);
  if (error)
    return error;
  out->message =
      (struct ac_message_to){.stream = decode(&out->texts[0], fields[0].value),
                             .data = decode(&out->texts[1], fields[1].value),
                             .exclude = decode(&out->texts[2], meta[0].value),
                             .type = decode(&out->texts[3], meta[1].value),
                             .transient = *meta[2].value.ptr == 't'};
  for (size_t i = 0; i < 4; i++)
    error = out->texts[i].failed ? ANYCABLE_ERR_NOMEM : error;
  return error;
}

static void free_message(struct publication *publication) {
  for (size_t i = 0; i < 4; i++)
    ac_text_deinit(&publication->texts[i]);
}

/* 1 if it was one, 0 if not, or ANYCABLE_ERR_NOMEM. */
static int publish_one(anycable_node *node, anycable_str json, bool send_it,
                       bool need_stream) {
  struct publication publication = {0};
  int result = read_message(&publication, json);
  if (!result) {
    result = publication.message.stream.len > 0 || !need_stream;
    if (result && send_it)
      ac_hub_broadcast(node, &publication.message);
  } else if (result != ANYCABLE_ERR_NOMEM)
    result = 0;
  free_message(&publication);
  return result;
}

/* Likewise. Only the first one's stream is looked at, but all must be of the
 * right form before any goes out. */
static int publish_batch(anycable_node *node, anycable_str array) {
  int result = 0;
  for (int pass = 0; pass < 2; pass++) {
    const char *at = NULL;
    anycable_str element;
    bool first = true;
    while (ac_value_next(array, &at, &element)) {
      result = publish_one(node, element, pass == 1, first);
      if (result != 1)
        return result;
      first = false;
    }
  }
  return result;
}

static void disconnect(anycable_node *node, anycable_str identifiers,
                       bool reconnect) {
  for (struct ac_list *l = node->clients.next; l != &node->clients;
       l = l->next) {
    anycable_client *client = ac_container_of(l, anycable_client, link);
    if (client->phase != AC_CLIENT_CONNECTED ||
        !anycable_str_equal(client->identifiers, identifiers))
      continue;
    ac_client_transmit(
        client,
        reconnect
            ? ANYCABLE_STR("{\"type\":\"disconnect\",\"reason\":\"remote\","
                           "\"reconnect\":true}")
            : ANYCABLE_STR("{\"type\":\"disconnect\",\"reason\":\"remote\","
                           "\"reconnect\":false}"));
    ac_client_shut(client, NORMAL, "Closed remotely");
  }
}

/* Likewise. All clients go: that 1.6.16 disconnects just one of several is a
 * bug of that version. */
static int run_command(anycable_node *node, anycable_str json) {
  struct ac_field fields[] = {{"command", '"', {0}}, {"payload", 0, {0}}};
  struct ac_field payload[] = {{"identifier", '"', {0}},
                               {"reconnect", 't', {0}}};
  struct ac_text identifiers = {0};
  int error = ac_value_fields(json, fields, 2);
  if (!error && fields[0].value.len <= 2)
    error = ANYCABLE_ERR_PROTO;
  if (error)
    return error == ANYCABLE_ERR_NOMEM ? error : 0;
  if (!ac_json_string_is(fields[0].value, ANYCABLE_STR("disconnect")))
    return 1; /* AnyCable does not mind */
  error = ac_value_fields(fields[1].value, payload, 2);
  if (error)
    return error == ANYCABLE_ERR_NOMEM ? error : 0;
  anycable_str decoded = decode(&identifiers, payload[0].value);
  if (!identifiers.failed)
    disconnect(node, decoded, *payload[1].value.ptr == 't');
  error = identifiers.failed ? ANYCABLE_ERR_NOMEM : 1;
  ac_text_deinit(&identifiers);
  return error;
}

int ac_hub_publish(anycable_node *node, anycable_str publication) {
  int result = 0;
  if (ac_json_check(publication, AC_JSON_MAX_DEPTH) == ANYCABLE_OK) {
    publication = ac_value_trim(publication);
    if (*publication.ptr == '[')
      result = publish_batch(node, publication);
    else if (*publication.ptr == '{')
      result = publish_one(node, publication, true, true);
    if (result == 0 && *publication.ptr == '{')
      result = run_command(node, publication);
  }
  if (result == 1)
    return ANYCABLE_OK;
  if (result == ANYCABLE_ERR_NOMEM) {
    ac_node_no_memory(node);
    return result;
  }
  return ac_node_fail(
      node, ANYCABLE_ERR_PROTO, "invalid publication format: %.*s",
      (int)(publication.len < 1000 ? publication.len : 1000), publication.ptr);
}
