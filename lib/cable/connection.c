#include <anycable/builder.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cable/cable.h"

anycable_socket *
anycable_connection_socket(const anycable_connection *connection) {
  return connection->socket;
}

const anycable_request *
anycable_connection_request(const anycable_connection *connection) {
  return anycable_socket_request(connection->socket);
}

anycable_str anycable_connection_param(const anycable_connection *connection,
                                       const char *name) {
  return anycable_request_query(anycable_connection_request(connection), name);
}

/* --- identifiers ---------------------------------------------------------- */

/* Makes room at |at|: another array, as a call's memory cannot grow. */
static struct ac_cable_value *insert(anycable_connection *connection,
                                     size_t at) {
  struct ac_cable_values *values = &connection->values;
  struct ac_cable_value *items = anycable_socket_alloc(
      connection->socket, (values->n + 1) * sizeof(*items));
  if (!items)
    return NULL;
  if (values->n > 0) {
    memcpy(items, values->items, at * sizeof(*items));
    memcpy(&items[at + 1], &values->items[at],
           (values->n - at) * sizeof(*items));
  }
  values->items = items;
  values->n++;
  return &items[at];
}

/* All of the identifiers are written anew, which tells what is wrong. */
static int rewrite(anycable_connection *connection) {
  anycable_builder *builder = anycable_socket_builder(connection->socket);
  connection->identifiers = ac_cable_values_write(&connection->values, builder);
  return anycable_builder_error(builder);
}

int anycable_connection_identify(anycable_connection *connection,
                                 const char *name, anycable_str value) {
  size_t at;
  anycable_socket *socket = connection->socket;
  if (ac_cable_method(connection) != ANYCABLE_CONNECT) {
    anycable_socket_fail(socket, "a client is identified when it connects");
    return ANYCABLE_ERR_STATE;
  }
  if (!name || !*name) {
    anycable_socket_fail(socket, "an identifier has no name");
    return ANYCABLE_ERR_INVALID;
  }
  anycable_str key = anycable_str_of(name);
  if (ac_cable_values_find(&connection->values, key, &at)) {
    connection->values.items[at].value = ac_cable_join(socket, &value, 1);
    return rewrite(connection);
  }
  struct ac_cable_value *item = insert(connection, at);
  if (!item) {
    anycable_socket_fail(socket, "out of memory");
    return ANYCABLE_ERR_NOMEM;
  }
  *item = (struct ac_cable_value){ac_cable_join(socket, &key, 1),
                                  ac_cable_join(socket, &value, 1)};
  return rewrite(connection);
}

/* What came along: of another backend's making, or a token's. */
static const anycable_json *known(anycable_connection *connection) {
  if (!connection->read)
    (void)anycable_json_read(&connection->known, connection->socket,
                             connection->identifiers);
  connection->read = true;
  return connection->known;
}

anycable_str anycable_connection_identifier(anycable_connection *connection,
                                            const char *name) {
  size_t at;
  if (!name)
    return anycable_str_of("");
  if (ac_cable_method(connection) != ANYCABLE_CONNECT)
    return anycable_json_string(known(connection), name);
  return ac_cable_values_find(&connection->values, anycable_str_of(name), &at)
             ? connection->values.items[at].value
             : anycable_str_of("");
}

anycable_str anycable_connection_identifiers(anycable_connection *connection) {
  if (connection->identifiers.len == 0)
    return ANYCABLE_STR("{}");
  return connection->identifiers;
}

/* --- what is done with it ------------------------------------------------- */

int anycable_connection_reject(anycable_connection *connection,
                               const char *reason, bool reconnect) {
  if (ac_cable_method(connection) != ANYCABLE_CONNECT)
    return anycable_socket_fail(connection->socket,
                                "only clients that connect can be rejected");
  anycable_str text = anycable_str_of(reason ? reason : "unauthorized");
  connection->reason = ac_cable_join(connection->socket, &text, 1);
  connection->reconnect = reconnect;
  return anycable_socket_reject(connection->socket, "%s", text.ptr);
}

int anycable_connection_transmit(anycable_connection *connection,
                                 anycable_str frame) {
  return anycable_socket_transmit(connection->socket, frame);
}

anycable_str anycable_connection_cstate(const anycable_connection *connection,
                                        const char *key) {
  return anycable_socket_cstate(connection->socket, key);
}

int anycable_connection_set_cstate(anycable_connection *connection,
                                   const char *key, anycable_str value) {
  return anycable_socket_set_cstate(connection->socket, key, value);
}

int anycable_connection_fail(anycable_connection *connection,
                             const char *format, ...) {
  char message[1024];
  va_list args;
  va_start(args, format);
  vsnprintf(message, sizeof(message), format, args);
  va_end(args);
  return anycable_socket_fail(connection->socket, "%s", message);
}

/* --- later ---------------------------------------------------------------- */

static const char connection_key;

anycable_deferred *anycable_connection_defer(anycable_connection *connection) {
  if (anycable_socket_set_data(connection->socket, &connection_key,
                               connection) != ANYCABLE_OK)
    return NULL;
  return anycable_socket_defer(connection->socket);
}

anycable_connection *
anycable_deferred_connection(const anycable_deferred *deferred) {
  return deferred ? anycable_socket_data(anycable_deferred_socket(deferred),
                                         &connection_key)
                  : NULL;
}

anycable_deferred *anycable_channel_defer(anycable_channel *channel) {
  return anycable_connection_defer(channel->connection);
}

anycable_channel *anycable_deferred_channel(const anycable_deferred *deferred) {
  anycable_connection *connection = anycable_deferred_connection(deferred);
  return connection && connection->channel.channel_class ? &connection->channel
                                                         : NULL;
}
