/* A small gRPC client: blocking, one connection, one call at a time. It sees
 * an answer with the eyes of the WebSocket server's client (grpc-go), so that
 * what it accepts is what works in production. */
#ifndef TOOL_GRPC_CLIENT_H
#define TOOL_GRPC_CLIENT_H

#include "connection.h"

struct grpc_client;

/* What the WebSocket server accepts; a longer answer is no answer to it. */
enum { GRPC_MESSAGE_MAX = 4 * 1024 * 1024 };

/* Metadata goes out as it is: lower-case names, printable ASCII. */
struct grpc_metadata {
  const char *name, *value;
};

/* Takes one message of the answer, borrowed until it returns. False ends the
 * call with |status|, which it has set. */
typedef bool (*grpc_message_fn)(const uint8_t *data, size_t len,
                                struct grpc_status *status, void *ctx);

struct grpc_call {
  const char *method; /* "/package.Service/Method" */
  const struct grpc_metadata *metadata;
  size_t metadata_count;
  const uint8_t *request;
  size_t request_len;
  int64_t deadline; /* see wait.h; the server is told of it (grpc-timeout) */
  grpc_message_fn on_message;
  void *ctx;
};

/* Connects; |address| and |tls| are borrowed until grpc_client_free(). NULL:
 * |status| says why. */
struct grpc_client *grpc_client_new(const struct address *address,
                                    const struct tls *tls, int64_t deadline,
                                    struct grpc_status *status);
void grpc_client_free(struct grpc_client *client);

/* Calls, and gives every message of the answer to on_message, any number.
 * True where gRPC's status is OK, otherwise |status| says how it ended. */
bool grpc_client_stream(struct grpc_client *client,
                        const struct grpc_call *call,
                        struct grpc_status *status);

/* The same for a method that answers with exactly one message: on_message is
 * called once, when the status is known to be OK. */
bool grpc_client_unary(struct grpc_client *client, const struct grpc_call *call,
                       struct grpc_status *status);

#endif
