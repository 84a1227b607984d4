/* The factory: a framework of your own on top of the calls.
 *
 * For every call the library asks the factory for a session object, calls one
 * handle_ function on it, and destroys it. The object lives for one call:
 * what must survive goes into the identifiers, cstate or istate.
 *
 *     create -> handle_open            -> identifiers_json -> completed
 *            -> handle_channel_command                     -> completed
 *            -> handle_close                               -> completed
 *                                                              -> destroy
 *
 * After a deferred call was finished, resume is asked first, where there is
 * one.
 *
 * All of one call run on one thread at a time: the handler's, and after a
 * deferral the holder's. Calls of different clients run in parallel on the
 * workers. Strings given to these functions are borrowed for as long as the
 * call's socket lives. */
#ifndef ANYCABLE_SESSION_H
#define ANYCABLE_SESSION_H

#include <anycable/error.h>
#include <anycable/socket.h>
#include <anycable/str.h>

#ifdef __cplusplus
extern "C" {
#endif

/* In C: static const anycable_session_ops ops = {.size = sizeof(ops), ...};
 * in C++: anycable_session_ops ops{}; ops.size = sizeof(ops); ... */
typedef struct anycable_session_ops {
  /* sizeof(anycable_session_ops), so that the table can grow. */
  size_t size;

  /* Makes the session object. |identifiers| is what Connect answered (empty in
   * Connect), |subscriptions| the |count| identifiers of a Disconnect; both
   * borrowed for as long as |socket| lives. NULL: the call ends in Status
   * ERROR, with the message of anycable_socket_fail() if there is one, and no
   * other function is called. Required. */
  void *(*create)(anycable_socket *socket, anycable_str identifiers,
                  const anycable_str *subscriptions, size_t count, void *ctx);

  /* A client connects. ANYCABLE_DONE lets it in, ANYCABLE_REJECT does not; the
   * frames that tell it so are for this function to transmit. Required. */
  int (*handle_open)(void *session);

  /* A client is gone. Nothing can be transmitted any more. Required. */
  int (*handle_close)(void *session);

  /* A client sent |command| for the subscription |identifier|: "subscribe",
   * "unsubscribe", "message", or one that is not known today. |data| is empty
   * where the command has none. Required. */
  int (*handle_channel_command)(void *session, anycable_str identifier,
                                anycable_str command, anycable_str data);

  /* Asked once, after handle_open ended in ANYCABLE_DONE: the text by which
   * later calls and remote disconnects know this connection; the same bytes
   * for the same user. Copied at once. NULL or empty: "{}". */
  anycable_str (*identifiers_json)(void *session);

  /* The last word before the answer is written, also of a deferred call:
   * |outcome| is ANYCABLE_DONE, ANYCABLE_REJECT or an error, the handler's or
   * that of an output that failed. The socket still takes output. Not called
   * for a call that was cancelled. May be NULL. */
  void (*completed)(void *session, int outcome);

  /* Frees the object. Called once for every object that create made, for a
   * deferred call inside anycable_deferred_free(). May be NULL, where all is in
   * memory of anycable_socket_alloc(). */
  void (*destroy)(void *session);

  /* A deferred call was finished with |outcome|: what does it end in? |outcome|
   * itself, where this is NULL. Or it goes on, and can be deferred anew, with
   * ANYCABLE_PENDING. Called inside anycable_deferred_finish(); also of a call
   * that was cancelled while it was deferred, so that what was begun can be
   * brought to an end, with output and outcome going nowhere; not once the
   * server is freed. */
  int (*resume)(void *session, int outcome);
} anycable_session_ops;

#ifdef __cplusplus
}
#endif

#endif
