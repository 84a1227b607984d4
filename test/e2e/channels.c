/* The backend of channels.test.mjs: channels with one action for everything
 * that the tests want to see. What it is asked, and what ended in an error,
 * goes to descriptor 3 as JSON, a line each; what it answers, the test's client
 * sees. */
#include <anycable.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* --- the journal -----------------------------------------------------------
 */

static anycable_builder *entry(anycable_socket *socket, const char *call) {
  anycable_builder *b = anycable_socket_builder(socket);
  anycable_builder_object(b, NULL);
  anycable_builder_string(b, "call", anycable_str_of(call));
  anycable_builder_string(
      b, "sid", anycable_request_sid(anycable_socket_request(socket)));
  return b;
}

/* In one write(), which no other thread's comes between. */
static void journal(anycable_socket *socket, anycable_builder *b) {
  anycable_builder_end(b);
  anycable_str line =
      anycable_socket_format(socket, "%s\n", anycable_builder_text(b).ptr);
  if (write(3, line.ptr, line.len) != (ssize_t)line.len)
    anycable_socket_fail(socket, "no journal");
}

static void on_error(anycable_socket *socket, int error, const char *message,
                     void *ctx) {
  (void)ctx;
  anycable_builder *b = entry(socket, "error");
  anycable_builder_string(b, "error",
                          anycable_str_of(anycable_strerror(error)));
  anycable_builder_string(b, "message", anycable_str_of(message));
  journal(socket, b);
}

/* --- connections ------------------------------------------------------------
 */

static int connect(anycable_connection *conn, void *name) {
  anycable_str user = anycable_connection_param(conn, "user");
  anycable_str device = anycable_connection_param(conn, "device");
  anycable_str reason = anycable_connection_param(conn, "reject");
  anycable_socket *socket = anycable_connection_socket(conn);
  anycable_builder *b = entry(socket, "connect");
  anycable_builder_string(b, "as", anycable_str_of(name));
  journal(socket, b);
  if (reason.len > 0)
    return anycable_connection_reject(conn, reason.ptr, true);
  if (user.len == 0)
    return ANYCABLE_REJECT;
  anycable_connection_identify(conn, name, user);
  if (device.len > 0)
    anycable_connection_identify(conn, "device", device);
  anycable_connection_set_cstate(conn, "came", ANYCABLE_STR("in"));
  return ANYCABLE_DONE;
}

static int disconnected(anycable_connection *conn, void *ctx) {
  (void)ctx;
  anycable_socket *socket = anycable_connection_socket(conn);
  anycable_builder *b = entry(socket, "disconnect");
  anycable_builder_string(b, "identifiers",
                          anycable_connection_identifiers(conn));
  anycable_builder_string(b, "came", anycable_connection_cstate(conn, "came"));
  journal(socket, b);
  return ANYCABLE_DONE;
}

/* --- subscriptions -----------------------------------------------------------
 */

static bool wants(anycable_channel *room, const char *name) {
  bool yes = false;
  anycable_json_bool(anycable_channel_params(room), name, &yes);
  return yes;
}

static int enter(anycable_channel *room) {
  anycable_str stream = anycable_channel_param(room, "stream");
  if (stream.len > 0)
    anycable_channel_stream_from(room, NULL, stream);
  if (wants(room, "greet")) {
    anycable_channel_transmit_string(room, ANYCABLE_STR("first"));
    anycable_channel_transmit_string(room, ANYCABLE_STR("second"));
  }
  if (wants(room, "reject"))
    return anycable_channel_reject(room, "told to");
  return anycable_channel_set_istate(room, "n", ANYCABLE_STR("0"));
}

static void *enter_later(void *deferred) {
  int outcome = enter(anycable_deferred_channel(deferred));
  anycable_deferred_finish(deferred, outcome);
  anycable_deferred_free(deferred);
  return NULL;
}

static int subscribed(anycable_channel *room, void *ctx) {
  (void)ctx;
  if (!wants(room, "later"))
    return enter(room);
  anycable_deferred *deferred = anycable_channel_defer(room);
  pthread_t thread;
  if (!deferred)
    return ANYCABLE_ERR_LIMIT;
  if (pthread_create(&thread, NULL, enter_later, deferred))
    anycable_deferred_free(deferred);
  else
    pthread_detach(thread);
  return ANYCABLE_PENDING;
}

static int unsubscribed(anycable_channel *room, void *ctx) {
  (void)ctx;
  anycable_socket *socket = anycable_channel_socket(room);
  anycable_builder *b = entry(socket, "unsubscribe");
  anycable_builder_string(b, "identifier", anycable_channel_identifier(room));
  anycable_builder_string(b, "n", anycable_channel_istate(room, "n"));
  anycable_builder_string(
      b, "by",
      anycable_str_of(anycable_method_name(
          anycable_request_method(anycable_socket_request(socket)))));
  journal(socket, b);
  /* Reaches nobody: the client is gone, or its streams are. */
  return anycable_channel_transmit_string(room, ANYCABLE_STR("bye"));
}

/* Before and after everything in ClubChannel: members alone, and a word. */
static int before(anycable_channel *club, void *ctx) {
  (void)ctx;
  if (anycable_str_is(anycable_channel_action(club), "subscribe") &&
      !wants(club, "member"))
    return ANYCABLE_REJECT;
  return ANYCABLE_DONE;
}

static void after(anycable_channel *club, int outcome, void *ctx) {
  (void)ctx;
  anycable_str action = anycable_channel_action(club);
  anycable_channel_transmit_string(
      club, anycable_socket_format(anycable_channel_socket(club),
                                   "after %s: %d", action.ptr, outcome));
}

/* --- actions -----------------------------------------------------------------
 */

static int echo(anycable_channel *room, anycable_str data, void *ctx) {
  (void)ctx;
  return anycable_channel_transmit(room, data);
}

static int receive(anycable_channel *room, anycable_str data, void *ctx) {
  (void)ctx;
  return anycable_channel_transmit_string(room, data);
}

static anycable_str stream_of(anycable_channel *room) {
  return anycable_channel_data_string(room, "stream");
}

static int follow(anycable_channel *room, anycable_str data, void *ctx) {
  anycable_channel_stream_from(room, NULL, stream_of(room));
  return echo(room, data, ctx);
}

static int unfollow(anycable_channel *room, anycable_str data, void *ctx) {
  anycable_channel_stop_stream(room, NULL, stream_of(room));
  return echo(room, data, ctx);
}

static int unfollow_all(anycable_channel *room, anycable_str data, void *ctx) {
  anycable_channel_stop_all_streams(room);
  return echo(room, data, ctx);
}

static int count(anycable_channel *room, anycable_str data, void *ctx) {
  (void)data, (void)ctx;
  anycable_socket *socket = anycable_channel_socket(room);
  anycable_str n = anycable_socket_format(
      socket, "%d", atoi(anycable_channel_istate(room, "n").ptr) + 1);
  anycable_channel_set_istate(room, "n", n);
  return anycable_channel_transmit(room, n);
}

/* Who the client is, in the eyes of a later call. */
static int who(anycable_channel *room, anycable_str data, void *ctx) {
  (void)data, (void)ctx;
  anycable_connection *conn = anycable_channel_connection(room);
  anycable_builder *b = anycable_socket_builder(anycable_channel_socket(room));
  anycable_builder_object(b, NULL);
  anycable_builder_string(b, "user",
                          anycable_connection_identifier(conn, "user"));
  anycable_builder_string(b, "identifiers",
                          anycable_connection_identifiers(conn));
  anycable_builder_string(b, "came", anycable_channel_cstate(room, "came"));
  anycable_builder_end(b);
  return anycable_channel_transmit(room, anycable_builder_text(b));
}

/* Integers that no double holds, as they came and the greatest that there are.
 */
static int numbers(anycable_channel *room, anycable_str data, void *ctx) {
  (void)data, (void)ctx;
  int64_t id = 0;
  int error = anycable_json_int(anycable_channel_data(room), "id", &id);
  if (error)
    return error;
  anycable_builder *b = anycable_socket_builder(anycable_channel_socket(room));
  anycable_builder_object(b, NULL);
  anycable_builder_int(b, "id", id);
  anycable_builder_int(b, "min", INT64_MIN);
  anycable_builder_uint(b, "max", UINT64_MAX);
  anycable_builder_json(b, "sent",
                        anycable_json_text(anycable_channel_data(room), "id"));
  anycable_builder_end(b);
  return anycable_channel_transmit(room, anycable_builder_text(b));
}

static int say(anycable_channel *room, anycable_str data, void *ctx) {
  (void)ctx;
  return anycable_channel_broadcast(room, stream_of(room), data);
}

static int say_to_others(anycable_channel *room, anycable_str data, void *ctx) {
  (void)ctx;
  return anycable_channel_broadcast_to_others(room, stream_of(room), data);
}

/* Disconnects the client {"user":...,"device":...}, named the other way round.
 */
static int kick(anycable_channel *room, anycable_str data, void *ctx) {
  (void)data, (void)ctx;
  anycable_identity *whom = anycable_identity_new();
  anycable_identity_set(whom, "user",
                        anycable_channel_data_string(room, "user"));
  anycable_identity_set(whom, "device",
                        anycable_channel_data_string(room, "device"));
  int error = anycable_app_disconnect(
      anycable_socket_app(anycable_channel_socket(room)),
      anycable_identity_json(whom), false);
  anycable_identity_free(whom);
  return error;
}

static int close_it(anycable_channel *room, anycable_str data, void *ctx) {
  (void)data, (void)ctx;
  anycable_str reason = anycable_channel_data_string(room, "reason");
  bool reconnect = false;
  anycable_json_bool(anycable_channel_data(room), "reconnect", &reconnect);
  return anycable_channel_close(room, reason.len > 0 ? reason.ptr : NULL,
                                reconnect);
}

static int fail(anycable_channel *room, anycable_str data, void *ctx) {
  count(room, data, ctx); /* without effect then */
  return anycable_channel_fail(room, "told to");
}

static const struct action {
  const char *name;
  int (*fn)(anycable_channel *room, anycable_str data, void *ctx);
} actions[] = {
    {"echo", echo},         {"follow", follow},
    {"unfollow", unfollow}, {"unfollow_all", unfollow_all},
    {"count", count},       {"who", who},
    {"numbers", numbers},   {"say", say},
    {"kick", kick},         {"say_to_others", say_to_others},
    {"close", close_it},    {"fail", fail},
};

int main(int argc, char **argv) {
  static char user[] = "user", admin[] = "admin";
  anycable_app *app = anycable_app_new();
  anycable_app_on_connect_at(app, "/cable", connect, user);
  anycable_app_on_connect_at(app, "/admin", connect, admin);
  anycable_app_on_disconnect(app, disconnected, NULL);
  anycable_app_on_error(app, on_error, NULL);

  anycable_channel_class *room = anycable_app_channel(app, "RoomChannel");
  anycable_channel_class_on_subscribe(room, subscribed, NULL);
  anycable_channel_class_on_unsubscribe(room, unsubscribed, NULL);
  anycable_channel_class_on_receive(room, receive, NULL);
  for (size_t i = 0; i < sizeof actions / sizeof *actions; i++)
    anycable_channel_class_on_action(room, actions[i].name, actions[i].fn,
                                     NULL);

  anycable_channel_class *club = anycable_app_channel(app, "ClubChannel");
  anycable_channel_class_before(club, before, NULL);
  anycable_channel_class_after(club, after, NULL);
  anycable_channel_class_on_action(club, "echo", echo, NULL);
  return anycable_main(app, argc, argv);
}
