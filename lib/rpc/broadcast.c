/* Publishing by an application, and by its handlers: each message goes to all
 * of its broadcasters. */
#include <stdlib.h>

#include "base/clock.h"
#include "rpc/app.h"
#include "rpc/call.h"

int ac_app_add_broadcaster(anycable_app *app,
                           anycable_broadcaster *broadcaster) {
  anycable_broadcaster **more =
      realloc(app->broadcasters, (app->n_broadcasters + 1) * sizeof(*more));
  if (!more)
    return ANYCABLE_ERR_NOMEM;
  app->broadcasters = more;
  more[app->n_broadcasters++] = anycable_broadcaster_ref(broadcaster);
  return ANYCABLE_OK;
}

void ac_app_keep_broadcasters(anycable_app *app, size_t keep) {
  while (app->n_broadcasters > keep)
    anycable_broadcaster_free(app->broadcasters[--app->n_broadcasters]);
}

void anycable_app_add_broadcaster(anycable_app *app,
                                  anycable_broadcaster *broadcaster) {
  if (!anycable_app_can_register(app, "anycable_app_add_broadcaster"))
    return;
  if (!broadcaster) {
    anycable_app_refuse(
        app, ANYCABLE_ERR_INVALID,
        "anycable_app_add_broadcaster: there is no broadcaster");
    return;
  }
  if (ac_app_add_broadcaster(app, broadcaster) != ANYCABLE_OK)
    anycable_app_refuse(app, ANYCABLE_ERR_NOMEM,
                        "anycable_app_add_broadcaster: out of memory");
}

anycable_broadcaster *anycable_app_broadcaster(const anycable_app *app,
                                               size_t index) {
  return app && index < app->n_broadcasters ? app->broadcasters[index] : NULL;
}

/* What is done with one broadcaster. */
struct action {
  int (*run)(anycable_broadcaster *broadcaster, const struct action *action);
  anycable_str stream;
  anycable_str text;
  const anycable_publish_options *options;
  bool reconnect;
};

/* Does it with each; the first error. */
static int with_all(const anycable_app *app, const struct action *action) {
  if (!app || app->n_broadcasters == 0)
    return ANYCABLE_ERR_STATE;
  int first = ANYCABLE_OK;
  for (size_t i = 0; i < app->n_broadcasters; i++) {
    int error = action->run(app->broadcasters[i], action);
    first = first ? first : error;
  }
  return first;
}

static int publish(anycable_broadcaster *broadcaster,
                   const struct action *action) {
  return anycable_broadcaster_publish(broadcaster, action->stream, action->text,
                                      action->options);
}

static int publish_string(anycable_broadcaster *broadcaster,
                          const struct action *action) {
  return anycable_broadcaster_publish_string(broadcaster, action->stream,
                                             action->text, action->options);
}

static int disconnect(anycable_broadcaster *broadcaster,
                      const struct action *action) {
  return anycable_broadcaster_disconnect(broadcaster, action->text,
                                         action->reconnect);
}

static int begin_batch(anycable_broadcaster *broadcaster,
                       const struct action *action) {
  (void)action;
  return anycable_broadcaster_begin_batch(broadcaster);
}

static int end_batch(anycable_broadcaster *broadcaster,
                     const struct action *action) {
  (void)action;
  return anycable_broadcaster_end_batch(broadcaster);
}

int anycable_app_broadcast(anycable_app *app, anycable_str stream,
                           anycable_str json,
                           const anycable_publish_options *options) {
  const struct action action = {publish, stream, json, options, false};
  return with_all(app, &action);
}

int anycable_app_broadcast_string(anycable_app *app, anycable_str stream,
                                  anycable_str text,
                                  const anycable_publish_options *options) {
  const struct action action = {publish_string, stream, text, options, false};
  return with_all(app, &action);
}

int anycable_app_disconnect(anycable_app *app, anycable_str identifiers,
                            bool reconnect) {
  const struct action action = {
      .run = disconnect, .text = identifiers, .reconnect = reconnect};
  return with_all(app, &action);
}

int anycable_app_flush(anycable_app *app, int64_t timeout_ms) {
  if (!app || app->n_broadcasters == 0)
    return ANYCABLE_ERR_STATE;
  uint64_t began = ac_clock_now();
  int error = ANYCABLE_OK;
  for (size_t i = 0; !error && i < app->n_broadcasters; i++) {
    int64_t left = timeout_ms;
    int64_t spent = (int64_t)((ac_clock_now() - began) / AC_MS);
    if (timeout_ms >= 0)
      left = spent < timeout_ms ? timeout_ms - spent : 0;
    error = anycable_broadcaster_flush(app->broadcasters[i], left);
  }
  return error;
}

int anycable_app_begin_batch(anycable_app *app) {
  const struct action action = {.run = begin_batch};
  return with_all(app, &action);
}

int anycable_app_end_batch(anycable_app *app) {
  const struct action action = {.run = end_batch};
  return with_all(app, &action);
}

/* --- handlers ------------------------------------------------------------- */

anycable_app *anycable_socket_app(const anycable_socket *socket) {
  return socket->rpc->app;
}

/* A call that could not publish has not done what it was to do. */
static int remember(anycable_socket *socket, int error) {
  if (!error)
    return ANYCABLE_OK;
  ac_socket_explain(socket, "broadcast: %s", anycable_strerror(error));
  return ac_socket_failed(socket, error);
}

int anycable_socket_broadcast(anycable_socket *socket, anycable_str stream,
                              anycable_str json,
                              const anycable_publish_options *options) {
  return remember(
      socket, anycable_app_broadcast(socket->rpc->app, stream, json, options));
}

int anycable_socket_broadcast_string(anycable_socket *socket,
                                     anycable_str stream, anycable_str text,
                                     const anycable_publish_options *options) {
  return remember(socket, anycable_app_broadcast_string(socket->rpc->app,
                                                        stream, text, options));
}
