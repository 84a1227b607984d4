/* Channels: what clients subscribe to, and the actions they may perform there.
 *
 *     static int subscribed(anycable_channel *chat, void *ctx) {
 *       anycable_str room = anycable_channel_param(chat, "room");
 *       if (room.len == 0)
 *         return ANYCABLE_REJECT;
 *       return anycable_channel_stream_from(chat, "chat/", room);
 *     }
 *
 *     static int speak(anycable_channel *chat, anycable_str data, void *ctx) {
 *       anycable_str text = anycable_channel_data_string(chat, "text");
 *       if (text.len > 2000)
 *         return anycable_channel_fail(chat, "message too long");
 *       ...
 *     }
 *
 *     anycable_channel_class *chat = anycable_app_channel(app, "ChatChannel");
 *     anycable_channel_class_on_subscribe(chat, subscribed, NULL);
 *     anycable_channel_class_on_action(chat, "speak", speak, NULL);
 *
 * A client subscribes by an identifier, {"channel":"ChatChannel","room":"1"}:
 * "channel" names the class, the rest are its params. Confirming and rejecting
 * is the library's; it follows what the callback transmitted.
 *
 * An anycable_channel is one subscription during one call. What lasts is its
 * istate, which AnyCable brings along; see anycable/socket.h for what an answer
 * can hold, the order in which AnyCable applies it, and calls that come twice.
 *
 * What a channel puts out returns ANYCABLE_OK or an error, which is remembered:
 * the call then ends in Status ERROR, of which the client hears nothing. In
 * the unsubscribe callback of a client that is gone there is nobody to hear
 * anything: there these functions do nothing and return ANYCABLE_OK. */
#ifndef ANYCABLE_CHANNEL_H
#define ANYCABLE_CHANNEL_H

#include <anycable/connection.h>
#include <anycable/json.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct anycable_channel anycable_channel;

typedef struct anycable_channel_class anycable_channel_class;

/* --- registering ------------------------------------------------------------
 */

/** Registers the channel |name|, as it stands in identifiers. A NULL |name|
 *  registers one that only anycable_app_channel_lookup() can find.
 *  Returns: the class, to add callbacks to; NULL where it cannot be registered,
 *  which is kept, and tolerated by the functions below.
 *  Threads: the one that sets the application up, as all that register.
 *  Ownership: borrowed for as long as |app| lives; |name| is copied. */
ANYCABLE_EXTERN anycable_channel_class *anycable_app_channel(anycable_app *app,
                                                             const char *name);

/** Asks |fn| for the class of each channel name that is not registered, such as
 *  those that are made at run time. It returns one of anycable_app_channel(),
 *  or NULL: there is no such channel. Called on any worker, for Disconnects
 *  too: it must be quick.
 *  Threads: the one that sets the application up.
 *  Ownership: |ctx| is borrowed for as long as |app| lives. */
ANYCABLE_EXTERN void anycable_app_channel_lookup(
    anycable_app *app,
    anycable_channel_class *(*fn)(anycable_str name, void *ctx), void *ctx);

/** Calls |fn| when a client subscribes. ANYCABLE_DONE confirms, ANYCABLE_REJECT
 *  rejects, and takes back the streams, istate and presence it had set. Without
 *  it every subscription is confirmed.
 *  Threads: the one that sets the application up.
 *  Ownership: |ctx| is borrowed for as long as the application lives. */
ANYCABLE_EXTERN void anycable_channel_class_on_subscribe(
    anycable_channel_class *channel_class,
    int (*fn)(anycable_channel *channel, void *ctx), void *ctx);

/** Calls |fn| when a subscription ends: the client unsubscribed, or is gone.
 *  AnyCable stops its streams by itself. Called too, where the subscribe
 *  callback returned ANYCABLE_DONE, but AnyCable had given the call up by then
 *  (the client left, or the deadline passed): then it cannot be deferred.
 *  Threads: the one that sets the application up.
 *  Ownership: |ctx| as above. */
ANYCABLE_EXTERN void anycable_channel_class_on_unsubscribe(
    anycable_channel_class *channel_class,
    int (*fn)(anycable_channel *channel, void *ctx), void *ctx);

/** Calls |fn| when a client performs |action|: sends data with
 *  {"action":"speak"}. No client can perform what is not registered.
 *  |data| is the whole of what it sent; see also anycable_channel_data().
 *  Threads: the one that sets the application up.
 *  Ownership: |action| is copied; |ctx| as above. */
ANYCABLE_EXTERN void anycable_channel_class_on_action(
    anycable_channel_class *channel_class, const char *action,
    int (*fn)(anycable_channel *channel, anycable_str data, void *ctx),
    void *ctx);

/** Calls |fn| for data without an action: an object that names none, or names
 *  "receive", or any other text that a client sends.
 *  Threads: the one that sets the application up.
 *  Ownership: |ctx| as above. */
ANYCABLE_EXTERN void anycable_channel_class_on_receive(
    anycable_channel_class *channel_class,
    int (*fn)(anycable_channel *channel, anycable_str data, void *ctx),
    void *ctx);

/** Calls |fn| before each of the above, several ones in the order in which they
 *  are registered. ANYCABLE_DONE to go on; anything else is the outcome, and
 *  the callback is not called. It cannot be ANYCABLE_PENDING.
 *  anycable_channel_action() tells what is to come.
 *  Threads: the one that sets the application up.
 *  Ownership: |ctx| as above. */
ANYCABLE_EXTERN void
anycable_channel_class_before(anycable_channel_class *channel_class,
                              int (*fn)(anycable_channel *channel, void *ctx),
                              void *ctx);

/** Calls |fn| after each of the above, also where it was deferred, or where
 *  |before| said no; several ones in the reverse order. |outcome| is
 *  ANYCABLE_DONE, ANYCABLE_REJECT or an error. It can still put out, before a
 *  subscription is confirmed. Not called if the call was cancelled while it was
 *  deferred.
 *  Threads: the one that sets the application up.
 *  Ownership: |ctx| as above. */
ANYCABLE_EXTERN void anycable_channel_class_after(
    anycable_channel_class *channel_class,
    void (*fn)(anycable_channel *channel, int outcome, void *ctx), void *ctx);

/* --- what is known of it ----------------------------------------------------
 */

/** The connection: its identifiers, request, cstate.
 *  Returns: the connection, never NULL.
 *  Threads: the call's holder, as all functions of a channel.
 *  Ownership: borrowed for as long as the call lives, which is until the
 *  handler returns, or until anycable_deferred_free(). */
ANYCABLE_EXTERN anycable_connection *
anycable_channel_connection(const anycable_channel *channel);

/** The stub of the client's socket, for all that is not here.
 *  Returns: the socket, never NULL.
 *  Threads: the call's holder.
 *  Ownership: borrowed for as long as the call lives. */
ANYCABLE_EXTERN anycable_socket *
anycable_channel_socket(const anycable_channel *channel);

/** The channel's name, as it stands in the identifier.
 *  Returns: the name, never empty.
 *  Threads: the call's holder.
 *  Ownership: borrowed for as long as the call lives. */
ANYCABLE_EXTERN anycable_str
anycable_channel_name(const anycable_channel *channel);

/** The identifier, byte for byte as the client sent it.
 *  Returns: the identifier, never empty.
 *  Threads: the call's holder.
 *  Ownership: borrowed for as long as the call lives. */
ANYCABLE_EXTERN anycable_str
anycable_channel_identifier(const anycable_channel *channel);

/** What runs: "subscribe", "unsubscribe", "receive", or the action's name. For
 *  hooks: an action may have one of the other names, but
 *  anycable_request_command() is "message" for it.
 *  Returns: the name, never empty.
 *  Threads: the call's holder.
 *  Ownership: borrowed for as long as the call lives. */
ANYCABLE_EXTERN anycable_str
anycable_channel_action(const anycable_channel *channel);

/** The param |name| as text; see anycable_json_string(). The client chose it.
 *  Returns: the value, empty where there is none.
 *  Threads: the call's holder.
 *  Ownership: borrowed for as long as the call lives. */
ANYCABLE_EXTERN anycable_str
anycable_channel_param(const anycable_channel *channel, const char *name);

/** The whole identifier: for params that are no strings, with the functions of
 *  anycable/json.h.
 *  Returns: the object, never NULL.
 *  Threads: the call's holder.
 *  Ownership: borrowed for as long as the call lives. */
ANYCABLE_EXTERN const anycable_json *
anycable_channel_params(const anycable_channel *channel);

/** What stands under |name| in the data of an action, as text; see
 *  anycable_json_string().
 *  Returns: the value, empty where there is none.
 *  Threads: the call's holder.
 *  Ownership: borrowed for as long as the call lives. */
ANYCABLE_EXTERN anycable_str
anycable_channel_data_string(const anycable_channel *channel, const char *name);

/** The data of an action: for what is no string, with the functions of
 *  anycable/json.h.
 *  Returns: the object; NULL where the data is something else, and in other
 *  commands.
 *  Threads: the call's holder.
 *  Ownership: borrowed for as long as the call lives. */
ANYCABLE_EXTERN const anycable_json *
anycable_channel_data(const anycable_channel *channel);

/* --- what it puts out -------------------------------------------------------
 */

/** Sends a JSON value to the client, as a message of this subscription.
 *  Returns: ANYCABLE_OK or an error of anycable/socket.h; ANYCABLE_ERR_PROTO if
 *  |json| is not one JSON value.
 *  Threads: the call's holder.
 *  Ownership: |json| is copied. */
ANYCABLE_EXTERN int anycable_channel_transmit(anycable_channel *channel,
                                              anycable_str json);

/** Sends |text| to the client, as a string: whatever is in it.
 *  Returns: ANYCABLE_OK or an error of anycable/socket.h.
 *  Threads: the call's holder.
 *  Ownership: |text| is copied. */
ANYCABLE_EXTERN int anycable_channel_transmit_string(anycable_channel *channel,
                                                     anycable_str text);

/** Sends one whole frame of the protocol, as it is; see
 *  anycable_socket_transmit().
 *  Returns: ANYCABLE_OK or an error of anycable/socket.h.
 *  Threads: the call's holder.
 *  Ownership: |frame| is copied. */
ANYCABLE_EXTERN int anycable_channel_transmit_frame(anycable_channel *channel,
                                                    anycable_str frame);

/** The name of a stream: |prefix| and |value|, one after the other, for
 *  functions that take one.
 *  Returns: the name; empty without memory, which is remembered.
 *  Threads: the call's holder.
 *  Ownership: borrowed for as long as the call lives. */
ANYCABLE_EXTERN anycable_str anycable_channel_stream(
    const anycable_channel *channel, const char *prefix, anycable_str value);

/** Subscribes the client to the stream that is named |prefix| and |value|, one
 *  after the other; either may be empty, |prefix| also NULL. Mind that |value|
 *  often is the client's: without a prefix it could name any stream.
 *  Returns: ANYCABLE_OK or an error; see anycable_socket_subscribe().
 *  Threads: the call's holder.
 *  Ownership: both copied. */
ANYCABLE_EXTERN int anycable_channel_stream_from(anycable_channel *channel,
                                                 const char *prefix,
                                                 anycable_str value);

/** Unsubscribes the client from that stream; see anycable_socket_unsubscribe().
 *  Returns: ANYCABLE_OK or an error of anycable/socket.h.
 *  Threads: the call's holder.
 *  Ownership: both copied. */
ANYCABLE_EXTERN int anycable_channel_stop_stream(anycable_channel *channel,
                                                 const char *prefix,
                                                 anycable_str value);

/** Unsubscribes the client from all streams of this subscription; see
 *  anycable_socket_unsubscribe_from_all().
 *  Returns: ANYCABLE_OK or an error of anycable/socket.h.
 *  Threads: the call's holder. */
ANYCABLE_EXTERN int
anycable_channel_stop_all_streams(anycable_channel *channel);

/** Lets the clients of this subscription whisper to each other on |stream|,
 *  which they must be subscribed to; see anycable_socket_whisper().
 *  Returns: ANYCABLE_OK or an error of anycable/socket.h.
 *  Threads: the call's holder.
 *  Ownership: |stream| is copied. */
ANYCABLE_EXTERN int anycable_channel_whisper(anycable_channel *channel,
                                             anycable_str stream);

/** Enters the client into the presence set of |stream|; see
 *  anycable_socket_presence_join(). |info| is JSON, or empty.
 *  Returns: ANYCABLE_OK or an error of anycable/socket.h.
 *  Threads: the call's holder.
 *  Ownership: all copied. */
ANYCABLE_EXTERN int anycable_channel_presence_join(anycable_channel *channel,
                                                   anycable_str stream,
                                                   anycable_str id,
                                                   anycable_str info);

/** Takes the client out of the presence set it joined.
 *  Returns: ANYCABLE_OK or an error of anycable/socket.h.
 *  Threads: the call's holder. */
ANYCABLE_EXTERN int anycable_channel_presence_leave(anycable_channel *channel);

/** The subscription's state under |key|; see anycable_socket_istate(). When the
 *  client is gone, too.
 *  Returns: the value, empty where there is none.
 *  Threads: the call's holder.
 *  Ownership: borrowed for as long as the call lives. */
ANYCABLE_EXTERN anycable_str
anycable_channel_istate(const anycable_channel *channel, const char *key);

/** Sets the subscription's state under |key|; empty deletes it.
 *  Returns: ANYCABLE_OK or an error; see anycable_socket_set_istate().
 *  Threads: the call's holder.
 *  Ownership: both copied. */
ANYCABLE_EXTERN int anycable_channel_set_istate(anycable_channel *channel,
                                                const char *key,
                                                anycable_str value);

/** The connection's state under |key|, which all its subscriptions share; see
 *  anycable_socket_cstate().
 *  Returns: the value, empty where there is none.
 *  Threads: the call's holder.
 *  Ownership: borrowed for as long as the call lives. */
ANYCABLE_EXTERN anycable_str
anycable_channel_cstate(const anycable_channel *channel, const char *key);

/** Sets the connection's state under |key|; empty deletes it.
 *  Returns: ANYCABLE_OK or an error; see anycable_socket_set_cstate().
 *  Threads: the call's holder.
 *  Ownership: both copied. */
ANYCABLE_EXTERN int anycable_channel_set_cstate(anycable_channel *channel,
                                                const char *key,
                                                anycable_str value);

/** Publishes a JSON text to |stream| by the application's broadcasters, also
 *  when the client is gone; see anycable_socket_broadcast().
 *  Returns: ANYCABLE_OK or an error; see anycable_app_broadcast().
 *  Threads: the call's holder.
 *  Ownership: both copied. */
ANYCABLE_EXTERN int anycable_channel_broadcast(anycable_channel *channel,
                                               anycable_str stream,
                                               anycable_str json);

/** Publishes a JSON text to |stream|, to all but this client.
 *  Returns: as anycable_channel_broadcast().
 *  Threads: the call's holder.
 *  Ownership: both copied. */
ANYCABLE_EXTERN int
anycable_channel_broadcast_to_others(anycable_channel *channel,
                                     anycable_str stream, anycable_str json);

/* --- how it ends ------------------------------------------------------------
 */

/** Rejects a subscription, and says why: for
 *  `return anycable_channel_reject(chat, "room %s is full", room.ptr);`. The
 *  reason is for logs, the client does not see it. See
 *  anycable_socket_reject().
 *  Returns: ANYCABLE_REJECT, always.
 *  Threads: the call's holder. */
ANYCABLE_EXTERN int anycable_channel_reject(anycable_channel *channel,
                                            const char *format, ...)
    ANYCABLE_PRINTF(2, 3);

/** Makes the call fail, and says why, for logs: Status ERROR; see
 *  anycable_socket_fail().
 *  Returns: ANYCABLE_ERR_FAILED, always.
 *  Threads: the call's holder. */
ANYCABLE_EXTERN int anycable_channel_fail(anycable_channel *channel,
                                          const char *format, ...)
    ANYCABLE_PRINTF(2, 3);

/** Closes the client's connection when the answer was applied. It gets a
 *  disconnect message with |reason|, and with whether it may |reconnect|; none
 *  if |reason| is NULL, and then it reconnects.
 *  Returns: ANYCABLE_OK or an error of anycable/socket.h.
 *  Threads: the call's holder.
 *  Ownership: |reason| is copied. */
ANYCABLE_EXTERN int anycable_channel_close(anycable_channel *channel,
                                           const char *reason, bool reconnect);

/** Takes the call over, to be answered later: return ANYCABLE_PENDING then. The
 *  channel is good until anycable_deferred_free(). When a client is gone, the
 *  callbacks of its other subscriptions wait for it.
 *  Returns: the deferred, or NULL; see anycable_socket_defer().
 *  Threads: the thread that runs the callback.
 *  Ownership: yours, until anycable_deferred_free(). */
ANYCABLE_EXTERN anycable_deferred *
anycable_channel_defer(anycable_channel *channel) ANYCABLE_WARN_UNUSED;

/** The channel of a deferred call.
 *  Returns: the channel; NULL if anycable_channel_defer() did not make
 *  |deferred|.
 *  Threads: the holder's.
 *  Ownership: borrowed until anycable_deferred_free(), also when cancelled. */
ANYCABLE_EXTERN anycable_channel *
anycable_deferred_channel(const anycable_deferred *deferred);

#ifdef __cplusplus
}
#endif

#endif
