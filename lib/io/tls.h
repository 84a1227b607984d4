/* TLS settings: certificate, key, what is allowed. The only user of OpenSSL
 * besides token. Reference-counted, so that connections keep the settings they
 * began with while new ones get others. Any thread. */
#ifndef AC_IO_TLS_H
#define AC_IO_TLS_H

#include <stdbool.h>
#include <stddef.h>

struct ac_tls;

/* Before any use of OpenSSL; ac_tls_new does it. Without this, OpenSSL would
 * register an exit handler, which tears down what the connections of a running
 * server still use when the host exits. The system's configuration is loaded
 * as for any other user: to suppress that would hold for the whole process,
 * and with it for what the host does with OpenSSL later. */
bool ac_tls_init(void);

/* Server settings: TLS 1.2 and up, AEAD suites with forward secrecy, ALPN
 * for what its stream offers or no connection, no renegotiation, no
 * compression. |cert| and |key| are each a path or PEM text (it has
 * "-----BEGIN"); |client_ca| likewise or NULL. NULL if they are unusable, with
 * the reason, which names what was wrong, in |error|. */
struct ac_tls *ac_tls_new(const char *cert, const char *key,
                          const char *client_ca, char *error,
                          size_t error_size);

/* A setting, by the name that errors call it, whose value is a path or PEM
 * text; NULL where it is not set. */
struct ac_tls_pem {
  const char *setting;
  const char *value;
};

/* How we connect to others. */
struct ac_tls_client {
  struct ac_tls_pem cert; /* what we show, and its key: both, or neither */
  struct ac_tls_pem key;
  struct ac_tls_pem ca; /* whom we trust; NULL: those that the system trusts */
  bool verify;          /* whether the peer's certificate is checked at all */
};

/* Client settings: TLS 1.2 and up, the same suites. NULL as above. */
struct ac_tls *ac_tls_new_client(const struct ac_tls_client *client,
                                 char *error, size_t error_size);

struct ac_tls *ac_tls_ref(struct ac_tls *tls);
void ac_tls_unref(struct ac_tls *tls);

/* True if the certificate's time is over. Such settings work, for clients that
 * do not verify: the owner decides whether to refuse or to warn. */
bool ac_tls_expired(const struct ac_tls *tls);

#endif
