/* A byte stream to a server: TCP or a Unix socket, with TLS over it or not. It
 * never blocks but in connection_open() and connection_wait(), and both know a
 * deadline (see wait.h). */
#ifndef TOOL_CONNECTION_H
#define TOOL_CONNECTION_H

#include "tls.h"

#include <stddef.h>
#include <sys/types.h>

struct connection;

/* Connects, and does the TLS handshake if |tls| is not NULL. NULL: |status|
 * says why. */
struct connection *connection_open(const struct address *address,
                                   const struct tls *tls, int64_t deadline,
                                   struct grpc_status *status);
void connection_close(struct connection *connection);

enum { CONNECTION_AGAIN = -1, CONNECTION_FAILED = -2 };

/* How many bytes, or one of the above; reading gives 0 at the end. */
ssize_t connection_read(struct connection *connection, void *data, size_t len);
ssize_t connection_write(struct connection *connection, const void *data,
                         size_t len);

/* Waits until reading, or writing, if |writing|, may get on. False at the
 * deadline. */
bool connection_wait(struct connection *connection, bool writing,
                     int64_t deadline);

/* Why reading or writing failed. */
const char *connection_error(const struct connection *connection);

#endif
