/* What tls.c and tls_conn.c share. */
#ifndef AC_IO_TLS_INNER_H
#define AC_IO_TLS_INNER_H

#include <openssl/ssl.h>
#include <stdatomic.h>

struct ac_tls {
  atomic_uint refs;
  SSL_CTX *context;
  BIO_METHOD *method; /* how connections reach their sockets */
};

BIO_METHOD *ac_tls_conn_method(void);

/* What the client of a connection may ask for. */
int ac_tls_protocols(const SSL *ssl);

#endif
