/* The test kit: a WebSocket server of AnyCable without sockets, in the process
 * and under the test's control.
 *
 *     anycable_node *node = anycable_node_new(app);
 *     anycable_client *jack =
 *         anycable_node_connect(node, "ws://x/cable?user=jack", NULL);
 *     anycable_client_subscribe(jack, "{\"channel\":\"ChatChannel\"}");
 *     assert(anycable_str_is(anycable_client_receive(jack),
 *                            "{\"type\":\"welcome\",\"sid\":\"1\"}"));
 *     ...
 *     anycable_node_free(node);
 *     anycable_app_free(app);
 *
 * Clients' frames go through all of the library that lies behind gRPC: they
 * are encoded and decoded as on the wire, pass limits, interceptors and checks,
 * and run the application's handlers on the calling thread, before the function
 * returns. With the answers the node does what AnyCable 1.6.16 does, its odd
 * parts included; but where that disconnects from afar just one of a user's
 * clients, the node disconnects all, as AnyCable means to.
 *
 * What handlers and others publish by the application's broadcasters reaches
 * the node's clients too: before a function returns that sends a frame, or by
 * anycable_node_run(). Which comes first, an answer or what its handler has
 * published, nobody knows with AnyCable; here the answer does.
 *
 * Nothing happens by itself. Time stands still until anycable_node_advance();
 * deferred calls are answered when anycable_node_run() looks at them. A client
 * sends one frame at a time: what follows a deferred one waits for it.
 *
 * All functions of a node and its clients belong to one thread at a time, and
 * none may be called by a handler: it is refused there, or does nothing.
 * What handlers log goes nowhere.
 * Clients live as long as their node, also when they are closed. */
#ifndef ANYCABLE_NODE_H
#define ANYCABLE_NODE_H

#include <anycable/app.h>
#include <anycable/config.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct anycable_node anycable_node;

typedef struct anycable_client anycable_client;

/** Makes a node for |app|, as anycable_server_new() makes a server: after it
 *  nothing can be registered. It becomes one of the application's broadcasters,
 *  so make it before the application publishes anything.
 *  Returns: the node; NULL, and anycable_app_error() says why.
 *  Threads: the one that sets the application up; it owns the node then.
 *  Ownership: yours, until anycable_node_free(); |app| is counted. */
ANYCABLE_EXTERN anycable_node *
anycable_node_new(anycable_app *app) ANYCABLE_WARN_UNUSED;

/** Frees the node and its clients, without a word to the application: see
 *  anycable_client_close(). Calls that are deferred are cancelled, and may be
 *  given back later. NULL is fine.
 *  Threads: the node's. */
ANYCABLE_EXTERN void anycable_node_free(anycable_node *node);

/** Switches on what AnyCable needs a broker for: presence, and the positions
 *  ("stream_id", "epoch", "offset") in messages. There is no history: requests
 *  for it are rejected, as without a broker. Before the first client.
 *  Threads: the node's. */
ANYCABLE_EXTERN void anycable_node_use_broker(anycable_node *node);

/* --- clients ----------------------------------------------------------------
 */

/* More about a client. In C: {.size = sizeof(anycable_client_options), ...}. */
typedef struct anycable_client_options {
  /* sizeof(anycable_client_options), so that it can grow. */
  size_t size;

  /* The session id, NUL-terminated. NULL: "1", "2" and so on. */
  const char *sid;

  /* Headers that AnyCable passes on, as names and values in turn, then NULL:
   * {"cookie", "a=1", NULL}. NULL: none. */
  const char *const *headers;

  /* The client's address. NULL: "127.0.0.1". */
  const char *remote_addr;

  /* Identifiers that a token brought along, which AnyCable has checked: then
   * there is no Connect, and the welcome is the node's. NULL: none. */
  const char *identifiers;
} anycable_client_options;

/** Has a client connect by |url|, a WebSocket or HTTP URL. |options| may be
 *  NULL.
 *  Returns: the client, also if the application did not let it in: see
 *  anycable_client_connected(); NULL without memory, or if |url| or |options|
 *  make no sense. All functions of a client tolerate NULL.
 *  Threads: the node's.
 *  Ownership: borrowed for as long as |node| lives. */
ANYCABLE_EXTERN anycable_client *
anycable_node_connect(anycable_node *node, const char *url,
                      const anycable_client_options *options);

/** Has the client send {"command":"subscribe"} for |identifier|.
 *  Returns: as anycable_client_send().
 *  Threads: the node's. */
ANYCABLE_EXTERN int anycable_client_subscribe(anycable_client *client,
                                              const char *identifier);

/** Has the client send {"command":"unsubscribe"} for |identifier|.
 *  Returns: as anycable_client_send().
 *  Threads: the node's. */
ANYCABLE_EXTERN int anycable_client_unsubscribe(anycable_client *client,
                                                const char *identifier);

/** Has the client send {"command":"message"} for |identifier|, with |data|:
 *  a JSON text for actions, such as {"action":"speak"}.
 *  Returns: as anycable_client_send().
 *  Threads: the node's. */
ANYCABLE_EXTERN int anycable_client_perform(anycable_client *client,
                                            const char *identifier,
                                            const char *data);

/** Has the client send {"command":"whisper"} for |identifier|, with |data|, a
 *  JSON text.
 *  Returns: as anycable_client_send().
 *  Threads: the node's. */
ANYCABLE_EXTERN int anycable_client_whisper(anycable_client *client,
                                            const char *identifier,
                                            const char *data);

/** Has the client send |frame|, whatever is in it. From a client whose frame
 *  is no JSON of its form AnyCable reads nothing any more, without a word; a
 *  frame beyond 65,536 bytes closes the connection.
 *  Returns: ANYCABLE_OK if AnyCable takes it, also where the application fails,
 *  or if it waits for another one; ANYCABLE_ERR_PROTO if not, and
 *  anycable_node_error() says why: no frame, a command that it does not know, a
 *  subscription that is not there, or is there already; ANYCABLE_ERR_STATE if
 *  the connection is closed; ANYCABLE_ERR_INVALID for NULL; ANYCABLE_ERR_NOMEM.
 *  Threads: the node's.
 *  Ownership: |frame| is copied. */
ANYCABLE_EXTERN int anycable_client_send(anycable_client *client,
                                         const char *frame);

/** The next frame that the client has received and not taken yet.
 *  Returns: the frame, JSON; empty if there is none.
 *  Threads: the node's.
 *  Ownership: borrowed until the next call of this function with |client|. */
ANYCABLE_EXTERN anycable_str anycable_client_receive(anycable_client *client);

/** Has the client go away: a Disconnect, if AnyCable would make one. A call in
 *  flight is cancelled, as when AnyCable notices before the answer comes, and
 *  frames that wait are lost. A second call makes a second Disconnect, as
 *  happens to sessions that were taken up.
 *  Threads: the node's. */
ANYCABLE_EXTERN void anycable_client_close(anycable_client *client);

/** Tells whether the client's connection is open: that it was let in, and
 *  neither side has closed it.
 *  Returns: true if it is.
 *  Threads: the node's. */
ANYCABLE_EXTERN bool anycable_client_connected(const anycable_client *client);

/** The WebSocket code with which the node has closed the connection.
 *  Returns: the code, such as 1000; 0 if the node did not close it.
 *  Threads: the node's. */
ANYCABLE_EXTERN int anycable_client_close_code(const anycable_client *client);

/** What AnyCable says with that code, such as "Auth Failed".
 *  Returns: a constant string, empty if the node did not close it.
 *  Threads: the node's. */
ANYCABLE_EXTERN const char *
anycable_client_close_reason(const anycable_client *client);

/** The client's identifiers, by which it is disconnected from afar.
 *  Returns: the identifiers, empty if it was not let in.
 *  Threads: the node's.
 *  Ownership: borrowed for as long as the node lives. */
ANYCABLE_EXTERN anycable_str
anycable_client_identifiers(const anycable_client *client);

/** Tells whether the client holds a subscription.
 *  Returns: true if AnyCable has recorded |identifier|.
 *  Threads: the node's. */
ANYCABLE_EXTERN bool anycable_client_subscribed(const anycable_client *client,
                                                const char *identifier);

/** The stream at |index|, counted from 0, that the subscription |identifier|
 *  holds, in the order in which they were started. It need not be recorded:
 *  see anycable_client_subscribed().
 *  Returns: the stream, empty past the end.
 *  Threads: the node's.
 *  Ownership: borrowed until the next call with |client|. */
ANYCABLE_EXTERN anycable_str anycable_client_stream(
    const anycable_client *client, const char *identifier, size_t index);

/** What AnyCable keeps for the connection under |key|.
 *  Returns: the value, empty where there is none.
 *  Threads: the node's.
 *  Ownership: borrowed until the next call with |client|. */
ANYCABLE_EXTERN anycable_str
anycable_client_cstate(const anycable_client *client, const char *key);

/** What AnyCable keeps for the subscription |identifier| under |key|.
 *  Returns: the value, empty where there is none.
 *  Threads: the node's.
 *  Ownership: borrowed until the next call with |client|. */
ANYCABLE_EXTERN anycable_str anycable_client_istate(
    const anycable_client *client, const char *identifier, const char *key);

/* --- time, deferred calls, publications ------------------------------------
 */

/** Answers deferred calls that were finished, sends frames that waited for
 *  them, and delivers what was published.
 *  Returns: how many calls are still deferred.
 *  Threads: the node's. */
ANYCABLE_EXTERN size_t anycable_node_run(anycable_node *node);

/** Does so until no call is deferred any more, waiting for other threads.
 *  Returns: ANYCABLE_OK; ANYCABLE_ERR_TIMEOUT after |timeout_ms|, of real time.
 *  Threads: the node's. */
ANYCABLE_EXTERN int anycable_node_wait(anycable_node *node, int64_t timeout_ms);

/** Moves the node's time on by |ms| milliseconds. Deadlines pass, by default
 *  3 seconds after a call; presence ends, 15 seconds after its last client.
 *  Threads: the node's. */
ANYCABLE_EXTERN void anycable_node_advance(anycable_node *node, int64_t ms);

/** Delivers a publication to the node's clients, as it would come over Redis:
 *  {"stream":"news","data":"\"hello\""}, an array of these, or a command.
 *  Returns: ANYCABLE_OK, also for a command that AnyCable does not know;
 *  ANYCABLE_ERR_PROTO if it would not take it; ANYCABLE_ERR_NOMEM.
 *  Threads: the node's. */
ANYCABLE_EXTERN int anycable_node_publish(anycable_node *node,
                                          anycable_str publication);

/* --- recordings -------------------------------------------------------------
 */

/** Calls |fn| with every RPC when it has been answered, as a line of JSON
 *  without its end:
 *
 *    {"method":"connect","metadata":{...},"request":{...},"response":{...}}
 *
 *  request and response hold the fields of the protocol's messages, under their
 *  names there; "error" is there in place of "response" for a call that was
 *  not answered. NULL for none.
 *  Threads: the node's.
 *  Ownership: |ctx| is borrowed until another |fn| is set or the node freed;
 *  the line until |fn| returns. */
ANYCABLE_EXTERN void
anycable_node_on_rpc(anycable_node *node,
                     void (*fn)(anycable_str line, void *ctx), void *ctx);

/** Makes the call of a recorded |line| again, and compares the responses, as
 *  parsed JSON. Clients are not concerned: what the handler publishes is
 *  dropped. A call that is deferred is waited for, 3 seconds of real time.
 *  Returns: ANYCABLE_OK if it was the same; ANYCABLE_ERR_FAILED if not, and
 *  anycable_node_error() tells both; ANYCABLE_ERR_PROTO if |line| is none;
 *  ANYCABLE_ERR_NOMEM.
 *  Threads: the node's. */
ANYCABLE_EXTERN int anycable_node_replay(anycable_node *node,
                                         anycable_str line);

/** Says in words what the last function that failed, failed of, or what
 *  AnyCable would have logged about the last frame.
 *  Returns: the text, empty if there is none.
 *  Threads: the node's.
 *  Ownership: borrowed until the next call with |node|. */
ANYCABLE_EXTERN const char *anycable_node_error(const anycable_node *node);

#ifdef __cplusplus
}
#endif

#endif
