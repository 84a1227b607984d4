/* From what was put out to the reply: the guard rails. What the server would
 * misread is put right here or refused, for every framework alike. */
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "rpc/call.h"

static bool is_command(const anycable_socket *call, const char *command) {
  return call->request.method == ANYCABLE_COMMAND &&
         anycable_str_is(call->request.message.command, command);
}

/* The text by which the server knows the connection. Never empty: sessions
 * without one would all be the same client to it. */
static int identifiers(anycable_socket *call) {
  const anycable_session_ops *ops = &call->rpc->app->ops;
  anycable_str text = {NULL, 0};
  if (call->session && ops->identifiers_json)
    text = ops->identifiers_json(call->session);
  if (text.len == 0)
    text = ac_str("{}", 2);
  if (!ac_socket_charge(call, ac_socket_field_size(text.len)))
    return ANYCABLE_ERR_LIMIT;
  return ac_socket_text(call, text, &call->identifiers);
}

/* Only what changed goes back: a key set to what it was is left out. */
static struct ac_wire_map changed(const struct ac_pairs *changes,
                                  const struct ac_wire_map *known) {
  static const struct ac_pairs none;
  struct ac_wire_map map = {changes->items, 0};
  for (size_t i = 0; i < changes->n; i++) {
    anycable_str before = ac_state_get(&none, known, changes->items[i].key);
    if (!anycable_str_equal(before, changes->items[i].value))
      map.items[map.n++] = changes->items[i];
  }
  return map;
}

static void command_reply(anycable_socket *call, bool rejected) {
  struct ac_wire_reply *reply = &call->reply;
  bool refused = rejected && is_command(call, "subscribe");
  reply->disconnect = call->close;
  reply->stop_streams = call->stop_all;
  reply->stopped_streams =
      (struct ac_wire_list){call->stopped.items, call->stopped.n};
  /* The server applies streams, presence and state of a subscription that it
   * does not record: they would leak. */
  if (refused)
    return;
  reply->streams = (struct ac_wire_list){call->streams.items, call->streams.n};
  reply->presence = call->presence;
  /* It deletes a subscription's state before it merges the reply's, which
   * would come back as an orphan. */
  if (!is_command(call, "unsubscribe"))
    reply->istate = changed(&call->istate, &call->request.message.env.istate);
}

/* What |outcome| is, if it can be one. */
static int checked(anycable_socket *call, int outcome) {
  if (outcome < 0)
    return outcome;
  if (call->error) {
    if (call->message.len == 0)
      ac_socket_explain(call, "an output failed: %s",
                        anycable_strerror(call->error));
    return call->error;
  }
  if (outcome == ANYCABLE_DONE && call->rejected)
    return ANYCABLE_REJECT;
  if (outcome == ANYCABLE_DONE || outcome == ANYCABLE_REJECT)
    return outcome;
  ac_socket_explain(call, "%d was returned, which is no outcome", outcome);
  return ANYCABLE_ERR_INVALID;
}

int ac_reply_outcome(anycable_socket *call, int outcome) {
  outcome = checked(call, outcome);
  if (outcome != ANYCABLE_DONE || call->request.method != ANYCABLE_CONNECT ||
      call->identifiers.len > 0)
    return outcome;
  int error = identifiers(call);
  if (!error) /* an output in there may have failed */
    return checked(call, outcome);
  ac_socket_explain(call, "the identifiers cannot be sent: %s",
                    anycable_strerror(error));
  return error;
}

static void error_reply(anycable_socket *call, int error) {
  call->reply.status = AC_WIRE_ERROR;
  call->reply.error_msg = call->message.len > 0
                              ? call->message
                              : anycable_str_of(anycable_strerror(error));
}

/* Why a rejected call was: left out where there is no room for it. */
static anycable_str reason(anycable_socket *call) {
  return ac_socket_charge(call, ac_socket_field_size(call->message.len))
             ? call->message
             : ac_str_empty();
}

void ac_reply_build(anycable_socket *call, int outcome) {
  struct ac_wire_reply *reply = &call->reply;
  memset(reply, 0, sizeof(*reply));
  call->result = AC_RPC_REPLY;
  if (outcome < 0) {
    error_reply(call, outcome);
    return;
  }
  reply->status = outcome == ANYCABLE_DONE ? AC_WIRE_SUCCESS : AC_WIRE_FAILURE;
  reply->error_msg = outcome == ANYCABLE_REJECT ? reason(call) : ac_str_empty();
  reply->identifiers = call->identifiers;
  reply->transmissions =
      (struct ac_wire_list){call->transmissions.items, call->transmissions.n};
  reply->cstate = changed(&call->cstate, &call->request.message.env.cstate);
  if (call->request.method == ANYCABLE_COMMAND)
    command_reply(call, outcome == ANYCABLE_REJECT);
}
