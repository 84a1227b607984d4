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
 * anycable_deferred_finish() once, and anycable_deferred_free(). A deferred
 * outlives the call's deadline, the connection and the server: finishing it
 * then has no effect, and freeing it gives the memory back. */
#ifndef ANYCABLE_DEFERRED_H
#define ANYCABLE_DEFERRED_H

#include <anycable/socket.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct anycable_deferred anycable_deferred;

/** Takes the call over, to be answered later. The handler must then return
 *  ANYCABLE_PENDING; if it returns anything else, that is the answer, and the
 *  deferred counts as cancelled.
 *  Returns: the deferred; NULL if too many are outstanding
 *  (ANYCABLE_LIMIT_DEFERRED), if the call was deferred before, or outside a
 *  handler of the call.
 *  Threads: the thread that runs the handler.
 *  Ownership: yours, until anycable_deferred_free(). */
ANYCABLE_EXTERN anycable_deferred *anycable_socket_defer(
    anycable_socket *socket) ANYCABLE_WARN_UNUSED;

/** The call's socket.
 *  Returns: the socket, never NULL.
 *  Threads: the holder's.
 *  Ownership: borrowed until anycable_deferred_free(), also when cancelled. */
ANYCABLE_EXTERN anycable_socket *
anycable_deferred_socket(const anycable_deferred *deferred);

/** Tells whether an answer is still wanted: not after the deadline passed,
 *  the server gave the call up, or our own server stops.
 *  Threads: any, until anycable_deferred_free(). */
ANYCABLE_EXTERN bool
anycable_deferred_cancelled(const anycable_deferred *deferred);

/** Calls |fn| when the call is cancelled, at once if it already is. It runs on
 *  the server's I/O thread (at once: on the caller's), must not block, and is
 *  never called after anycable_deferred_free() has returned, which waits for
 *  it if it runs just then. It may call anycable_deferred_free() itself. A
 *  second call replaces the first; a NULL |fn| clears it.
 *  Threads: the holder's. */
ANYCABLE_EXTERN void
anycable_deferred_on_cancel(anycable_deferred *deferred,
                            void (*fn)(anycable_deferred *deferred, void *ctx),
                            void *ctx);

/** Ends the call: |outcome| is what a handler would return. After it only
 *  anycable_deferred_cancelled() and anycable_deferred_free() may be called.
 *  Returns: ANYCABLE_OK; ANYCABLE_ERR_CANCELLED where no answer is wanted any
 *  more, without effect; ANYCABLE_ERR_STATE the second time;
 *  ANYCABLE_ERR_INVALID for ANYCABLE_PENDING, without effect.
 *  Threads: the holder's. */
ANYCABLE_EXTERN int anycable_deferred_finish(anycable_deferred *deferred,
                                             int outcome);

/** Gives the deferred back. If it was not finished, the call ends in Status
 *  ERROR. NULL is fine.
 *  Threads: the holder's. */
ANYCABLE_EXTERN void anycable_deferred_free(anycable_deferred *deferred);

#ifdef __cplusplus
}
#endif

#endif
