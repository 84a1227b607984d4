/* A node with an application whose answers a test sets, on a factory of its
 * own. */
#ifndef NODE_FIXTURE_H
#define NODE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <anycable.h>
#include <anycable/node.h>

#define ROOM "{\"channel\":\"Room\"}"
#define URL "ws://example.com/cable?user=jack"

static struct fixture {
  anycable_app *app;
  anycable_node *node;
  /* What handlers do; the session is the socket. */
  int (*open)(anycable_socket *socket);
  int (*command)(anycable_socket *socket, anycable_str command);
  int (*close)(anycable_socket *socket);
  const char *identifiers;
  int connects, commands, disconnects;
  char words[8192]; /* what the last call was told */
} fx;

static inline void fx_say(const char *format, ...) ANYCABLE_PRINTF(1, 2);
static inline void fx_say(const char *format, ...) {
  va_list args;
  va_start(args, format);
  size_t len = strlen(fx.words);
  vsnprintf(fx.words + len, sizeof(fx.words) - len, format, args);
  va_end(args);
}

static void *fx_create(anycable_socket *socket, anycable_str identifiers,
                       const anycable_str *subscriptions, size_t count,
                       void *ctx) {
  (void)identifiers, (void)subscriptions, (void)count, (void)ctx;
  return socket;
}

static inline int fx_send(anycable_socket *socket, const char *type) {
  anycable_str identifier =
      anycable_request_identifier(anycable_socket_request(socket));
  return anycable_socket_transmit(
      socket, anycable_socket_format(
                  socket, "{\"type\":\"%s\",\"identifier\":%s}", type,
                  anycable_socket_quote(socket, identifier).ptr));
}

static int fx_open(void *session) {
  anycable_socket *socket = session;
  fx.connects++;
  if (fx.open)
    return fx.open(socket);
  anycable_str sid = anycable_request_sid(anycable_socket_request(socket));
  return anycable_socket_transmit(
      socket, anycable_socket_format(
                  socket, "{\"type\":\"welcome\",\"sid\":\"%s\"}", sid.ptr));
}

static int fx_command(void *session, anycable_str identifier,
                      anycable_str command, anycable_str data) {
  (void)identifier, (void)data;
  fx.commands++;
  if (fx.command)
    return fx.command(session, command);
  return anycable_str_is(command, "subscribe")
             ? fx_send(session, "confirm_subscription")
             : ANYCABLE_DONE;
}

static int fx_close(void *session) {
  fx.disconnects++;
  return fx.close ? fx.close(session) : ANYCABLE_DONE;
}

static anycable_str fx_identifiers(void *session) {
  (void)session;
  return anycable_str_of(fx.identifiers);
}

static const anycable_session_ops fx_ops = {.size = sizeof(fx_ops),
                                            .create = fx_create,
                                            .handle_open = fx_open,
                                            .handle_close = fx_close,
                                            .handle_channel_command =
                                                fx_command,
                                            .identifiers_json = fx_identifiers};

static inline int fx_begin(void **state) {
  (void)state;
  memset(&fx, 0, sizeof(fx));
  fx.app = anycable_app_new();
  anycable_app_set_factory(fx.app, &fx_ops, NULL, NULL);
  fx.node = anycable_node_new(fx.app);
  return fx.node ? 0 : -1;
}

static inline int fx_end(void **state) {
  (void)state;
  anycable_node_free(fx.node);
  anycable_app_free(fx.app);
  return 0;
}

#define TEST(function)                                                         \
  cmocka_unit_test_setup_teardown(function, fx_begin, fx_end)

/* The next frame is this, or there is none. */
#define assert_frame(client, text)                                             \
  assert_string_equal(anycable_client_receive(client).ptr, text)
#define assert_silence(client) assert_frame(client, "")

static inline anycable_client *fx_connect(void) {
  anycable_client *client = anycable_node_connect(fx.node, URL, NULL);
  assert_non_null(client);
  while (anycable_client_receive(client).len > 0)
    ;
  return client;
}

/* Connects and subscribes to ROOM. */
static inline anycable_client *fx_subscribed(void) {
  anycable_client *client = fx_connect();
  assert_int_equal(anycable_client_subscribe(client, ROOM), ANYCABLE_OK);
  while (anycable_client_receive(client).len > 0)
    ;
  assert_true(anycable_client_subscribed(client, ROOM));
  return client;
}

static inline void fx_publish(const char *json) {
  assert_int_equal(anycable_node_publish(fx.node, anycable_str_of(json)),
                   ANYCABLE_OK);
}

#endif
