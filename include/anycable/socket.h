/* The stub of a client's socket: collects what a call answers.
 *
 * It lives for one call. Whoever holds the call uses it: the thread that runs
 * the handler, or, after anycable_socket_defer(), the holder of the deferred.
 *
 * AnyCable sends the commands of one client one after the other, so two of them
 * never run at once, and state that one sets the next one sees. A Disconnect
 * may overlap with a command that was given up. A call may come twice, if its
 * answer was lost.
 *
 * Functions that add to the answer return ANYCABLE_OK or an error, and also
 * remember the error: a call whose output failed ends in Status ERROR, even
 * where the handler did not look. All of them can return
 *
 *   ANYCABLE_ERR_NOMEM     out of memory, or over the cap of one call
 *   ANYCABLE_ERR_ENCODING  the text is not valid UTF-8
 *   ANYCABLE_ERR_LIMIT     the answer would be larger than AnyCable takes
 *   ANYCABLE_ERR_STATE     not in this kind of call, or after its end
 *
 * and copy what they are given. AnyCable applies an answer in the order:
 * streams stopped, streams started, state, transmissions, presence, close. */
#ifndef ANYCABLE_SOCKET_H
#define ANYCABLE_SOCKET_H

#include <anycable/broadcaster.h>
#include <anycable/error.h>
#include <anycable/request.h>
#include <anycable/str.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct anycable_socket anycable_socket;

struct anycable_app; /* see anycable/app.h */

/** What AnyCable asked.
 *  Returns: the request, never NULL.
 *  Threads: the call's holder.
 *  Ownership: borrowed for as long as |socket| lives. */
ANYCABLE_EXTERN const anycable_request *
anycable_socket_request(const anycable_socket *socket);

/** Sends |frame| to the client: one whole message of the Action Cable
 *  protocol, a JSON object (which is not checked). AnyCable sends none of these
 *  by itself:
 *
 *    {"type":"welcome","sid":"..."}                       let in
 *    {"type":"disconnect","reason":"unauthorized","reconnect":false}
 *    {"type":"confirm_subscription","identifier":"..."}   subscribed
 *    {"type":"reject_subscription","identifier":"..."}
 *    {"identifier":"...","message":...}                   a message
 *
 *  where the identifier is the command's, byte for byte, as a JSON string.
 *  Connect and Command only.
 *  Returns: ANYCABLE_OK or an error as above; ANYCABLE_ERR_INVALID if empty.
 *  Threads: the call's holder.
 *  Ownership: |frame| is copied. */
ANYCABLE_EXTERN int anycable_socket_transmit(anycable_socket *socket,
                                             anycable_str frame);

/** Sends a frame that is given as |n| pieces, one behind the other, as writev()
 *  does: a quoted identifier, a message and what stands between.
 *  Returns: as anycable_socket_transmit().
 *  Threads: the call's holder.
 *  Ownership: all copied. */
ANYCABLE_EXTERN int anycable_socket_transmit_pieces(anycable_socket *socket,
                                                    const anycable_str *pieces,
                                                    size_t n);

/** Subscribes the client to |stream|, on behalf of the subscription
 *  |identifier|, which must be the command's own. Where a "subscribe" ends in
 *  ANYCABLE_REJECT, it is taken back. Command only, and not in "unsubscribe".
 *  Returns: ANYCABLE_OK or an error as above; ANYCABLE_ERR_INVALID for an
 *  empty stream or another identifier.
 *  Threads: the call's holder.
 *  Ownership: |stream| is copied. */
ANYCABLE_EXTERN int anycable_socket_subscribe(anycable_socket *socket,
                                              anycable_str identifier,
                                              anycable_str stream);

/** Unsubscribes the client from |stream|, of the subscription |identifier|,
 *  which must be the command's own. AnyCable stops streams before it starts
 *  any: a stream both stopped and started in one call is subscribed after it,
 *  unless it was started first; then the start is taken back. Where it was
 *  the whisper stream, that ends too. Command only.
 *  Returns: ANYCABLE_OK or an error as above; ANYCABLE_ERR_INVALID for an
 *  empty stream or another identifier.
 *  Threads: the call's holder.
 *  Ownership: |stream| is copied. */
ANYCABLE_EXTERN int anycable_socket_unsubscribe(anycable_socket *socket,
                                                anycable_str identifier,
                                                anycable_str stream);

/** Unsubscribes the client from all streams of the subscription |identifier|,
 *  which must be the command's own, those started earlier in this call
 *  included. Ends its whispering. Command only.
 *  Returns: ANYCABLE_OK or an error as above; ANYCABLE_ERR_INVALID for
 *  another identifier.
 *  Threads: the call's holder. */
ANYCABLE_EXTERN int
anycable_socket_unsubscribe_from_all(anycable_socket *socket,
                                     anycable_str identifier);

/** Lets clients of this subscription whisper to each other on |stream|:
 *  AnyCable passes their messages on without a call. One stream a subscription;
 *  an empty one ends it. The client must be subscribed to |stream| to hear
 *  others. Command only.
 *  Returns: ANYCABLE_OK or an error as above.
 *  Threads: the call's holder.
 *  Ownership: |stream| is copied. */
ANYCABLE_EXTERN int anycable_socket_whisper(anycable_socket *socket,
                                            anycable_str stream);

/** Enters the client into the presence set of |stream| as |id|; |info| is JSON
 *  that others see, or empty. AnyCable needs a broker for it. One stream and
 *  one id a subscription; the last of several calls counts. Command only.
 *  Returns: ANYCABLE_OK or an error as above; ANYCABLE_ERR_INVALID for an
 *  empty stream or id.
 *  Threads: the call's holder.
 *  Ownership: all copied. */
ANYCABLE_EXTERN int anycable_socket_presence_join(anycable_socket *socket,
                                                  anycable_str stream,
                                                  anycable_str id,
                                                  anycable_str info);

/** Takes the client out of the presence set it joined. Command only.
 *  Returns: ANYCABLE_OK or an error as above.
 *  Threads: the call's holder. */
ANYCABLE_EXTERN int anycable_socket_presence_leave(anycable_socket *socket);

/** Closes the client's connection when the answer was applied. The client
 *  reconnects unless a disconnect frame was transmitted that tells it not to.
 *  Command only; in Connect, return ANYCABLE_REJECT.
 *  Returns: ANYCABLE_OK or an error as above.
 *  Threads: the call's holder. */
ANYCABLE_EXTERN int anycable_socket_close(anycable_socket *socket);

/** The connection's state under |key|, as set in an earlier call or in this
 *  one. AnyCable keeps it and brings it along with every call.
 *  Returns: the value, empty where there is none.
 *  Threads: the call's holder.
 *  Ownership: borrowed for as long as |socket| lives. */
ANYCABLE_EXTERN anycable_str anycable_socket_cstate(anycable_socket *socket,
                                                    const char *key);

/** Sets the connection's state under |key|. Only what changed travels back. An
 *  empty |value| deletes the key: an empty string cannot be stored. Connect
 *  and Command only.
 *  Returns: ANYCABLE_OK or an error as above; ANYCABLE_ERR_INVALID for an
 *  empty key.
 *  Threads: the call's holder.
 *  Ownership: both copied. */
ANYCABLE_EXTERN int anycable_socket_set_cstate(anycable_socket *socket,
                                               const char *key,
                                               anycable_str value);

/** The subscription's state under |key|, as set in an earlier call for the
 *  same subscription or in this one. Keys that begin with "$" are
 *  AnyCable's own. In Disconnect, see anycable_socket_istate_of().
 *  Returns: the value, empty where there is none.
 *  Threads: the call's holder.
 *  Ownership: borrowed for as long as |socket| lives. */
ANYCABLE_EXTERN anycable_str anycable_socket_istate(anycable_socket *socket,
                                                    const char *key);

/** Sets the subscription's state under |key|, as
 *  anycable_socket_set_cstate(). Command only; what an "unsubscribe" sets is
 *  dropped, as the subscription ends.
 *  Returns: ANYCABLE_OK or an error as above; ANYCABLE_ERR_INVALID for an
 *  empty key or one that begins with "$".
 *  Threads: the call's holder.
 *  Ownership: both copied. */
ANYCABLE_EXTERN int anycable_socket_set_istate(anycable_socket *socket,
                                               const char *key,
                                               anycable_str value);

/** The state of the subscription |identifier| under |key|, for a Disconnect,
 *  which tells of all. In a Command it answers for the command's own identifier
 *  only.
 *  Returns: the value, empty where there is none.
 *  Threads: the call's holder.
 *  Ownership: borrowed for as long as |socket| lives. */
ANYCABLE_EXTERN anycable_str anycable_socket_istate_of(anycable_socket *socket,
                                                       anycable_str identifier,
                                                       const char *key);

/** The session: a text, usually JSON, that belongs to the connection. It is
 *  the connection's state under "_s_", the key that other backends of AnyCable
 *  use for it.
 *  Returns: the session, empty where there is none.
 *  Threads: the call's holder.
 *  Ownership: borrowed for as long as |socket| lives. */
ANYCABLE_EXTERN anycable_str anycable_socket_session(anycable_socket *socket);

/** Sets the session; empty deletes it. Connect and Command only.
 *  Returns: ANYCABLE_OK or an error as above.
 *  Threads: the call's holder.
 *  Ownership: |session| is copied. */
ANYCABLE_EXTERN int anycable_socket_set_session(anycable_socket *socket,
                                                anycable_str session);

/** Publishes a JSON text to |stream| by the application's broadcasters, at
 *  once: it goes out whatever this call ends in. To leave the client itself
 *  out, give its sid as |options->exclude_socket|. |options| may be NULL.
 *  Returns: as anycable_app_broadcast(). An error is remembered: the call ends
 *  in Status ERROR.
 *  Threads: the call's holder.
 *  Ownership: all copied. */
ANYCABLE_EXTERN int
anycable_socket_broadcast(anycable_socket *socket, anycable_str stream,
                          anycable_str json,
                          const anycable_publish_options *options);

/** Publishes |text| as a string; see anycable_broadcaster_publish_string().
 *  Returns: as anycable_socket_broadcast().
 *  Threads: the call's holder.
 *  Ownership: all copied. */
ANYCABLE_EXTERN int
anycable_socket_broadcast_string(anycable_socket *socket, anycable_str stream,
                                 anycable_str text,
                                 const anycable_publish_options *options);

/** The application that the call belongs to.
 *  Returns: the application, never NULL.
 *  Threads: the call's holder.
 *  Ownership: borrowed for as long as |socket| lives. */
ANYCABLE_EXTERN struct anycable_app *
anycable_socket_app(const anycable_socket *socket);

/** Says why the call fails, and makes it fail: for
 *  `return anycable_socket_fail(socket, "no such room: %s", room.ptr);`. The
 *  message travels to AnyCable's log, not to the client. The last one counts;
 *  it is cut at 1,000 bytes.
 *  Returns: ANYCABLE_ERR_FAILED, always. It is remembered: the call ends in
 *  Status ERROR, whatever the handler returns.
 *  Threads: the call's holder. */
ANYCABLE_EXTERN int anycable_socket_fail(anycable_socket *socket,
                                         const char *format, ...)
    ANYCABLE_PRINTF(2, 3);

/** Says why a connection or subscription is refused: for
 *  `return anycable_socket_reject(socket, "unknown user");`. The reason is
 *  logged here and by AnyCable; what the client is to see is for
 *  anycable_socket_transmit().
 *  Returns: ANYCABLE_REJECT, always. It is remembered: ANYCABLE_DONE then means
 *  ANYCABLE_REJECT too.
 *  Threads: the call's holder. */
ANYCABLE_EXTERN int anycable_socket_reject(anycable_socket *socket,
                                           const char *format, ...)
    ANYCABLE_PRINTF(2, 3);

/** How long an answer is still wanted: the time to the call's deadline, which
 *  AnyCable sets (3 seconds by default).
 *  Returns: milliseconds, 0 if it has passed or the call was cancelled: a
 *  handler that takes long may ask now and then.
 *  Threads: the call's holder. */
ANYCABLE_EXTERN int64_t
anycable_socket_time_left(const anycable_socket *socket);

/** Allocates |size| zeroed bytes that live as long as |socket|, aligned for
 *  any type.
 *  Returns: the memory; NULL if there is none or the call's cap is reached.
 *  Threads: the call's holder.
 *  Ownership: the call's; never free it. */
ANYCABLE_EXTERN void *anycable_socket_alloc(anycable_socket *socket,
                                            size_t size) ANYCABLE_WARN_UNUSED;

/** Keeps |data| with the call under |key|, an address that is yours, such as
 *  that of a static variable: for interceptors, from before to after, and for
 *  what they want to tell the session. NULL is what was never set.
 *  Returns: ANYCABLE_OK; ANYCABLE_ERR_NOMEM, remembered as above.
 *  Threads: the call's holder.
 *  Ownership: |data| is borrowed for as long as |socket| lives; memory of
 *  anycable_socket_alloc() is. */
ANYCABLE_EXTERN int anycable_socket_set_data(anycable_socket *socket,
                                             const void *key, void *data);

/** What is kept with the call under |key|.
 *  Returns: the data, NULL if there is none.
 *  Threads: the call's holder. */
ANYCABLE_EXTERN void *anycable_socket_data(const anycable_socket *socket,
                                           const void *key);

/** Formats a text into the call's memory.
 *  Returns: the text, borrowed for as long as |socket| lives; empty if there
 *  is no memory, which is remembered: the call ends in Status ERROR.
 *  Threads: the call's holder. */
ANYCABLE_EXTERN anycable_str anycable_socket_format(anycable_socket *socket,
                                                    const char *format, ...)
    ANYCABLE_PRINTF(2, 3);

/** Writes |text| as a JSON string, quotes included, into the call's memory: to
 *  build frames with anycable_socket_format().
 *  Returns: the JSON text, borrowed for as long as |socket| lives; empty if
 *  there is no memory or |text| is not UTF-8, which is remembered.
 *  Threads: the call's holder. */
ANYCABLE_EXTERN anycable_str anycable_socket_quote(anycable_socket *socket,
                                                   anycable_str text);

/** Writes a line to the log of anycable_config_set_log(), with the call's
 *  method and sid. Nowhere, once the server is freed.
 *  Threads: the call's holder. */
ANYCABLE_EXTERN void anycable_socket_log(anycable_socket *socket, int level,
                                         const char *format, ...)
    ANYCABLE_PRINTF(3, 4);

#ifdef __cplusplus
}
#endif

#endif
