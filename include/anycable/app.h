/* The application: what to do with calls. Made once, before its servers.
 *
 * The functions here that register return nothing and tolerate NULL: what went
 * wrong is kept, and anycable_server_new() fails with it. Register before the
 * first server is made; later is an error that is kept too. */
#ifndef ANYCABLE_APP_H
#define ANYCABLE_APP_H

#include <anycable/error.h>
#include <anycable/session.h>
#include <anycable/socket.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct anycable_app anycable_app;

/** Makes an application without any handler.
 *  Returns: the application; NULL if there is no memory, which the functions
 *  of an application tolerate and anycable_server_new() reports.
 *  Threads: any.
 *  Ownership: yours, until anycable_app_free(). */
ANYCABLE_EXTERN anycable_app *anycable_app_new(void) ANYCABLE_WARN_UNUSED;

/** Lets go of the application. It is freed, and the factory's ctx_destroy
 *  called, when its servers are freed and its last deferred call is too:
 *  usually at once. NULL is fine.
 *  Threads: any. */
ANYCABLE_EXTERN void anycable_app_free(anycable_app *app);

/** Registers the factory, which answers every call. One an application.
 *  |ctx| is given to create; |ctx_destroy|, if not NULL, is called with it
 *  once, when the application is freed, or at once if it cannot be registered.
 *  Threads: the one that sets the application up.
 *  Ownership: |ops| is copied. */
ANYCABLE_EXTERN void anycable_app_set_factory(anycable_app *app,
                                              const anycable_session_ops *ops,
                                              void *ctx,
                                              void (*ctx_destroy)(void *ctx));

/** Finds the ctx that was registered with the table |ops|: a framework knows
 *  its own application by its table's address.
 *  Returns: the ctx; NULL if the factory is another one.
 *  Threads: any. */
ANYCABLE_EXTERN void *anycable_app_factory(const anycable_app *app,
                                           const anycable_session_ops *ops);

/** Adds an interceptor: |before| runs before every call's handler, |after|
 *  when it has ended, in the reverse order; either may be NULL. They see
 *  method, request and metadata by anycable_socket_request().
 *
 *  |before| returns ANYCABLE_DONE to go on. Anything else is the answer, and
 *  neither the factory nor later interceptors are asked: ANYCABLE_REJECT and
 *  errors as from a handler, ANYCABLE_ANSWERED for Status SUCCESS with what
 *  was put out to the socket; ANYCABLE_PENDING is an error. |after| is called
 *  for each interceptor whose |before| was; the answer is complete by then. For
 *  a deferred call it runs inside anycable_deferred_finish(). It is called for
 *  cancelled calls too, with ANYCABLE_ERR_CANCELLED, when the handler returns
 *  or the deferred is freed; only not after the server was freed.
 *  Threads: the one that sets the application up. */
ANYCABLE_EXTERN void anycable_app_add_interceptor(
    anycable_app *app, int (*before)(anycable_socket *socket, void *ctx),
    void (*after)(anycable_socket *socket, int outcome, void *ctx), void *ctx);

/** Calls |fn| for every call that ends in an error: a handler's, an output's,
 *  an interceptor's. |error| is the one of anycable_result, |message| the text
 *  that travels back, borrowed until |fn| returns. It may read the request,
 *  log, and use the call's memory. One an application.
 *  Threads: the one that sets the application up. */
ANYCABLE_EXTERN void
anycable_app_on_error(anycable_app *app,
                      void (*fn)(anycable_socket *socket, int error,
                                 const char *message, void *ctx),
                      void *ctx);

/** Says in words what went wrong last: a bad registration, or why
 *  anycable_server_new() failed.
 *  Returns: the text, never NULL, empty if nothing did. For a NULL |app|: "out
 *  of memory".
 *  Threads: the one that sets the application up.
 *  Ownership: borrowed until the next call with |app|. */
ANYCABLE_EXTERN const char *anycable_app_error(const anycable_app *app);

#ifdef __cplusplus
}
#endif

#endif
