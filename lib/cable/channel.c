/* One subscription during one call: what ran before, the callback, what runs
 * after. */
#include "cable/cable.h"

int ac_cable_channel_open(anycable_channel *channel,
                          anycable_connection *connection,
                          anycable_str identifier) {
  channel->connection = connection;
  channel->identifier = identifier;
  int error =
      anycable_json_read(&channel->params, connection->socket, identifier);
  if (error)
    return error;
  const anycable_json *name = anycable_json_get(channel->params, "channel");
  if (anycable_json_type(name, NULL) != ANYCABLE_JSON_STRING)
    return ANYCABLE_ERR_PROTO;
  channel->name = anycable_json_string(name, NULL);
  if (channel->name.len > 0)
    channel->channel_class = ac_cable_class(connection->cable, channel->name);
  return channel->channel_class ? ANYCABLE_OK : ANYCABLE_ERR_INVALID;
}

/* ANYCABLE_DONE to go on. */
static int ask_before(anycable_channel *channel) {
  const anycable_channel_class *of = channel->channel_class;
  for (size_t i = 0; i < of->n_hooks; i++) {
    if (!of->hooks[i].before)
      continue;
    int outcome = of->hooks[i].before(channel, of->hooks[i].ctx);
    if (outcome == ANYCABLE_PENDING)
      return anycable_channel_fail(channel, "a hook cannot answer later");
    if (outcome != ANYCABLE_DONE)
      return outcome;
  }
  return ANYCABLE_DONE;
}

int ac_cable_channel_run(anycable_channel *channel, const char *action,
                         ac_cable_channel_fn *fn, void *ctx) {
  channel->action = anycable_str_of(action);
  int outcome = ask_before(channel);
  if (outcome != ANYCABLE_DONE || !fn)
    return outcome;
  return fn(channel, ctx);
}

void ac_cable_channel_ran(anycable_channel *channel, int outcome) {
  const anycable_channel_class *of = channel->channel_class;
  if (!channel->action.ptr)
    return; /* nothing did: there was no such action */
  for (size_t i = of->n_hooks; i > 0; i--) {
    if (of->hooks[i - 1].after)
      of->hooks[i - 1].after(channel, outcome, of->hooks[i - 1].ctx);
  }
}

/* --- actions -------------------------------------------------------------- */

/* What the data asks for: empty for none, which "receive" takes. */
static int find_action(anycable_channel *channel, anycable_str data,
                       anycable_str *action) {
  *action = anycable_str_of("");
  size_t at = 0;
  while (at < data.len && (data.ptr[at] == ' ' || data.ptr[at] == '\t' ||
                           data.ptr[at] == '\n' || data.ptr[at] == '\r'))
    at++;
  if (at == data.len || data.ptr[at] != '{')
    return ANYCABLE_OK; /* not an object: any text */
  anycable_socket *socket = channel->connection->socket;
  int error = anycable_json_read(&channel->data, socket, data);
  if (error == ANYCABLE_ERR_NOMEM)
    return error;
  if (error)
    return anycable_socket_fail(socket, "the data is no JSON object: %s",
                                anycable_strerror(error));
  const anycable_json *name = anycable_json_get(channel->data, "action");
  int type = anycable_json_type(name, NULL);
  if (type == ANYCABLE_JSON_STRING)
    *action = anycable_json_string(name, NULL);
  else if (type != ANYCABLE_JSON_NONE && type != ANYCABLE_JSON_NULL)
    return anycable_socket_fail(socket, "the action is no string");
  return ANYCABLE_OK;
}

int ac_cable_channel_perform(anycable_channel *channel, anycable_str data) {
  const anycable_channel_class *of = channel->channel_class;
  anycable_str action;
  ac_cable_data_fn *fn = NULL;
  void *ctx = NULL;
  int error = find_action(channel, data, &action);
  if (error)
    return error;
  const struct ac_cable_name *entry = ac_cable_find(&of->actions, action);
  if (entry) {
    channel->action = entry->text;
    fn = entry->action.fn;
    ctx = entry->action.ctx;
  } else if (action.len == 0 || anycable_str_is(action, "receive")) {
    channel->action = ANYCABLE_STR("receive");
    fn = of->receive;
    ctx = of->receive_ctx;
  }
  if (!fn)
    return anycable_channel_fail(channel, "%s has no action \"%.100s\"",
                                 channel->name.ptr, action.ptr);
  int outcome = ask_before(channel);
  return outcome == ANYCABLE_DONE ? fn(channel, data, ctx) : outcome;
}

/* --- what is known of it -------------------------------------------------- */

anycable_connection *
anycable_channel_connection(const anycable_channel *channel) {
  return channel->connection;
}

anycable_socket *anycable_channel_socket(const anycable_channel *channel) {
  return channel->connection->socket;
}

anycable_str anycable_channel_name(const anycable_channel *channel) {
  return channel->name;
}

anycable_str anycable_channel_identifier(const anycable_channel *channel) {
  return channel->identifier;
}

anycable_str anycable_channel_action(const anycable_channel *channel) {
  return channel->action;
}

anycable_str anycable_channel_param(const anycable_channel *channel,
                                    const char *name) {
  return name ? anycable_json_string(channel->params, name)
              : anycable_str_of("");
}

const anycable_json *anycable_channel_params(const anycable_channel *channel) {
  return channel->params;
}

anycable_str anycable_channel_data_string(const anycable_channel *channel,
                                          const char *name) {
  return name ? anycable_json_string(channel->data, name) : anycable_str_of("");
}

const anycable_json *anycable_channel_data(const anycable_channel *channel) {
  return channel->data;
}
