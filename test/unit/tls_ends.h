/* An OpenSSL client and one of our TLS streams in the same thread: the loop and
 * the client take turns until something has happened. The certificates are
 * made for each run. Include after cmocka.h and what it needs. */
#ifndef UNIT_TLS_ENDS_H
#define UNIT_TLS_ENDS_H

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/loop.h"
#include "io/stream.h"
#include "io/tls.h"

/* --- certificates --------------------------------------------------------- */

struct identity {
  X509 *cert;
  EVP_PKEY *key;
  char *cert_pem;
  char *key_pem;
};

static struct identity ca, server, expired, other, client;

static inline char *bio_text(BIO *bio) {
  char *data;
  long len = BIO_get_mem_data(bio, &data);
  char *text = strndup(data, (size_t)len);
  BIO_free(bio);
  return text;
}

static inline char *cert_text(X509 *cert) {
  BIO *bio = BIO_new(BIO_s_mem());
  assert_int_equal(PEM_write_bio_X509(bio, cert), 1);
  return bio_text(bio);
}

static inline char *key_text(EVP_PKEY *key, const char *passphrase) {
  BIO *bio = BIO_new(BIO_s_mem());
  assert_int_equal(
      PEM_write_bio_PrivateKey(bio, key, passphrase ? EVP_aes_128_cbc() : NULL,
                               NULL, 0, NULL, (void *)(uintptr_t)passphrase),
      1);
  return bio_text(bio);
}

static inline void add_extension(X509 *cert, int nid, const char *value) {
  X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
  assert_non_null(extension);
  X509_add_ext(cert, extension, -1);
  X509_EXTENSION_free(extension);
}

/* Signs with |issuer|, or with itself. */
static inline struct identity make_identity(const char *name, long from,
                                            long until,
                                            const struct identity *issuer) {
  static long serial;
  struct identity id = {.cert = X509_new(), .key = EVP_EC_gen("P-256")};
  X509_set_version(id.cert, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(id.cert), ++serial);
  X509_gmtime_adj(X509_getm_notBefore(id.cert), from);
  X509_gmtime_adj(X509_getm_notAfter(id.cert), until);
  X509_set_pubkey(id.cert, id.key);
  X509_NAME *subject = X509_get_subject_name(id.cert);
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                             (const unsigned char *)name, -1, -1, 0);
  X509_set_issuer_name(id.cert,
                       issuer ? X509_get_subject_name(issuer->cert) : subject);
  if (issuer)
    add_extension(id.cert, NID_subject_alt_name, "DNS:localhost");
  else
    add_extension(id.cert, NID_basic_constraints, "critical,CA:TRUE");
  assert_true(X509_sign(id.cert, issuer ? issuer->key : id.key, EVP_sha256()) >
              0);
  id.cert_pem = cert_text(id.cert);
  id.key_pem = key_text(id.key, NULL);
  return id;
}

static inline void free_identity(struct identity *id) {
  X509_free(id->cert);
  EVP_PKEY_free(id->key);
  free(id->cert_pem);
  free(id->key_pem);
}

static inline int make_identities(void **state) {
  (void)state;
  long day = 24 * 3600;
  ca = make_identity("ca", 0, day, NULL);
  server = make_identity("localhost", 0, day, &ca);
  client = make_identity("proxy", 0, day, &ca);
  expired = make_identity("localhost", -2 * day, -day, &ca);
  other = make_identity("other", 0, day, NULL);
  return 0;
}

static inline int free_identities(void **state) {
  (void)state;
  free_identity(&ca);
  free_identity(&server);
  free_identity(&client);
  free_identity(&expired);
  free_identity(&other);
  return 0;
}

static inline struct ac_tls *new_tls(const struct identity *id,
                                     const char *ca_pem) {
  char error[256] = "";
  struct ac_tls *tls =
      ac_tls_new(id->cert_pem, id->key_pem, ca_pem, error, sizeof(error));
  assert_string_equal(error, "");
  assert_non_null(tls);
  return tls;
}

/* --- the two ends --------------------------------------------------------- */

/* The owner of a stream: keeps what it reads, up to |want|. */
struct end {
  struct ac_loop *loop;
  struct ac_stream *stream;
  size_t turn; /* bytes of one read */
  int turns;   /* reads of one callback */
  char *got;
  size_t got_len;
  ssize_t last;
  int readable;
  int writable;
  /* The client, and its end of the socket. */
  SSL_CTX *context;
  SSL *ssl;
  int fd;
  int reason; /* why the client's handshake failed */
};

static inline void on_readable(void *owner) {
  struct end *end = owner;
  end->readable++;
  for (int i = 0; i < end->turns; i++) {
    end->got = realloc(end->got, end->got_len + end->turn);
    end->last = ac_stream_read(end->stream, end->got + end->got_len, end->turn);
    if (end->last <= 0)
      return;
    end->got_len += (size_t)end->last;
  }
}

static inline void on_writable(void *owner) {
  struct end *end = owner;
  end->writable++;
  assert_int_equal(ac_stream_unsent(end->stream), 0);
  ac_stream_interest(end->stream, true, false);
}

static int sndbuf; /* of the stream's socket; 0: the system's */

static const unsigned char H2[] = "\x02h2";

static inline void begin(struct end *end, struct ac_tls *tls) {
  static const struct ac_loop_hooks no_hooks;
  struct ac_stream_owner owner = {end, on_readable, on_writable};
  int fds[2];
  memset(end, 0, sizeof(*end));
  end->turn = 8192;
  end->turns = 1;
  end->last = AC_STREAM_AGAIN;
  end->loop = ac_loop_new(&no_hooks);
  assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
  if (sndbuf)
    setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &sndbuf, sizeof(sndbuf));
  end->stream = ac_stream_new(end->loop, fds[0], tls, &owner);
  assert_non_null(end->stream);
  end->fd = fds[1];
  assert_int_equal(fcntl(end->fd, F_SETFL, O_NONBLOCK), 0);

  end->context = SSL_CTX_new(TLS_client_method());
  X509_STORE_add_cert(SSL_CTX_get_cert_store(end->context), ca.cert);
  SSL_CTX_set_verify(end->context, SSL_VERIFY_PEER, NULL);
  SSL_CTX_set_alpn_protos(end->context, H2, 3);
}

static inline void connect_client(struct end *end) {
  end->ssl = SSL_new(end->context);
  SSL_set_fd(end->ssl, end->fd);
  SSL_set_connect_state(end->ssl);
}

static inline void finish(struct end *end) {
  ac_stream_free(end->stream);
  ac_loop_free(end->loop);
  SSL_free(end->ssl);
  SSL_CTX_free(end->context);
  close(end->fd);
  free(end->got);
  ERR_clear_error();
}

/* Both ends go on until the client's handshake has ended in one way or the
 * other, and the server has nothing to do: 1 for success. */
static inline int shake(struct end *end) {
  for (int i = 0; i < 100000; i++) {
    ERR_clear_error();
    int n = SSL_do_handshake(end->ssl);
    int error = SSL_get_error(end->ssl, n);
    end->reason = ERR_GET_REASON(ERR_peek_error());
    while (ac_loop_dispatch(end->loop, 0)) {
    }
    if (n == 1)
      return 1;
    if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE)
      return 0;
  }
  fail();
  return 0;
}

static inline void establish(struct end *end, struct ac_tls *tls) {
  begin(end, tls);
  connect_client(end);
  assert_int_equal(shake(end), 1);
  assert_true(ac_stream_tls_ready(end->stream));
  assert_true(anycable_str_is(ac_stream_protocol(end->stream), "h2"));
}

static inline void client_write(struct end *end, const void *data, size_t len) {
  size_t at = 0;
  while (at < len) {
    size_t n = 0;
    ERR_clear_error();
    if (SSL_write_ex(end->ssl, (const char *)data + at, len - at, &n))
      at += n;
    while (ac_loop_dispatch(end->loop, 0)) {
    }
  }
}

static inline void assert_client_reads(struct end *end, const void *data,
                                       size_t len) {
  char *got = malloc(len + 1);
  size_t at = 0;
  while (at < len) {
    size_t n = 0;
    ERR_clear_error();
    if (SSL_read_ex(end->ssl, got + at, len - at, &n))
      at += n;
    else
      assert_int_equal(SSL_get_error(end->ssl, 0), SSL_ERROR_WANT_READ);
    while (ac_loop_dispatch(end->loop, 0)) {
    }
  }
  assert_memory_equal(got, data, len);
  free(got);
}

static inline char *pattern(size_t len) {
  char *data = malloc(len);
  for (size_t i = 0; i < len; i++)
    data[i] = (char)(i * 7 + i / 251);
  return data;
}

#endif
