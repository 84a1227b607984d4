/* A small language, in the "do" of an identifier for subscribe and unsubscribe
 * and in the data of messages: words, separated by ';'. A ' stands for a ".
 *
 *   start S, stop S, stopall       streams
 *   whisper S                      lets clients whisper on S
 *   join S ID INFO, leave          presence
 *   cset K V, iset K V             state; without V it is deleted
 *   say FRAME                      transmits
 *   confirm                        transmits that the subscription is there
 *   tell                           transmits what the call came with
 *   publish S JSON                 by the application's broadcaster
 *   close, reject, fail MESSAGE
 *
 * Users called "nobody" are rejected, those called "broken" end in an error. */
#include "app.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void (*say)(const char *line);

struct words {
  char *verb;
  char *one;
  char *rest;
};

static anycable_str str(const char *text) {
  return anycable_str_of(text);
}

static anycable_str identifier_of(anycable_socket *socket) {
  return anycable_request_identifier(anycable_socket_request(socket));
}

static const char *quoted(anycable_socket *socket, anycable_str text) {
  return anycable_socket_quote(socket, text).ptr;
}

static int confirm(anycable_socket *socket, const char *type) {
  return anycable_socket_transmit(
      socket,
      anycable_socket_format(socket, "{\"type\":\"%s\",\"identifier\":%s}",
                             type, quoted(socket, identifier_of(socket))));
}

static int tell(anycable_socket *socket) {
  const anycable_request *request = anycable_socket_request(socket);
  return anycable_socket_transmit(
      socket,
      anycable_socket_format(
          socket,
          "{\"identifier\":%s,\"message\":{\"command\":%s,\"data\":%s,"
          "\"url\":%s,\"cookie\":%s,\"addr\":%s,\"ids\":%s,\"c\":%s,\"i\":%s,"
          "\"protov\":%s}}",
          quoted(socket, anycable_request_identifier(request)),
          quoted(socket, anycable_request_command(request)),
          quoted(socket, anycable_request_data(request)),
          quoted(socket, anycable_request_url(request)),
          quoted(socket, anycable_request_header(request, "cookie")),
          quoted(socket, anycable_request_remote_addr(request)),
          quoted(socket, anycable_request_identifiers(request)),
          quoted(socket, anycable_socket_cstate(socket, "c")),
          quoted(socket, anycable_socket_istate(socket, "i")),
          quoted(socket, anycable_request_metadata(request, "protov"))));
}

/* The outcome, or 0 to go on. */
static int run_word(anycable_socket *socket, const struct words *w) {
  anycable_str identifier = identifier_of(socket);
  anycable_str one = str(w->one), rest = str(w->rest);
  if (strcmp(w->verb, "start") == 0)
    return anycable_socket_subscribe(socket, identifier, one);
  if (strcmp(w->verb, "stop") == 0)
    return anycable_socket_unsubscribe(socket, identifier, one);
  if (strcmp(w->verb, "stopall") == 0)
    return anycable_socket_unsubscribe_from_all(socket, identifier);
  if (strcmp(w->verb, "whisper") == 0)
    return anycable_socket_whisper(socket, one);
  if (strcmp(w->verb, "leave") == 0)
    return anycable_socket_presence_leave(socket);
  if (strcmp(w->verb, "join") == 0) {
    char *info = w->rest + strcspn(w->rest, " ");
    anycable_str id = {w->rest, (size_t)(info - w->rest)};
    return anycable_socket_presence_join(socket, one, id,
                                         str(*info ? info + 1 : info));
  }
  if (strcmp(w->verb, "cset") == 0)
    return anycable_socket_set_cstate(socket, w->one, rest);
  if (strcmp(w->verb, "iset") == 0)
    return anycable_socket_set_istate(socket, w->one, rest);
  if (strcmp(w->verb, "say") == 0)
    return anycable_socket_transmit(socket, one);
  if (strcmp(w->verb, "confirm") == 0)
    return confirm(socket, "confirm_subscription");
  if (strcmp(w->verb, "tell") == 0)
    return tell(socket);
  if (strcmp(w->verb, "publish") == 0)
    return anycable_socket_broadcast(socket, one, rest, NULL);
  if (strcmp(w->verb, "close") == 0)
    return anycable_socket_close(socket);
  if (strcmp(w->verb, "reject") == 0) {
    if (anycable_str_is(
            anycable_request_command(anycable_socket_request(socket)),
            "subscribe"))
      confirm(socket, "reject_subscription");
    return ANYCABLE_REJECT;
  }
  return anycable_socket_fail(socket, "%s", w->one);
}

static struct words split(char *word) {
  struct words w = {word, word + strcspn(word, " "), NULL};
  if (*w.one)
    *w.one++ = '\0';
  w.rest = w.one + strcspn(w.one, " ");
  if (*w.rest)
    *w.rest++ = '\0';
  return w;
}

static int run(anycable_socket *socket, char *program) {
  char *rest = NULL;
  for (char *p = program; *p; p++)
    *p = *p == '\'' ? '"' : *p;
  for (char *word = strtok_r(program, ";", &rest); word;
       word = strtok_r(NULL, ";", &rest)) {
    const struct words w = split(word);
    int outcome = run_word(socket, &w);
    if (outcome != ANYCABLE_DONE)
      return outcome;
  }
  return ANYCABLE_DONE;
}

static char *copy(anycable_socket *socket, const char *text, size_t len) {
  char *out = anycable_socket_alloc(socket, len + 1);
  if (out)
    memcpy(out, text, len);
  return out;
}

static void *create(anycable_socket *socket, anycable_str identifiers,
                    const anycable_str *subscriptions, size_t count,
                    void *ctx) {
  (void)identifiers, (void)subscriptions, (void)count, (void)ctx;
  return socket;
}

static int handle_open(void *session) {
  anycable_socket *socket = session;
  const anycable_request *request = anycable_socket_request(socket);
  anycable_str user = anycable_request_query(request, "user");
  anycable_socket_set_cstate(socket, "c", user);
  if (anycable_str_is(user, "broken"))
    return anycable_socket_fail(socket, "broken");
  if (anycable_str_is(user, "nobody")) {
    anycable_socket_transmit(
        socket, str("{\"type\":\"disconnect\",\"reason\":\"unauthorized\","
                    "\"reconnect\":false}"));
    return ANYCABLE_REJECT;
  }
  return anycable_socket_transmit(
      socket,
      anycable_socket_format(socket, "{\"type\":\"welcome\",\"sid\":%s}",
                             quoted(socket, anycable_request_sid(request))));
}

static int handle_command(void *session, anycable_str identifier,
                          anycable_str command, anycable_str data) {
  static const char key[] = "\"do\":\"";
  anycable_socket *socket = session;
  const char *begin = strstr(identifier.ptr, key);
  if (anycable_str_is(command, "message"))
    return run(socket, copy(socket, data.ptr, data.len));
  if (anycable_str_is(command, "unsubscribe") || !begin)
    return ANYCABLE_DONE;
  begin += sizeof(key) - 1;
  return run(socket, copy(socket, begin, strcspn(begin, "\"")));
}

static int handle_close(void *session) {
  anycable_socket *socket = session;
  const anycable_request *request = anycable_socket_request(socket);
  anycable_str list = str("");
  for (size_t i = 0; i < anycable_request_subscription_count(request); i++) {
    anycable_str one = anycable_request_subscription(request, i);
    list = anycable_socket_format(
        socket, "%s%s[%s,%s]", list.ptr, i > 0 ? "," : "", quoted(socket, one),
        quoted(socket, anycable_socket_istate_of(socket, one, "i")));
  }
  say(anycable_socket_format(
          socket, "{\"disconnect\":%s,\"c\":%s,\"subscriptions\":[%s]}",
          quoted(socket, anycable_request_identifiers(request)),
          quoted(socket, anycable_socket_cstate(socket, "c")), list.ptr)
          .ptr);
  return ANYCABLE_DONE;
}

static anycable_str identifiers_json(void *session) {
  anycable_socket *socket = session;
  anycable_str user =
      anycable_request_query(anycable_socket_request(socket), "user");
  return anycable_socket_format(socket, "{\"user\":%s}", quoted(socket, user));
}

static const anycable_session_ops ops = {.size = sizeof(ops),
                                         .create = create,
                                         .handle_open = handle_open,
                                         .handle_close = handle_close,
                                         .handle_channel_command =
                                             handle_command,
                                         .identifiers_json = identifiers_json};

anycable_app *parity_app(void (*log)(const char *line)) {
  anycable_app *app = anycable_app_new();
  say = log;
  anycable_app_set_factory(app, &ops, NULL, NULL);
  return app;
}
