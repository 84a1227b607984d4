/* One TLS connection over a socket that its stream, or its link, owns. Part of
 * stream.c and link.c in all but the file: the results are those of
 * ac_stream_read and ac_stream_write. */
#ifndef AC_IO_TLS_CONN_H
#define AC_IO_TLS_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/str.h"

struct ac_tls;
struct ac_tls_conn;

/* The server's side, on |fd|. NULL without memory. */
struct ac_tls_conn *ac_tls_conn_new(struct ac_tls *tls, int fd);

/* The client's side, to |host|: a name or an address, which the certificate
 * must be for, where |tls| has them verified. */
struct ac_tls_conn *ac_tls_conn_new_client(struct ac_tls *tls, int fd,
                                           const char *host);
void ac_tls_conn_free(struct ac_tls_conn *conn);

/* What the client may ask for, AC_STREAM_HTTP2 and _HTTP1, before the
 * handshake. */
void ac_tls_conn_offer(struct ac_tls_conn *conn, int protocols);

/* Goes on with the handshake: 1 when it is done, AC_STREAM_EOF, _AGAIN or
 * _FAILED. */
ssize_t ac_tls_conn_handshake(struct ac_tls_conn *conn);
bool ac_tls_conn_established(const struct ac_tls_conn *conn);

ssize_t ac_tls_conn_read(struct ac_tls_conn *conn, void *data, size_t size);
ssize_t ac_tls_conn_write(struct ac_tls_conn *conn, const void *data,
                          size_t len);

/* Queues the alert that ends our side. */
void ac_tls_conn_close_notify(struct ac_tls_conn *conn);

/* Sends what is queued: 1 when all is, _AGAIN or _FAILED. */
ssize_t ac_tls_conn_flush(struct ac_tls_conn *conn);
size_t ac_tls_conn_unsent(const struct ac_tls_conn *conn);

/* True if a read may find something although the socket may not say so. */
bool ac_tls_conn_pending(const struct ac_tls_conn *conn);

/* True while so many answers of TLS's own wait to be sent that no more should
 * be provoked: nothing is received until they are. */
bool ac_tls_conn_clogged(const struct ac_tls_conn *conn);

anycable_str ac_tls_conn_protocol(const struct ac_tls_conn *conn);
const char *ac_tls_conn_error(const struct ac_tls_conn *conn);

#endif
