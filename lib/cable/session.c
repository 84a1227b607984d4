/* One call: from what AnyCable asked to the application's callbacks, and to the
 * frames that tell the client. */
#include "cable/cable.h"

static void *create(anycable_socket *socket, anycable_str identifiers,
                    const anycable_str *subscriptions, size_t count,
                    void *ctx) {
  anycable_connection *connection =
      anycable_socket_alloc(socket, sizeof(*connection));
  if (!connection)
    return NULL;
  connection->socket = socket;
  connection->cable = ctx;
  connection->identifiers = identifiers;
  connection->subscriptions = subscriptions;
  connection->n_subscriptions = count;
  return connection;
}

int ac_cable_method(const anycable_connection *connection) {
  return anycable_request_method(anycable_socket_request(connection->socket));
}

static const struct ac_cable_door *door_of(const anycable_connection *conn,
                                           bool connect) {
  anycable_str path =
      anycable_request_path(anycable_socket_request(conn->socket));
  return ac_cable_door(conn->cable, path, connect);
}

/* --- Connect -------------------------------------------------------------- */

static int open_connection(void *session) {
  anycable_connection *connection = session;
  const struct ac_cable_door *door = door_of(connection, true);
  if (door)
    return door->connect(connection, door->connect_ctx);
  for (size_t i = 0; i < connection->cable->n_doors; i++) {
    if (connection->cable->doors[i].connect)
      return anycable_socket_reject(connection->socket, "no such path");
  }
  return ANYCABLE_DONE;
}

static anycable_str identifiers(void *session) {
  return anycable_connection_identifiers(session);
}

static void opened(anycable_connection *connection, int outcome) {
  if (outcome == ANYCABLE_DONE)
    ac_cable_welcome(connection->socket);
  else if (outcome == ANYCABLE_REJECT)
    ac_cable_disconnect(connection->socket,
                        connection->reason.ptr ? connection->reason
                                               : ANYCABLE_STR("unauthorized"),
                        connection->reconnect);
}

/* --- Command -------------------------------------------------------------- */

static int command(void *session, anycable_str identifier, anycable_str command,
                   anycable_str data) {
  anycable_connection *connection = session;
  anycable_channel *channel = &connection->channel;
  bool subscribe = anycable_str_is(command, "subscribe");
  bool unsubscribe = !subscribe && anycable_str_is(command, "unsubscribe");
  if (!subscribe && !unsubscribe && !anycable_str_is(command, "message"))
    return anycable_socket_fail(connection->socket, "unknown command: %.100s",
                                command.ptr);
  int error = ac_cable_channel_open(channel, connection, identifier);
  if (error == ANYCABLE_ERR_NOMEM)
    return error;
  if (error && unsubscribe)
    return ANYCABLE_DONE; /* nobody here minds */
  if (error && subscribe)
    return anycable_socket_reject(connection->socket, "no such channel: %.200s",
                                  identifier.ptr);
  if (error)
    return anycable_socket_fail(connection->socket, "no such channel: %.200s",
                                identifier.ptr);
  const anycable_channel_class *of = channel->channel_class;
  if (unsubscribe)
    return ac_cable_channel_run(channel, "unsubscribe", of->unsubscribe,
                                of->unsubscribe_ctx);
  if (!subscribe)
    return ac_cable_channel_perform(channel, data);
  int outcome = ac_cable_channel_run(channel, "subscribe", of->subscribe,
                                     of->subscribe_ctx);
  connection->untold = outcome == ANYCABLE_DONE;
  return outcome;
}

static bool is_subscribe(const anycable_connection *connection) {
  const anycable_request *request = anycable_socket_request(connection->socket);
  return anycable_str_is(anycable_request_command(request), "subscribe");
}

static void commanded(anycable_connection *connection, int outcome) {
  anycable_channel *channel = &connection->channel;
  connection->untold = false;
  if (channel->channel_class)
    ac_cable_channel_ran(channel, outcome);
  if (outcome >= 0 && is_subscribe(connection))
    ac_cable_answer(connection->socket, outcome == ANYCABLE_DONE);
}

/* --- Disconnect ----------------------------------------------------------- */

/* Ends the subscription |identifier|. */
static int end_subscription(anycable_connection *connection,
                            anycable_str identifier) {
  anycable_channel *channel = &connection->channel;
  int error = ac_cable_channel_open(channel, connection, identifier);
  if (error) /* a channel that is not ours is not our concern */
    return error == ANYCABLE_ERR_NOMEM ? error : ANYCABLE_DONE;
  channel->gone = true;
  return ac_cable_channel_run(channel, "unsubscribe",
                              channel->channel_class->unsubscribe,
                              channel->channel_class->unsubscribe_ctx);
}

/* What ran has come to |outcome|; the rest runs all the same. */
static void ended(anycable_connection *connection, int outcome) {
  if (connection->channel.channel_class)
    ac_cable_channel_ran(&connection->channel, outcome);
  connection->channel = (anycable_channel){0};
  if (outcome < 0 && !connection->error)
    connection->error = outcome;
}

static int call_disconnect(anycable_connection *connection) {
  const struct ac_cable_door *door = door_of(connection, false);
  return door ? door->disconnect(connection, door->disconnect_ctx)
              : ANYCABLE_DONE;
}

/* Goes on with what is left to do. */
static int leave(anycable_connection *connection) {
  int outcome;
  while (connection->ended < connection->n_subscriptions) {
    outcome = end_subscription(connection,
                               connection->subscriptions[connection->ended++]);
    if (outcome == ANYCABLE_PENDING)
      return outcome;
    ended(connection, outcome);
  }
  if (!connection->left) {
    connection->left = true;
    outcome = call_disconnect(connection);
    if (outcome == ANYCABLE_PENDING)
      return outcome;
    ended(connection, outcome);
  }
  return connection->error;
}

static int close_connection(void *session) {
  return leave(session);
}

/* --- all of them ---------------------------------------------------------- */

/* Only a Disconnect has more than one callback. */
static int resume(void *session, int outcome) {
  anycable_connection *connection = session;
  connection->untold = outcome == ANYCABLE_DONE && is_subscribe(connection);
  if (ac_cable_method(connection) != ANYCABLE_DISCONNECT)
    return outcome;
  ended(connection, outcome);
  return leave(connection);
}

static void completed(void *session, int outcome) {
  int method = ac_cable_method(session);
  if (method == ANYCABLE_CONNECT)
    opened(session, outcome);
  else if (method == ANYCABLE_COMMAND)
    commanded(session, outcome);
}

/* A client that left while its subscription was made: AnyCable does not record
 * it, and no Disconnect will tell of it. What it took is given back now. */
static void destroy(void *session) {
  anycable_connection *connection = session;
  anycable_channel *channel = &connection->channel;
  if (!connection->untold)
    return;
  channel->gone = true;
  (void)ac_cable_channel_run(channel, "unsubscribe",
                             channel->channel_class->unsubscribe,
                             channel->channel_class->unsubscribe_ctx);
}

const anycable_session_ops ac_cable_ops = {
    .size = sizeof(anycable_session_ops),
    .create = create,
    .handle_open = open_connection,
    .handle_close = close_connection,
    .handle_channel_command = command,
    .identifiers_json = identifiers,
    .completed = completed,
    .destroy = destroy,
    .resume = resume,
};
