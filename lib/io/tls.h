/* TLS settings: certificate, key, what is allowed. The only user of OpenSSL
 * besides token. Reference-counted, so that connections keep the settings they
 * began with while new ones get others. Any thread. */
#ifndef AC_IO_TLS_H
#define AC_IO_TLS_H

#include <stddef.h>

struct ac_tls;

/* Server settings: TLS 1.2 and up, AEAD suites with forward secrecy, ALPN
 * "h2" or no connection, no renegotiation, no compression. |cert| and |key|
 * are each a path or PEM text (it has "-----BEGIN"); |client_ca| likewise or
 * NULL. NULL if they are unusable, with the reason, which names what was
 * wrong, in |error|. */
struct ac_tls *ac_tls_new(const char *cert, const char *key,
                          const char *client_ca, char *error,
                          size_t error_size);
struct ac_tls *ac_tls_ref(struct ac_tls *tls);
void ac_tls_unref(struct ac_tls *tls);

#endif
