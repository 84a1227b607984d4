#include "rpc/app.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

anycable_app *anycable_app_new(void) {
  anycable_app *app = calloc(1, sizeof(*app));
  if (app)
    atomic_init(&app->refs, 1);
  return app;
}

void ac_app_ref(anycable_app *app) {
  atomic_fetch_add(&app->refs, 1);
}

void ac_app_unref(anycable_app *app) {
  if (!app || atomic_fetch_sub(&app->refs, 1) != 1)
    return;
  /* First, as their callbacks may need what is destroyed with |ctx|. */
  ac_app_keep_broadcasters(app, 0);
  free(app->broadcasters);
  if (app->ctx_destroy)
    app->ctx_destroy(app->ctx);
  while (app->n_farewells > 0) {
    struct ac_farewell farewell = app->farewells[--app->n_farewells];
    farewell.fn(farewell.ctx);
  }
  free(app->farewells);
  free(app->interceptors);
  free(app);
}

void anycable_app_free(anycable_app *app) {
  ac_app_unref(app);
}

int anycable_app_on_free(anycable_app *app, void (*fn)(void *ctx), void *ctx) {
  if (!fn)
    return ANYCABLE_ERR_INVALID;
  struct ac_farewell *more =
      app ? realloc(app->farewells, (app->n_farewells + 1) * sizeof(*more))
          : NULL;
  if (!more) {
    fn(ctx);
    return anycable_app_refuse(app, ANYCABLE_ERR_NOMEM,
                               "anycable_app_on_free: out of memory");
  }
  app->farewells = more;
  more[app->n_farewells++] = (struct ac_farewell){fn, ctx};
  return ANYCABLE_OK;
}

void ac_app_fail(anycable_app *app, const char *format, ...) {
  va_list args;
  va_start(args, format);
  vsnprintf(app->text, sizeof(app->text), format, args);
  va_end(args);
}

bool anycable_app_can_register(anycable_app *app, const char *what) {
  if (!app || app->error)
    return false;
  if (app->sealed)
    anycable_app_refuse(app, ANYCABLE_ERR_STATE,
                        "%s: the application has a server already", what);
  return !app->sealed;
}

int anycable_app_refuse(anycable_app *app, int error, const char *format, ...) {
  va_list args;
  if (!app || app->error)
    return error;
  app->error = error;
  va_start(args, format);
  vsnprintf(app->text, sizeof(app->text), format, args);
  va_end(args);
  return error;
}

/* Copies a table of any size that this library knows how to read. */
static const char *copy_ops(anycable_app *app,
                            const anycable_session_ops *ops) {
  size_t known = sizeof(app->ops);
  if (!ops || ops->size < offsetof(anycable_session_ops, handle_open))
    return "anycable_app_set_factory: .size must be "
           "sizeof(anycable_session_ops)";
  for (size_t i = known; i < ops->size; i++) {
    if (((const char *)ops)[i])
      return "anycable_app_set_factory: the table is of a newer library";
  }
  memcpy(&app->ops, ops, ops->size < known ? ops->size : known);
  if (!app->ops.create || !app->ops.handle_open || !app->ops.handle_close ||
      !app->ops.handle_channel_command)
    return "anycable_app_set_factory: create, handle_open, handle_close and "
           "handle_channel_command are required";
  return NULL;
}

void anycable_app_set_factory(anycable_app *app,
                              const anycable_session_ops *ops, void *ctx,
                              void (*ctx_destroy)(void *ctx)) {
  const char *wrong = NULL;
  bool open = anycable_app_can_register(app, "anycable_app_set_factory");
  if (open && app->ops_address)
    wrong = "anycable_app_set_factory: there is a factory already";
  else if (open)
    wrong = copy_ops(app, ops);
  if (wrong)
    anycable_app_refuse(app, ANYCABLE_ERR_INVALID, "%s", wrong);
  if (!open || wrong) {
    if (ctx_destroy)
      ctx_destroy(ctx);
    return;
  }
  app->ops_address = ops;
  app->ctx = ctx;
  app->ctx_destroy = ctx_destroy;
}

void *anycable_app_factory(const anycable_app *app,
                           const anycable_session_ops *ops) {
  return app && ops && app->ops_address == ops ? app->ctx : NULL;
}

void anycable_app_add_interceptor(
    anycable_app *app, int (*before)(anycable_socket *socket, void *ctx),
    void (*after)(anycable_socket *socket, int outcome, void *ctx), void *ctx) {
  if (!anycable_app_can_register(app, "anycable_app_add_interceptor"))
    return;
  if (!before && !after) {
    anycable_app_refuse(
        app, ANYCABLE_ERR_INVALID,
        "anycable_app_add_interceptor: before and after are both NULL");
    return;
  }
  struct ac_interceptor *more =
      realloc(app->interceptors, (app->n_interceptors + 1) * sizeof(*more));
  if (!more) {
    anycable_app_refuse(app, ANYCABLE_ERR_NOMEM,
                        "anycable_app_add_interceptor: out of memory");
    return;
  }
  app->interceptors = more;
  more[app->n_interceptors++] = (struct ac_interceptor){before, after, ctx};
}

void anycable_app_on_error(anycable_app *app,
                           void (*fn)(anycable_socket *socket, int error,
                                      const char *message, void *ctx),
                           void *ctx) {
  if (!anycable_app_can_register(app, "anycable_app_on_error"))
    return;
  if (fn && app->on_error) {
    anycable_app_refuse(
        app, ANYCABLE_ERR_INVALID,
        "anycable_app_on_error: there is an error callback already");
    return;
  }
  app->on_error = fn;
  app->on_error_ctx = ctx;
}

const char *anycable_app_error(const anycable_app *app) {
  return app ? app->text : "out of memory";
}

int ac_app_check(anycable_app *app) {
  if (!app)
    return ANYCABLE_ERR_NOMEM;
  if (app->error)
    return app->error;
  if (!app->ops_address) {
    ac_app_fail(app, "the application has nothing to answer calls with: no "
                     "channel, no connection callback, no factory");
    return ANYCABLE_ERR_INVALID;
  }
  return ANYCABLE_OK;
}

void ac_app_seal(anycable_app *app) {
  app->sealed = true;
}
