/* The inside of the test kit's node: what AnyCable's server does with clients
 * and answers, without sockets.
 *
 *   node.c       makes and frees it; time, deferred calls, words
 *   loop.c       the clock that stands still, timers, wake-ups
 *   inbox.c      what the application publishes
 *   exchange.c   one RPC: request, call, reply, through all that is below gRPC
 *   client.c     clients: coming, going, what they know
 *   session.c    what AnyCable keeps for a client: subscriptions, state
 *   command.c    clients' frames
 *   answer.c     what an answer changes
 *   hub.c        publications, and who gets them
 *   presence.c   who is there
 *   recording.c  RPCs as lines of JSON, and made again
 *   text.c, value.c  JSON as Go writes it
 *
 * All of it belongs to the node's thread, but for the loop's wake-up and the
 * inbox. Answers are never applied where they come in, but by ac_node_settle(),
 * one after the other: so nothing is changed while it is looked at. */
#ifndef AC_NODE_NODE_H
#define AC_NODE_NODE_H

#include <anycable/node.h>

#include "base/arena.h"
#include "base/list.h"
#include "node/inbox.h"
#include "node/loop.h"
#include "node/text.h"
#include "rpc/rpc.h"
#include "wire/decode.h"

/* A text that waits: for the client to take it, or for AnyCable to. */
struct ac_frame {
  struct ac_list link;
  size_t len;
  char text[];
};

/* What AnyCable keeps under an identifier: any of these may be there alone. */
struct ac_channel {
  struct ac_list link;
  anycable_str identifier;
  bool confirmed;
  bool stateful; /* |state| is there, be it empty */
  struct ac_wire_map state;
  struct ac_wire_list streams; /* as they were started */
};

enum ac_client_phase {
  AC_CLIENT_CONNECTING,
  AC_CLIENT_CONNECTED,
  AC_CLIENT_CLOSED
};

struct ac_exchange;

struct anycable_client {
  struct ac_list link; /* in node.clients */
  anycable_node *node;
  anycable_str sid;
  anycable_str url;
  anycable_str identifiers;
  struct ac_wire_map headers;
  struct ac_wire_map cstate;
  struct ac_list channels;

  enum ac_client_phase phase;
  bool deaf;           /* AnyCable has stopped to read */
  bool disconnectable; /* worth a Disconnect */
  bool left;           /* it went away by itself */
  int close_code;
  const char *close_reason;

  struct ac_exchange *exchange; /* in flight, for a frame or a Connect */
  struct ac_list waiting;       /* frames behind it */
  struct ac_list received;
  struct ac_frame *given; /* to the user, until the next */
};

struct anycable_node {
  anycable_app *app;
  struct ac_rpc *rpc;
  struct ac_arena_pool *arenas;
  struct ac_wire_limits limits;
  size_t call_memory;
  size_t message_max;
  struct ac_node_loop loop;
  anycable_broadcaster *broadcaster;
  struct ac_inbox *inbox;
  struct ac_list clients;
  uint64_t sids; /* how many were given out */

  struct ac_list pending;  /* exchanges without an answer */
  struct ac_list answered; /* and with one, which is not yet applied */

  bool broker;
  struct ac_wire_map positions; /* of streams */
  struct ac_list presences;

  void (*on_rpc)(anycable_str line, void *ctx);
  void *on_rpc_ctx;

  struct ac_text words; /* of anycable_node_error() */
  bool out_of_memory;   /* in the function that runs */
};

/* --- node.c --------------------------------------------------------------- */

/* Begins a function of the node: no error yet. False inside a handler. */
bool ac_node_enter(anycable_node *node);

/* Applies answers, delivers publications and sends what waited, until there is
 * nothing left to do. |result|, unless memory ran out. */
int ac_node_settle(anycable_node *node, int result);

/* Drops what was published. */
void ac_node_ignore(anycable_node *node);

/* Sets the words of anycable_node_error(), and returns |error|. */
int ac_node_fail(anycable_node *node, int error, const char *format, ...)
    ANYCABLE_PRINTF(3, 4);

/* Notes that there was no memory. */
void ac_node_no_memory(anycable_node *node);

/* --- exchange.c ----------------------------------------------------------- */

struct ac_exchange {
  struct ac_list link; /* in node.pending or .answered */
  anycable_node *node;
  anycable_client *client; /* NULL for one that was recorded */
  int method;
  /* Applies the answer. */
  void (*done)(struct ac_exchange *exchange);
  struct ac_frame *frame; /* that it is for; owned */
  anycable_str identifier;
  anycable_socket *call;
  enum ac_rpc_result result;
  bool settled; /* for who waits for it */

  /* The answer, for |done|. */
  const char *failure; /* why there is none; NULL if there is */
  struct ac_wire_reply reply;

  struct ac_text line; /* what is recorded of it */
};

/* An exchange with a call, in whose arena the request can be built. NULL
 * without memory. */
struct ac_exchange *ac_exchange_new(anycable_node *node,
                                    anycable_client *client, int method,
                                    void (*done)(struct ac_exchange *exchange));

struct ac_arena *ac_exchange_arena(struct ac_exchange *exchange);

/* Makes the call. The exchange belongs to the node from now on. */
void ac_exchange_submit(struct ac_exchange *exchange, anycable_str sid,
                        const struct ac_wire_request *request);

/* Reads the answer, into |arena|, and records it. */
void ac_exchange_read(struct ac_exchange *exchange, struct ac_arena *arena);

/* Reads the answer, applies it, and frees the exchange. */
void ac_exchange_finish(struct ac_exchange *exchange);

/* Cancels it, if it has no answer, and frees it. */
void ac_exchange_drop(struct ac_exchange *exchange);

/* --- client.c ------------------------------------------------------------- */

/* Sends a text to the client. */
void ac_client_transmit(anycable_client *client, anycable_str text);

/* Closes the connection from AnyCable's side. */
void ac_client_shut(anycable_client *client, int code, const char *reason);

void ac_client_free(anycable_client *client);

/* --- session.c ------------------------------------------------------------ */

/* A copy with a NUL; its ptr is NULL without memory. */
anycable_str ac_node_copy(anycable_str text);
void ac_node_discard(anycable_str copy);

struct ac_frame *ac_frame_new(anycable_str text);
void ac_frames_free(struct ac_list *frames);

anycable_str ac_state_find(const struct ac_wire_map *map, anycable_str key);

/* Sets |key|, or deletes it if |value| is empty. False without memory. */
bool ac_state_put(struct ac_wire_map *map, anycable_str key,
                  anycable_str value);
void ac_state_free(struct ac_wire_map *map);

/* The channel, or NULL; or one that is made where there is none. */
struct ac_channel *ac_channel_find(const anycable_client *client,
                                   anycable_str identifier);
struct ac_channel *ac_channel_need(anycable_client *client,
                                   anycable_str identifier);

bool ac_channel_start(struct ac_channel *channel, anycable_str stream);
void ac_channel_stop(struct ac_channel *channel, anycable_str stream);
void ac_channel_stop_all(struct ac_channel *channel);

/* Frees it where nothing is kept there. */
void ac_channel_tidy(struct ac_channel *channel);
void ac_channel_free(struct ac_channel *channel);

/* --- command.c ------------------------------------------------------------ */

/* Does what a client's frame, which it takes, says. Returns what
 * anycable_client_send() does. */
int ac_command_handle(anycable_client *client, struct ac_frame *frame);

/* A subscription was confirmed: what else its frame asked for. */
void ac_command_confirmed(struct ac_exchange *exchange);

/* --- answer.c ------------------------------------------------------------- */

void ac_answer_connect(struct ac_exchange *exchange);
void ac_answer_subscribe(struct ac_exchange *exchange);
void ac_answer_unsubscribe(struct ac_exchange *exchange);
void ac_answer_message(struct ac_exchange *exchange);
void ac_answer_disconnect(struct ac_exchange *exchange);

/* --- hub.c ---------------------------------------------------------------- */

/* A message to a stream. |data| need not be JSON. */
struct ac_message_to {
  anycable_str stream;
  anycable_str data;
  anycable_str exclude; /* a sid */
  anycable_str type;
  bool transient;
};

void ac_hub_broadcast(anycable_node *node, const struct ac_message_to *message);

/* Delivers a publication; the result of anycable_node_publish(). */
int ac_hub_publish(anycable_node *node, anycable_str publication);

/* --- presence.c ----------------------------------------------------------- */

/* The client enters the set of the channel's "$p", or leaves it: ANYCABLE_OK,
 * or an error with its words. |info| is JSON, or a string where it is not. */
int ac_presence_join(anycable_client *client, anycable_str identifier,
                     anycable_str id, anycable_str info);
int ac_presence_leave(anycable_client *client, anycable_str identifier);

/* It leaves |stream|, if it is there. */
int ac_presence_remove(anycable_client *client, anycable_str stream);

/* Sends the client who is there. */
int ac_presence_info(anycable_client *client, anycable_str identifier);

/* The client is gone: it is there for a while yet. */
void ac_presence_fade(anycable_client *client);

/* When the next one ends, UINT64_MAX if none does; and ends those. */
uint64_t ac_presence_next(const anycable_node *node);
void ac_presence_expire(anycable_node *node);

void ac_presence_free(anycable_node *node);

/* --- recording.c ---------------------------------------------------------- */

/* Begins a line with the request, and ends it with the answer. */
void ac_recording_begin(struct ac_exchange *exchange, anycable_str sid,
                        const struct ac_wire_request *request);
void ac_recording_end(struct ac_exchange *exchange);

#endif
