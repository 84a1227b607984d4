/* What AnyCable asked: one call's request, read only. URL, headers and what
 * is read from them are there in every call, not only in Connect.
 *
 * Found by anycable_socket_request(). Every string is borrowed for as long as
 * the call's memory lives: until the handler returns, or, for a deferred call,
 * until anycable_deferred_free(). All of these may be called by whoever holds
 * the call: the thread of the handler, or the holder of its deferred. */
#ifndef ANYCABLE_REQUEST_H
#define ANYCABLE_REQUEST_H

#include <anycable/str.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct anycable_request anycable_request;

/* The three calls of the service anycable.RPC. */
enum anycable_method {
  ANYCABLE_CONNECT = 1,   /* a client opened a connection */
  ANYCABLE_COMMAND = 2,   /* subscribe, unsubscribe, message, ... */
  ANYCABLE_DISCONNECT = 3 /* a client is gone */
};

/** The name of |method|, for logs and metrics: "connect", "command" or
 *  "disconnect".
 *  Returns: a constant string, "unknown" for a value not listed.
 *  Threads: any. */
ANYCABLE_EXTERN const char *anycable_method_name(int method);

/** Tells which of the three calls this is.
 *  Returns: an anycable_method.
 *  Threads: the call's holder. */
ANYCABLE_EXTERN int anycable_request_method(const anycable_request *request);

/** The URL by which the client came, absolute, still percent-encoded:
 *  "http://example.com/cable?user=jack". AnyCable writes http or https,
 *  whatever the client used.
 *  Returns: the URL, empty where there is none.
 *  Threads: the call's holder. */
ANYCABLE_EXTERN anycable_str
anycable_request_url(const anycable_request *request);

/** The path of the URL, percent-decoded: "/cable".
 *  Returns: the path, "/" where the URL has none, empty without a URL or
 *  where decoding would not give valid UTF-8.
 *  Threads: the call's holder. */
ANYCABLE_EXTERN anycable_str
anycable_request_path(const anycable_request *request);

/** The value of |name| in the URL's query, percent-decoded, plus signs read
 *  as spaces. The first one counts where a name stands twice.
 *  Returns: the value, empty where there is none or decoding would not give
 *  valid UTF-8 without NUL.
 *  Threads: the call's holder. */
ANYCABLE_EXTERN anycable_str
anycable_request_query(const anycable_request *request, const char *name);

/** The value of the client's HTTP header |name|, compared without regard to
 *  case. Only headers that AnyCable was told to pass on are here, by
 *  default just "cookie".
 *  Returns: the value, empty where there is none.
 *  Threads: the call's holder. */
ANYCABLE_EXTERN anycable_str
anycable_request_header(const anycable_request *request, const char *name);

/** The value of the cookie |name|, as it was sent: not percent-decoded,
 *  without the quotes around it, if any.
 *  Returns: the value, empty where there is none.
 *  Threads: the call's holder. */
ANYCABLE_EXTERN anycable_str
anycable_request_cookie(const anycable_request *request, const char *name);

/** The address of the client, without a port, as AnyCable saw it (the last
 *  proxy's, where there is one): "192.0.2.1", "2001:db8::1".
 *  Returns: the address, empty where there is none.
 *  Threads: the call's holder. */
ANYCABLE_EXTERN anycable_str
anycable_request_remote_addr(const anycable_request *request);

/** The client's session id. The client may choose it (X-Request-ID), so it is
 *  neither unique nor secret.
 *  Returns: the id, empty where there is none.
 *  Threads: the call's holder. */
ANYCABLE_EXTERN anycable_str
anycable_request_sid(const anycable_request *request);

/** A metadata value of the RPC itself, such as "protov", compared without
 *  regard to case. The first one counts where a name stands twice.
 *  Returns: the value, empty where there is none. A value of a name that ends
 *  in "-bin" is given decoded, and may hold any byte.
 *  Threads: the call's holder. */
ANYCABLE_EXTERN anycable_str
anycable_request_metadata(const anycable_request *request, const char *name);

/** What Connect answered as the connection's identifiers, or what the token
 *  said where AnyCable checked one (JWT).
 *  Returns: the identifiers, byte for byte; empty in Connect.
 *  Threads: the call's holder. */
ANYCABLE_EXTERN anycable_str
anycable_request_identifiers(const anycable_request *request);

/** The command's name: "subscribe", "unsubscribe", "message". Command only.
 *  Returns: the name, empty in other calls.
 *  Threads: the call's holder. */
ANYCABLE_EXTERN anycable_str
anycable_request_command(const anycable_request *request);

/** The identifier of the subscription, as the client wrote it: usually JSON
 *  such as {"channel":"ChatChannel"}, but clients can send anything. Command
 *  only.
 *  Returns: the identifier, empty in other calls.
 *  Threads: the call's holder. */
ANYCABLE_EXTERN anycable_str
anycable_request_identifier(const anycable_request *request);

/** What the client sent along with its command. Command only.
 *  Returns: the data, empty in other calls and where there is none.
 *  Threads: the call's holder. */
ANYCABLE_EXTERN anycable_str
anycable_request_data(const anycable_request *request);

/** How many subscriptions the client held, those that the server handled by
 *  itself included. Disconnect only.
 *  Returns: the number, 0 in other calls.
 *  Threads: the call's holder. */
ANYCABLE_EXTERN size_t
anycable_request_subscription_count(const anycable_request *request);

/** The identifier of the subscription at |index|, counted from 0. Disconnect
 *  only.
 *  Returns: the identifier, empty past the end.
 *  Threads: the call's holder. */
ANYCABLE_EXTERN anycable_str
anycable_request_subscription(const anycable_request *request, size_t index);

#ifdef __cplusplus
}
#endif

#endif
