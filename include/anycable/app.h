/* The application: what to do with calls. Made once, before its servers.
 *
 * The functions here that register return nothing and tolerate NULL: what went
 * wrong is kept, and anycable_server_new() fails with it. Register before the
 * first server is made; later is an error that is kept too. */
#ifndef ANYCABLE_APP_H
#define ANYCABLE_APP_H

#include <anycable/broadcaster.h>
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

/** Lets go of the application. It is freed when its servers are freed and its
 *  last deferred call is too: usually at once. Its broadcasters are let go of
 *  then, one after the other, which sends what is queued, for a bounded time
 *  each; see anycable_broadcaster_free(). At last the factory's ctx_destroy is
 *  called, and what anycable_app_on_free() registered. NULL is fine.
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

/** Calls |fn| at the very end of the application's life, when nothing of it
 *  runs any more or will: after ctx_destroy. Several are called in the reverse
 *  order. For what callbacks are given as their ctx. It can be registered at
 *  any time, and whatever else was wrong.
 *  Returns: ANYCABLE_OK; ANYCABLE_ERR_NOMEM, also for a NULL |app|: then |fn|
 *  has been called at once; ANYCABLE_ERR_INVALID for a NULL |fn|.
 *  Threads: the one that sets the application up.
 *  Ownership: |ctx| is borrowed until |fn| is called. */
ANYCABLE_EXTERN int anycable_app_on_free(anycable_app *app,
                                         void (*fn)(void *ctx), void *ctx);

/** Finds the ctx that was registered with the table |ops|: a framework knows
 *  its own application by its table's address.
 *  Returns: the ctx; NULL if the factory is another one.
 *  Threads: any. */
ANYCABLE_EXTERN void *anycable_app_factory(const anycable_app *app,
                                           const anycable_session_ops *ops);

/** For frameworks with functions that register: tells whether |app| can still
 *  be registered with, and keeps the error if not. |what| is the function's
 *  name, for that.
 *  Returns: true to go on. False if |app| is NULL, if it has a server already,
 *  or after another error of registering.
 *  Threads: the one that sets the application up. */
ANYCABLE_EXTERN bool anycable_app_can_register(anycable_app *app,
                                               const char *what);

/** For frameworks with functions that register: keeps |error| and its reason,
 *  if it is the first one. anycable_server_new() then fails with it. A NULL
 *  |app| is tolerated.
 *  Returns: |error|.
 *  Threads: the one that sets the application up. */
ANYCABLE_EXTERN int anycable_app_refuse(anycable_app *app, int error,
                                        const char *format, ...)
    ANYCABLE_PRINTF(3, 4);

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

/** Gives |broadcaster| to the application, for anycable_app_broadcast() and
 *  anycable_socket_broadcast(). May be called several times: what is published
 *  goes to all. Without it, the first server makes those that its configuration
 *  names (ANYCABLE_SETTING_BROADCAST_ADAPTER).
 *  Threads: the one that sets the application up.
 *  Ownership: counted: yours may be freed at once. NULL is an error that is
 *  kept: it is what anycable_broadcaster_new() failed with. */
ANYCABLE_EXTERN void
anycable_app_add_broadcaster(anycable_app *app,
                             anycable_broadcaster *broadcaster);

/** The application's broadcaster at |index|, counted from 0: for its counts,
 *  for a batch, to flush.
 *  Returns: the broadcaster, NULL past the last one.
 *  Threads: any, once the first server was made.
 *  Ownership: borrowed for as long as |app| lives. */
ANYCABLE_EXTERN anycable_broadcaster *
anycable_app_broadcaster(const anycable_app *app, size_t index);

/** Publishes a JSON text to |stream|, by every broadcaster of the application;
 *  see anycable_broadcaster_publish(). |options| may be NULL.
 *  Returns: as anycable_broadcaster_publish(), the first error of several;
 *  ANYCABLE_ERR_STATE if there is no broadcaster.
 *  Threads: any, once the first server was made.
 *  Ownership: all copied. */
ANYCABLE_EXTERN int
anycable_app_broadcast(anycable_app *app, anycable_str stream,
                       anycable_str json,
                       const anycable_publish_options *options);

/** Publishes |text| as a string; see anycable_broadcaster_publish_string().
 *  Returns: as anycable_app_broadcast().
 *  Threads: as anycable_app_broadcast().
 *  Ownership: all copied. */
ANYCABLE_EXTERN int
anycable_app_broadcast_string(anycable_app *app, anycable_str stream,
                              anycable_str text,
                              const anycable_publish_options *options);

/** Disconnects all clients whose identifiers are |identifiers|; see
 *  anycable_broadcaster_disconnect().
 *  Returns: as anycable_app_broadcast().
 *  Threads: as anycable_app_broadcast().
 *  Ownership: |identifiers| is copied. */
ANYCABLE_EXTERN int anycable_app_disconnect(anycable_app *app,
                                            anycable_str identifiers,
                                            bool reconnect);

/** Waits until every message that was taken before has its fate; see
 *  anycable_broadcaster_flush().
 *  Returns: ANYCABLE_OK; ANYCABLE_ERR_TIMEOUT after |timeout_ms| in all
 *  (negative: no bound); ANYCABLE_ERR_STATE if there is no broadcaster, or from
 *  a callback of one; ANYCABLE_ERR_FORKED.
 *  Threads: as anycable_app_broadcast(). */
ANYCABLE_EXTERN int anycable_app_flush(anycable_app *app, int64_t timeout_ms);

/** Begins a batch with every broadcaster of the application, for the calling
 *  thread; see anycable_broadcaster_begin_batch().
 *  Returns: ANYCABLE_OK; ANYCABLE_ERR_NOMEM; ANYCABLE_ERR_STATE if there is no
 *  broadcaster. End it all the same, and before a handler returns: its thread
 *  is another call's then.
 *  Threads: as anycable_app_broadcast(). */
ANYCABLE_EXTERN int anycable_app_begin_batch(anycable_app *app);

/** Ends a batch of the calling thread; see anycable_broadcaster_end_batch().
 *  Returns: as anycable_app_broadcast().
 *  Threads: as anycable_app_broadcast(). */
ANYCABLE_EXTERN int anycable_app_end_batch(anycable_app *app);

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
