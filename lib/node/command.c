/* Clients' frames, as AnyCable takes them one by one. */
#include <stdlib.h>

#include "base/json.h"
#include "node/node.h"
#include "node/value.h"

/* Longer frames are not read to their end. */
#define FRAME_MAX 65536
#define TOO_BIG 1009

enum { COMMAND, IDENTIFIER, DATA, HISTORY, PRESENCE, FIELDS };

struct command {
  anycable_client *client;
  struct ac_frame *frame; /* NULL once an exchange has it */
  struct ac_field fields[FIELDS];
  struct ac_text name;
  struct ac_text identifier;
};

static int fail(const struct command *command, const char *what) {
  return ac_node_fail(
      command->client->node, ANYCABLE_ERR_PROTO, "%s %s", what,
      command->identifier.buffer.data ? command->identifier.buffer.data : "");
}

static anycable_str identifier(const struct command *command) {
  return ac_text_str((struct ac_text *)&command->identifier);
}

static bool is_confirmed(const struct command *command) {
  const struct ac_channel *channel =
      ac_channel_find(command->client, identifier(command));
  return channel && channel->confirmed;
}

/* --- commands that are RPCs ----------------------------------------------- */

static int call(struct command *command, const char *name, anycable_str data,
                void (*done)(struct ac_exchange *exchange)) {
  anycable_client *client = command->client;
  const struct ac_channel *channel =
      ac_channel_find(client, identifier(command));
  struct ac_exchange *exchange =
      ac_exchange_new(client->node, client, ANYCABLE_COMMAND, done);
  if (!exchange)
    return ANYCABLE_ERR_NOMEM;
  struct ac_wire_request request = {.env = {.url = client->url,
                                            .headers = client->headers,
                                            .cstate = client->cstate},
                                    .identifiers = client->identifiers,
                                    .command = anycable_str_of(name),
                                    .identifier = identifier(command),
                                    .data = data};
  if (channel)
    request.env.istate = channel->state;
  exchange->identifier =
      ac_arena_copy(ac_exchange_arena(exchange), request.identifier);
  if (!exchange->identifier.ptr) {
    ac_exchange_drop(exchange);
    ac_node_no_memory(client->node);
    return ANYCABLE_ERR_NOMEM;
  }
  exchange->frame = command->frame;
  command->frame = NULL;
  client->exchange = exchange;
  ac_exchange_submit(exchange, client->sid, &request);
  return ANYCABLE_OK;
}

static int subscribe(struct command *command) {
  if (is_confirmed(command))
    return fail(command, "already subscribed to");
  return call(command, "subscribe", ac_str_empty(), ac_answer_subscribe);
}

static int unsubscribe(struct command *command) {
  if (!is_confirmed(command))
    return fail(command, "unknown subscription:");
  return call(command, "unsubscribe", ac_str_empty(), ac_answer_unsubscribe);
}

static int message(struct command *command) {
  anycable_str data = command->fields[DATA].value;
  struct ac_text text = {0};
  if (!is_confirmed(command))
    return fail(command, "unknown subscription");
  if (data.len == 0 || *data.ptr != '"')
    return fail(command, "perform data must be a string, for");
  ac_value_decode(&text, data);
  data = ac_text_str(&text);
  int result = text.failed ? ANYCABLE_ERR_NOMEM
                           : call(command, "message", data, ac_answer_message);
  ac_text_deinit(&text);
  return result;
}

/* --- commands that AnyCable answers ----------------------------------------
 */

static int whisper(struct command *command) {
  anycable_client *client = command->client;
  anycable_str data = command->fields[DATA].value;
  const struct ac_channel *channel =
      ac_channel_find(client, identifier(command));
  struct ac_text text = {0};
  struct ac_message_to to = {.exclude = client->sid, .transient = true};
  if (channel)
    to.stream = ac_state_find(&channel->state, ANYCABLE_STR("$w"));
  if (to.stream.len == 0) {
    fail(command, "whisper stream not found:");
    return ANYCABLE_OK;
  }
  if (data.len > 0)
    ac_value_put(&text, data);
  else
    ac_text_puts(&text, "null");
  to.data = ac_text_str(&text);
  if (text.failed)
    ac_node_no_memory(client->node);
  else
    ac_hub_broadcast(client->node, &to);
  ac_text_deinit(&text);
  return ANYCABLE_OK;
}

static int join_as(anycable_client *client, anycable_str channel,
                   anycable_str presence) {
  struct ac_field fields[] = {{"id", '"', {0}}, {"info", 0, {0}}};
  struct ac_text id = {0};
  int error = ac_value_fields(presence, fields, 2);
  if (fields[0].value.len > 0)
    ac_value_decode(&id, fields[0].value);
  anycable_str decoded = ac_text_str(&id);
  if (!error)
    error = id.failed
                ? ANYCABLE_ERR_NOMEM
                : ac_presence_join(client, channel, decoded, fields[1].value);
  ac_text_deinit(&id);
  return error;
}

static int presence(struct command *command, const char *name) {
  anycable_str data = command->fields[PRESENCE].value;
  if (!is_confirmed(command))
    return fail(command, "unknown subscription");
  if (*name == 'p')
    return ac_presence_info(command->client, identifier(command));
  if (*name == 'l')
    return ac_presence_leave(command->client, identifier(command));
  if (data.len == 0)
    return fail(command, "presence data is missing, for");
  return join_as(command->client, identifier(command), data);
}

/* Does the history of one of the streams matter? */
static bool wants_history(const struct ac_channel *channel, bool since,
                          anycable_str streams) {
  bool wanted = false;
  for (size_t i = 0; i < channel->streams.n && !wanted; i++) {
    anycable_str found;
    wanted = since || (streams.len > 0 &&
                       ac_json_member(streams, channel->streams.items[i],
                                      AC_JSON_MAX_DEPTH, &found) == 1);
  }
  return wanted;
}

/* No history is kept: what is asked for is rejected, as AnyCable does without a
 * broker. */
static int history(struct command *command) {
  struct ac_field fields[] = {{"since", 0, {0}}, {"streams", '{', {0}}};
  int64_t since = 0;
  if (!is_confirmed(command))
    return fail(command, "unknown subscription");
  if (command->fields[HISTORY].value.len > 0 &&
      ac_value_fields(command->fields[HISTORY].value, fields, 2))
    return fail(command, "history request makes no sense, for");
  if (fields[0].value.len > 0)
    ac_json_int64(fields[0].value, &since);
  if (since == 0 && fields[1].value.len == 0)
    return fail(command, "history request is missing, for");
  bool wanted =
      wants_history(ac_channel_find(command->client, identifier(command)),
                    since > 0, fields[1].value);
  struct ac_text text = {0};
  ac_text_add(&text,
              wanted ? "{\"type\":\"reject_history\",\"identifier\":@}"
                     : "{\"type\":\"confirm_history\",\"identifier\":@}",
              identifier(command));
  ac_client_transmit(command->client, ac_text_str(&text));
  ac_text_deinit(&text);
  return wanted ? fail(command, "history not supported, for") : ANYCABLE_OK;
}

/* --- all of them ------------------------------------------------------------
 */

static int run(struct command *command) {
  anycable_str name = ac_text_str(&command->name);
  if (anycable_str_is(name, "subscribe"))
    return subscribe(command);
  if (anycable_str_is(name, "unsubscribe"))
    return unsubscribe(command);
  if (anycable_str_is(name, "message"))
    return message(command);
  if (anycable_str_is(name, "whisper"))
    return whisper(command);
  if (anycable_str_is(name, "presence") || anycable_str_is(name, "join") ||
      anycable_str_is(name, "leave"))
    return presence(command, name.ptr);
  if (anycable_str_is(name, "history"))
    return history(command);
  if (anycable_str_is(name, "ping"))
    ac_client_transmit(command->client, ANYCABLE_STR("{\"type\":\"pong\"}"));
  else if (!anycable_str_is(name, "pong"))
    return ac_node_fail(command->client->node, ANYCABLE_ERR_PROTO,
                        "unknown command: %s", name.ptr);
  return ANYCABLE_OK;
}

static int read_command(struct command *command) {
  static const struct ac_field fields[FIELDS] = {
      [COMMAND] = {"command", '"', {0}},
      [IDENTIFIER] = {"identifier", '"', {0}},
      [DATA] = {"data", 0, {0}},
      [HISTORY] = {"history", '{', {0}},
      [PRESENCE] = {"presence", '{', {0}}};
  const struct ac_frame *frame = command->frame;
  for (size_t i = 0; i < FIELDS; i++)
    command->fields[i] = fields[i];
  int error =
      ac_value_fields(ac_str(frame->text, frame->len), command->fields, FIELDS);
  if (error)
    return error;
  if (command->fields[COMMAND].value.len > 0)
    ac_value_decode(&command->name, command->fields[COMMAND].value);
  if (command->fields[IDENTIFIER].value.len > 0)
    ac_value_decode(&command->identifier, command->fields[IDENTIFIER].value);
  ac_text_str(&command->name);
  ac_text_str(&command->identifier);
  return command->name.failed || command->identifier.failed ? ANYCABLE_ERR_NOMEM
                                                            : ANYCABLE_OK;
}

int ac_command_handle(anycable_client *client, struct ac_frame *frame) {
  struct command command = {.client = client, .frame = frame};
  anycable_node *node = client->node;
  int result = ANYCABLE_OK;
  if (client->deaf) {
    result = ac_node_fail(node, ANYCABLE_ERR_PROTO,
                          "AnyCable has stopped to read from this client, "
                          "after a frame that was none");
  } else if (frame->len > FRAME_MAX) {
    result = ac_node_fail(node, ANYCABLE_ERR_PROTO, "the frame is too large");
    ac_client_shut(client, TOO_BIG, "");
  } else if (!anycable_str_is(ac_str(frame->text, frame->len), "null")) {
    result = read_command(&command);
    if (!result)
      result = run(&command);
    else if (result != ANYCABLE_ERR_NOMEM) {
      client->deaf = true;
      result = ac_node_fail(node, ANYCABLE_ERR_PROTO, "this is no frame: %s",
                            frame->text);
    }
  }
  if (result == ANYCABLE_ERR_NOMEM)
    ac_node_no_memory(node);
  ac_text_deinit(&command.name);
  ac_text_deinit(&command.identifier);
  free((void *)command.frame);
  return result;
}

void ac_command_confirmed(struct ac_exchange *exchange) {
  struct command command = {.client = exchange->client,
                            .frame = exchange->frame};
  if (read_command(&command) == ANYCABLE_OK) {
    if (command.fields[HISTORY].value.len > 0)
      history(&command); /* {} is none: no frame */
    if (command.fields[PRESENCE].value.len > 0)
      presence(&command, "join");
  } else {
    ac_node_no_memory(command.client->node);
  }
  ac_text_deinit(&command.name);
  ac_text_deinit(&command.identifier);
}
