/* The smallest framework of one's own: clients connect as ?user=NAME,
 * subscribe to any room, and hear what they say. */
#include <anycable.h>

/* One call's session; what must outlive the call is in the identifiers. */
typedef struct session {
  anycable_socket *socket;
  anycable_str identifiers;
} session;

static void *session_create(anycable_socket *socket, anycable_str identifiers,
                            const anycable_str *subscriptions, size_t count,
                            void *ctx) {
  session *s = anycable_socket_alloc(socket, sizeof *s);
  (void)subscriptions, (void)count, (void)ctx;
  if (s)
    *s = (session){socket, identifiers};
  return s;
}

static const char *quote(session *s, anycable_str text) {
  return anycable_socket_quote(s->socket, text).ptr;
}

static int session_open(void *object) {
  session *s = object;
  const anycable_request *request = anycable_socket_request(s->socket);
  anycable_str user = anycable_request_query(request, "user");
  if (user.len == 0) {
    anycable_socket_transmit(
        s->socket, ANYCABLE_STR("{\"type\":\"disconnect\",\"reason\":"
                                "\"unauthorized\",\"reconnect\":false}"));
    return ANYCABLE_REJECT;
  }
  s->identifiers =
      anycable_socket_format(s->socket, "{\"user\":%s}", quote(s, user));
  return anycable_socket_transmit(
      s->socket,
      anycable_socket_format(s->socket, "{\"type\":\"welcome\",\"sid\":%s}",
                             quote(s, anycable_request_sid(request))));
}

static int session_command(void *object, anycable_str identifier,
                           anycable_str command, anycable_str data) {
  session *s = object;
  anycable_str frame = {NULL, 0};
  if (anycable_str_is(command, "unsubscribe"))
    return ANYCABLE_DONE; /* the server stops its streams by itself */
  if (anycable_str_is(command, "subscribe")) {
    /* The room's stream is named by the whole identifier. */
    anycable_socket_subscribe(s->socket, identifier, identifier);
    frame = anycable_socket_format(
        s->socket, "{\"type\":\"confirm_subscription\",\"identifier\":%s}",
        quote(s, identifier));
  } else if (anycable_str_is(command, "message")) {
    frame = anycable_socket_format(
        s->socket, "{\"identifier\":%s,\"message\":{\"from\":%s,\"said\":%s}}",
        quote(s, identifier), s->identifiers.ptr, quote(s, data));
  }
  return anycable_socket_transmit(s->socket, frame); /* empty: an error */
}

static int session_close(void *object) {
  session *s = object;
  anycable_socket_log(s->socket, ANYCABLE_LOG_INFO, "%s left",
                      s->identifiers.ptr);
  return ANYCABLE_DONE;
}

static anycable_str session_identifiers(void *object) {
  return ((session *)object)->identifiers;
}

static const anycable_session_ops ops = {
    .size = sizeof(anycable_session_ops),
    .create = session_create,
    .handle_open = session_open,
    .handle_close = session_close,
    .handle_channel_command = session_command,
    .identifiers_json = session_identifiers,
};

int main(int argc, char **argv) {
  anycable_app *app = anycable_app_new();
  anycable_app_set_factory(app, &ops, NULL, NULL);
  return anycable_main(app, argc, argv);
}
