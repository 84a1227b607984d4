/* Connections, where an application names its channels and leaves the protocol
 * to the library: who may connect, and as whom.
 *
 *     static int on_connect(anycable_connection *conn, void *ctx) {
 *       anycable_str user = anycable_connection_param(conn, "user");
 *       if (user.len == 0)
 *         return ANYCABLE_REJECT;
 *       anycable_connection_identify(conn, "user", user);
 *       return ANYCABLE_DONE;
 *     }
 *
 *     anycable_app_on_connect(app, on_connect, NULL);
 *
 * An anycable_connection lives for one call, as its socket does; what lasts is
 * its identifiers and its cstate. It may never have connected here: where
 * AnyCable checks tokens (JWT) or takes up a session, the first call is a
 * Command, and its identifiers are all there is.
 *
 * With these and with anycable/channel.h the application has a factory, the
 * library's own: it cannot have another one. */
#ifndef ANYCABLE_CONNECTION_H
#define ANYCABLE_CONNECTION_H

#include <anycable/app.h>
#include <anycable/deferred.h>
#include <anycable/request.h>
#include <anycable/socket.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct anycable_connection anycable_connection;

/** Calls |fn| for every client that connects. ANYCABLE_DONE lets it in, with a
 *  welcome that tells its sid; ANYCABLE_REJECT does not: the client is told
 *  "unauthorized", and not to come back. Without any such callback everybody
 *  is let in.
 *  Threads: the one that sets the application up.
 *  Ownership: |ctx| is borrowed for as long as |app| lives. */
ANYCABLE_EXTERN void
anycable_app_on_connect(anycable_app *app,
                        int (*fn)(anycable_connection *connection, void *ctx),
                        void *ctx);

/** Calls |fn| in place of that for clients that come by the URL path |path|,
 *  such as "/admin/cable", percent-decoded and compared as a whole. Where paths
 *  are registered and nothing else, clients that come by another one are
 *  rejected.
 *  Threads: the one that sets the application up.
 *  Ownership: |path| is copied; |ctx| as above. */
ANYCABLE_EXTERN void anycable_app_on_connect_at(
    anycable_app *app, const char *path,
    int (*fn)(anycable_connection *connection, void *ctx), void *ctx);

/** Calls |fn| for every client that is gone, when the unsubscribe callbacks of
 *  its subscriptions have run. Nothing reaches the client any more. May come
 *  twice for one client, if it took its session up in between, and not at all,
 *  if AnyCable crashes.
 *  Threads: the one that sets the application up.
 *  Ownership: |ctx| as above. */
ANYCABLE_EXTERN void anycable_app_on_disconnect(
    anycable_app *app, int (*fn)(anycable_connection *connection, void *ctx),
    void *ctx);

/** Calls |fn| in place of that for clients that came by the URL path |path|;
 *  see anycable_app_on_connect_at().
 *  Threads: the one that sets the application up.
 *  Ownership: |path| is copied; |ctx| as above. */
ANYCABLE_EXTERN void anycable_app_on_disconnect_at(
    anycable_app *app, const char *path,
    int (*fn)(anycable_connection *connection, void *ctx), void *ctx);

/* --- what is known of it ---------------------------------------------------
 */

/** The stub of the client's socket, for all that is not here.
 *  Returns: the socket, never NULL.
 *  Threads: the call's holder, as all functions of a connection.
 *  Ownership: borrowed for as long as the call lives, which is until the
 *  handler returns, or until anycable_deferred_free(). */
ANYCABLE_EXTERN anycable_socket *
anycable_connection_socket(const anycable_connection *connection);

/** The call's request: URL, headers, cookies, sid; see anycable/request.h.
 *  Returns: the request, never NULL.
 *  Threads: the call's holder.
 *  Ownership: borrowed for as long as the call lives. */
ANYCABLE_EXTERN const anycable_request *
anycable_connection_request(const anycable_connection *connection);

/** The value of |name| in the URL's query; see anycable_request_query().
 *  Returns: the value, empty where there is none.
 *  Threads: the call's holder.
 *  Ownership: borrowed for as long as the call lives. */
ANYCABLE_EXTERN anycable_str anycable_connection_param(
    const anycable_connection *connection, const char *name);

/** Says who the client is: |name| is |value|. May be called for several names;
 *  the last value of one counts. Every later call of this connection, and
 *  everybody who disconnects it from afar, knows it by these: see
 *  anycable/identity.h. on_connect only.
 *  Returns: ANYCABLE_OK or an error of anycable/socket.h, which is remembered;
 *  ANYCABLE_ERR_INVALID for an empty name; ANYCABLE_ERR_STATE in other calls.
 *  Threads: the call's holder.
 *  Ownership: both copied. */
ANYCABLE_EXTERN int
anycable_connection_identify(anycable_connection *connection, const char *name,
                             anycable_str value);

/** What the client was identified as, in this call or in its Connect, or by
 *  its token. Where a token holds something else than a string, its JSON text.
 *  Returns: the value, empty where there is none.
 *  Threads: the call's holder.
 *  Ownership: borrowed for as long as the call lives. */
ANYCABLE_EXTERN anycable_str anycable_connection_identifier(
    anycable_connection *connection, const char *name);

/** All of these as one JSON text, by which AnyCable knows the connection: what
 *  anycable_app_disconnect() wants. The same bytes for the same values.
 *  Returns: the text, never empty; empty without memory.
 *  Threads: the call's holder.
 *  Ownership: borrowed for as long as the call lives. */
ANYCABLE_EXTERN anycable_str
anycable_connection_identifiers(anycable_connection *connection);

/* --- what is done with it ---------------------------------------------------
 */

/** Rejects the client: for
 *  `return anycable_connection_reject(conn, "maintenance", true);`. It gets a
 *  disconnect message with |reason|, "unauthorized" if NULL, and with whether
 *  it may |reconnect|. on_connect only.
 *  Returns: ANYCABLE_REJECT; an error of anycable/socket.h, which is
 *  remembered.
 *  Threads: the call's holder.
 *  Ownership: |reason| is copied. */
ANYCABLE_EXTERN int anycable_connection_reject(anycable_connection *connection,
                                               const char *reason,
                                               bool reconnect);

/** Sends one frame of the protocol, a JSON object, before the welcome.
 *  on_connect only.
 *  Returns: ANYCABLE_OK or an error; see anycable_socket_transmit().
 *  Threads: the call's holder.
 *  Ownership: |frame| is copied. */
ANYCABLE_EXTERN int
anycable_connection_transmit(anycable_connection *connection,
                             anycable_str frame);

/** The connection's state under |key|; see anycable_socket_cstate().
 *  Returns: the value, empty where there is none.
 *  Threads: the call's holder.
 *  Ownership: borrowed for as long as the call lives. */
ANYCABLE_EXTERN anycable_str anycable_connection_cstate(
    const anycable_connection *connection, const char *key);

/** Sets the connection's state under |key|; empty deletes it. on_connect only.
 *  Returns: ANYCABLE_OK or an error; see anycable_socket_set_cstate().
 *  Threads: the call's holder.
 *  Ownership: both copied. */
ANYCABLE_EXTERN int
anycable_connection_set_cstate(anycable_connection *connection, const char *key,
                               anycable_str value);

/** Makes the call fail, and says why; see anycable_socket_fail(). A client that
 *  connects is closed without a word, and comes back.
 *  Returns: ANYCABLE_ERR_FAILED, always.
 *  Threads: the call's holder. */
ANYCABLE_EXTERN int anycable_connection_fail(anycable_connection *connection,
                                             const char *format, ...)
    ANYCABLE_PRINTF(2, 3);

/** Takes the call over, to be answered later: return ANYCABLE_PENDING then. The
 *  connection is good until anycable_deferred_free().
 *  Returns: the deferred, or NULL; see anycable_socket_defer().
 *  Threads: the thread that runs the callback.
 *  Ownership: yours, until anycable_deferred_free(). */
ANYCABLE_EXTERN anycable_deferred *
anycable_connection_defer(anycable_connection *connection) ANYCABLE_WARN_UNUSED;

/** The connection of a deferred call.
 *  Returns: the connection; NULL if neither anycable_connection_defer() nor
 *  anycable_channel_defer() made |deferred|.
 *  Threads: the holder's.
 *  Ownership: borrowed until anycable_deferred_free(), also when cancelled. */
ANYCABLE_EXTERN anycable_connection *
anycable_deferred_connection(const anycable_deferred *deferred);

#ifdef __cplusplus
}
#endif

#endif
