/* An application with channels, and what its calls answer, as one line of text:
 *
 *   1|2|0            Status SUCCESS, FAILURE, ERROR
 *   =ID              identifiers
 *   -*, -S, +S       streams stopped and started
 *   i:K=V, c:K=V     istate and cstate
 *   >F               a frame
 *   p:TYPE,ID,INFO   presence
 *   close            the client's connection
 *   !M               error_msg
 */
#ifndef CABLE_FIXTURE_H
#define CABLE_FIXTURE_H

#include <anycable/builder.h>
#include <anycable/channel.h>

#include "rpc_fixture.h"

static anycable_socket *cable_call;
static struct heard cable_heard;
static char cable_text[8192];
static const char *cable_url = "http://host/cable?user=jack";
static const char *cable_identifiers = "{\"user\":\"jack\"}";
static struct ac_wire_map cable_istate, cable_cstate;

static void say(const char *format, ...) ANYCABLE_PRINTF(1, 2);
static void say(const char *format, ...) {
  size_t len = strlen(cable_text);
  va_list args;
  va_start(args, format);
  vsnprintf(cable_text + len, sizeof(cable_text) - len, format, args);
  va_end(args);
}

static inline void say_map(char which, const struct ac_wire_map *map) {
  for (size_t i = 0; i < map->n; i++)
    say(" %c:%s=%s", which, map->items[i].key.ptr, map->items[i].value.ptr);
}

/* What the call has answered; and lets go of it. */
static inline const char *answered(void) {
  const struct ac_wire_reply *reply = ac_rpc_call_reply(cable_call);
  assert_int_equal(cable_heard.times, 1);
  assert_int_equal(cable_heard.result, AC_RPC_REPLY);
  cable_text[0] = '\0';
  say("%d", reply->status);
  if (reply->identifiers.len > 0)
    say(" =%s", reply->identifiers.ptr);
  if (reply->stop_streams)
    say(" -*");
  for (size_t i = 0; i < reply->stopped_streams.n; i++)
    say(" -%s", reply->stopped_streams.items[i].ptr);
  for (size_t i = 0; i < reply->streams.n; i++)
    say(" +%s", reply->streams.items[i].ptr);
  say_map('i', &reply->istate);
  say_map('c', &reply->cstate);
  for (size_t i = 0; i < reply->transmissions.n; i++)
    say(" >%s", reply->transmissions.items[i].ptr);
  if (reply->presence.type.len > 0)
    say(" p:%s,%s,%s", reply->presence.type.ptr, reply->presence.id.ptr,
        reply->presence.info.ptr);
  if (reply->disconnect)
    say(" close");
  if (reply->error_msg.len > 0)
    say(" !%s", reply->error_msg.ptr);
  ac_rpc_release(cable_call);
  cable_call = NULL;
  return cable_text;
}

static inline void cable_send(int method, const char *command,
                              const char *identifier, const char *data) {
  cable_call = fx_call(method, command);
  struct ac_wire_request *message = ac_rpc_call_message(cable_call);
  message->env.url = anycable_str_of(cable_url);
  message->env.istate = cable_istate;
  message->env.cstate = cable_cstate;
  message->identifier = anycable_str_of(identifier);
  message->data = anycable_str_of(data);
  if (method != ANYCABLE_CONNECT)
    message->identifiers = anycable_str_of(cable_identifiers);
  fx_submit(cable_call, &cable_heard);
}

static inline const char *connects(const char *url) {
  cable_url = url;
  cable_send(ANYCABLE_CONNECT, "", "", "");
  return answered();
}

static inline const char *commands(const char *command, const char *identifier,
                                   const char *data) {
  cable_send(ANYCABLE_COMMAND, command, identifier, data);
  return answered();
}

static inline void cable_leave(anycable_str *subscriptions, size_t n) {
  cable_call = fx_call(ANYCABLE_DISCONNECT, "");
  struct ac_wire_request *message = ac_rpc_call_message(cable_call);
  message->env.url = anycable_str_of(cable_url);
  message->env.istate = cable_istate;
  message->env.cstate = cable_cstate;
  message->identifiers = anycable_str_of(cable_identifiers);
  message->subscriptions = (struct ac_wire_list){subscriptions, n};
  fx_submit(cable_call, &cable_heard);
}

static inline const char *leaves(anycable_str *subscriptions, size_t n) {
  cable_leave(subscriptions, n);
  return answered();
}

static inline int cable_setup(void **state) {
  (void)state;
  cable_url = "http://host/cable?user=jack";
  cable_identifiers = "{\"user\":\"jack\"}";
  memset(&cable_istate, 0, sizeof(cable_istate));
  memset(&cable_cstate, 0, sizeof(cable_cstate));
  fx_begin_bare();
  return 0;
}

/* What is wrong with the registration. */
static inline const char *refused(void) {
  assert_int_not_equal(ac_app_check(fx.app), ANYCABLE_OK);
  return anycable_app_error(fx.app);
}

static inline int cable_teardown(void **state) {
  (void)state;
  if (fx.rpc)
    fx_end();
  else
    anycable_app_free(fx.app);
  return 0;
}

#define CABLE_TEST(f)                                                          \
  cmocka_unit_test_setup_teardown(f, cable_setup, cable_teardown)

#endif
