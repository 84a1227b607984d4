/* Answering later, from any thread.
 *
 *     static int slow(void *session, ...) {
 *       anycable_deferred *d = anycable_socket_defer(socket);
 *       if (!d)
 *         return ANYCABLE_ERR_LIMIT;
 *       query_async(..., on_rows, d);
 *       return ANYCABLE_PENDING;
 *     }
 *
 * From the moment |d| is given away, only its holder may touch the call: its
 * socket, its session object, its strings. The handler just returns.
 *
 * The holder does what the handler would have done, calls
 * anycable_deferred_finish() once, and anycable_deferred_free(). If it cannot
 * be given away after all, the handler is the holder:
 *
 *       if (!queue_push(d)) {
 *         anycable_deferred_finish(d, anycable_socket_fail(socket, "busy"));
 *         anycable_deferred_free(d);
 *       }
 *       return ANYCABLE_PENDING;
 *
 * The application's own functions for the call run on the holder's thread:
 * resume, completed, identifiers_json and interceptors inside
 * anycable_deferred_finish(), destroy inside anycable_deferred_free(). Hold no
 * lock there that they take. Only if the handler has not returned by then do
 * they wait for it, and run on its thread: session and socket are good until
 * the handler has returned, however fast the holder is.
 *
 * A deferred outlives the call's deadline, the connection, the server and the
 * application: finishing it then has no effect, and freeing it gives the memory
 * back. What destroy needs must live until then. */
#ifndef ANYCABLE_DEFERRED_H
#define ANYCABLE_DEFERRED_H

#include <anycable/socket.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct anycable_deferred anycable_deferred;

/** Takes the call over, to be answered later. The handler must then return
 *  ANYCABLE_PENDING; if it returns anything else, that is the answer, and the
 *  deferred counts as cancelled (and must be freed still).
 *  Returns: the deferred; NULL if too many are outstanding
 *  (ANYCABLE_LIMIT_DEFERRED), if the call is deferred already, or outside a
 *  handler of the call.
 *  Threads: the thread that runs the handler.
 *  Ownership: yours, until anycable_deferred_free(). */
ANYCABLE_EXTERN anycable_deferred *
anycable_socket_defer(anycable_socket *socket) ANYCABLE_WARN_UNUSED;

/** Tells whether somebody holds a deferred of the call. For a handler that ends
 *  before its time, as by an exception, and does not know how far it came: if
 *  so, it must not touch the call, and returns ANYCABLE_PENDING; the holder has
 *  the last word. If not, the call is the handler's, and it can fail.
 *  Returns: true from anycable_socket_defer() to anycable_deferred_free().
 *  Threads: the thread that runs the handler. */
ANYCABLE_EXTERN bool anycable_socket_deferred(const anycable_socket *socket);

/** The call's socket.
 *  Returns: the socket, never NULL.
 *  Threads: the holder's.
 *  Ownership: borrowed until anycable_deferred_free(), also when cancelled. */
ANYCABLE_EXTERN anycable_socket *
anycable_deferred_socket(const anycable_deferred *deferred);

/** Tells whether the call was cancelled: the deadline passed, AnyCable gave it
 *  up, or the server stopped hard. A drain does not cancel: it waits for
 *  deferred calls.
 *  Returns: true if no answer is wanted any more.
 *  Threads: any, until anycable_deferred_free(). */
ANYCABLE_EXTERN bool
anycable_deferred_cancelled(const anycable_deferred *deferred);

/** Calls |fn| when the call is cancelled, at once if it already is. It runs on
 *  the server's I/O thread (at once: inside this function, on the caller's),
 *  must not block, and must not touch what the holder may be using: it is for
 *  telling the holder. It is never called after anycable_deferred_free() has
 *  returned, which waits for it if it runs just then, so that must not be
 *  called under a lock that |fn| takes. |fn| may call anycable_deferred_free()
 *  itself, if nobody else holds |deferred|. A second call replaces the first; a
 *  NULL |fn| clears it. A call that its own handler answered although it was
 *  deferred is not told of.
 *  Threads: the holder's. */
ANYCABLE_EXTERN void
anycable_deferred_on_cancel(anycable_deferred *deferred,
                            void (*fn)(anycable_deferred *deferred, void *ctx),
                            void *ctx);

/** Ends the call: |outcome| is what a handler would return. After it only
 *  anycable_deferred_cancelled() and anycable_deferred_free() may be called.
 *  Returns: ANYCABLE_OK; ANYCABLE_ERR_CANCELLED where no answer is wanted any
 *  more, without effect; ANYCABLE_ERR_STATE the second time;
 *  ANYCABLE_ERR_INVALID for ANYCABLE_PENDING or ANYCABLE_ANSWERED, without
 *  effect, and for NULL.
 *  Threads: the holder's. */
ANYCABLE_EXTERN int anycable_deferred_finish(anycable_deferred *deferred,
                                             int outcome);

/** Gives the deferred back. If it was not finished, the call ends in Status
 *  ERROR. The last one of an application that was let go of frees that, which
 *  takes as long as anycable_app_free() would. NULL is fine.
 *  Threads: the holder's. */
ANYCABLE_EXTERN void anycable_deferred_free(anycable_deferred *deferred);

#ifdef __cplusplus
}
#endif

#endif
