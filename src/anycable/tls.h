/* TLS as a client of gRPC needs it: who is trusted, and the handshake. */
#ifndef TOOL_TLS_H
#define TOOL_TLS_H

#include "address.h"
#include "grpc_status.h"

#include <openssl/ssl.h>
#include <stdint.h>

struct tls;

/* What is demanded of the server: a certificate signed by one of |ca| (a PEM
 * file; NULL: the system's authorities), or any at all, if |verify| is false,
 * in the name |name| (borrowed; NULL: that of the address). NULL where |ca| is
 * unusable. */
struct tls *tls_new(const char *ca, bool verify, const char *name,
                    char error[ERROR_SIZE]);
void tls_free(struct tls *tls);

/* The handshake on the connected, non-blocking |fd|. NULL: |status| says why
 * not. */
SSL *tls_connect(const struct tls *tls, int fd, const struct address *address,
                 int64_t deadline, struct grpc_status *status);

/* The reason of OpenSSL's last failure; clears it. */
const char *tls_error(void);

#endif
