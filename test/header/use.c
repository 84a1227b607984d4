/* What the headers offer besides functions, in what C and C++ have in common.
 * Only compiled. */
#include <anycable.h>

#if ANYCABLE_VERSION_NUM !=                                                    \
    (ANYCABLE_VERSION_MAJOR << 16 | ANYCABLE_VERSION_MINOR << 8 |              \
     ANYCABLE_VERSION_PATCH)
#error "the version's numbers differ"
#endif

static void *create(anycable_socket *socket, anycable_str identifiers,
                    const anycable_str *subscriptions, size_t count,
                    void *ctx) {
  anycable_str first = count > 0 ? subscriptions[0] : identifiers;
  if (anycable_str_starts_with(first, ANYCABLE_STR("a\"b")))
    anycable_socket_log(socket, ANYCABLE_LOG_WARN, "%s", first.ptr);
  return ctx;
}

static int handle(void *session) {
  return session ? ANYCABLE_DONE : ANYCABLE_REJECT;
}

static int command(void *session, anycable_str identifier, anycable_str name,
                   anycable_str data) {
  const anycable_str empty = {NULL, 0};
  if (anycable_str_equal(data, empty) || anycable_str_is(identifier, "x"))
    return ANYCABLE_ERR_INVALID;
  return anycable_str_equal(name, anycable_str_of("subscribe"))
             ? handle(session)
             : ANYCABLE_OK;
}

/* Nobody calls it, so nobody is warned. */
int old_use(anycable_app *app) ANYCABLE_DEPRECATED_FOR(use);

int use(anycable_app *app);
int use(anycable_app *app) {
  anycable_session_ops ops = {sizeof(anycable_session_ops),
                              create,
                              handle,
                              handle,
                              command,
                              NULL,
                              NULL,
                              NULL,
                              NULL};
  anycable_server *server;
  enum anycable_limit last = ANYCABLE_LIMIT_EMPTY_FRAMES;
  anycable_app_set_factory(app, &ops, NULL, NULL);
  if (last >= ANYCABLE_LIMIT_END ||
      anycable_server_new(&server, app, NULL) != ANYCABLE_OK)
    return ANYCABLE_ERR_STATE;
  anycable_server_free(server);
  return anycable_main(app, 0, NULL);
}
