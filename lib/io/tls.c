/* TLS settings, from PEM to an SSL_CTX. */
#include "io/tls.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/errors.h"
#include "io/stream.h"
#include "io/tls_inner.h"

enum {
  PEM_MAX = 1 << 20,
  CLIENT_DEPTH = 4 /* certificates between a client's and its CA */
};

/* TLS 1.2 suites with forward secrecy and AEAD: what RFC 9113 leaves. */
#define SUITES_12 "ECDHE+AESGCM:ECDHE+CHACHA20"
#define SUITES_13                                                              \
  "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:"                             \
  "TLS_CHACHA20_POLY1305_SHA256"

/* One PEM setting while it is read, and where its errors go. */
struct pem {
  const char *setting; /* "rpc_tls_cert" */
  const char *cert;    /* what the certificate's is called */
  const char *from;    /* its path, or what it is */
  char *text;
  size_t len;
  char *error;
  size_t error_size;
};

static bool refuse(const struct pem *pem, const char *why) {
  snprintf(pem->error, pem->error_size, "%s: %s %s", pem->setting, pem->from,
           why);
  return false;
}

static bool unreadable(const struct pem *pem, int error) {
  snprintf(pem->error, pem->error_size, "%s: cannot read %s: %s", pem->setting,
           pem->from, ac_errno_text(error));
  return false;
}

/* The oldest error is the cause; what follows are callers that report it. */
static bool refuse_reason(const struct pem *pem) {
  const char *reason = ERR_reason_error_string(ERR_peek_error());
  char why[160];
  snprintf(why, sizeof(why), "cannot be used: %s",
           reason ? reason : "out of memory");
  return refuse(pem, why);
}

/* --- reading PEM ---------------------------------------------------------- */

static void pem_deinit(struct pem *pem) {
  if (pem->text)
    OPENSSL_cleanse(pem->text, pem->len);
  free(pem->text);
  pem->text = NULL;
}

/* Reads the rest of |fd|; -1 with errno. */
static int read_all(struct pem *pem, int fd) {
  pem->text = malloc(PEM_MAX);
  if (!pem->text)
    return -1;
  for (;;) {
    ssize_t n = read(fd, pem->text + pem->len, PEM_MAX - pem->len);
    if (n == 0)
      return 0;
    if (n > 0)
      pem->len += (size_t)n;
    else if (errno != EINTR)
      return -1;
    if (pem->len == PEM_MAX) {
      errno = EFBIG;
      return -1;
    }
  }
}

static bool pem_load(struct pem *pem, const char *setting, const char *value) {
  pem->setting = setting;
  pem->from = "the PEM text";
  pem->text = NULL;
  pem->len = 0;
  if (!value || !*value) {
    snprintf(pem->error, pem->error_size, "%s: is missing", setting);
    return false;
  }
  if (strstr(value, "-----BEGIN")) {
    pem->text = strdup(value);
    pem->len = pem->text ? strlen(value) : 0;
    return pem->text || unreadable(pem, ENOMEM);
  }
  pem->from = value;
  /* Non-blocking: the path may be a pipe's by mistake. */
  int fd = open(value, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0)
    return unreadable(pem, errno);
  bool ok = read_all(pem, fd) == 0 || unreadable(pem, errno);
  close(fd);
  return ok;
}

/* OpenSSL's own would ask for a passphrase at the terminal. */
static int no_passphrase(char *out, int size, int writing, void *arg) {
  (void)size;
  (void)writing;
  *(bool *)arg = true;
  *out = '\0';
  return -1;
}

/* --- certificate and key -------------------------------------------------- */

static BIO *pem_bio(const struct pem *pem) {
  return BIO_new_mem_buf(pem->text, (int)pem->len);
}

/* Did reading stop because there is no more, and not because of damage? */
static bool at_end(const struct pem *pem) {
  unsigned long error = ERR_peek_last_error();
  if (ERR_GET_LIB(error) != ERR_LIB_PEM ||
      ERR_GET_REASON(error) != PEM_R_NO_START_LINE)
    return refuse_reason(pem);
  ERR_clear_error();
  return true;
}

static bool use_chain(SSL_CTX *context, const struct pem *pem, BIO *bio) {
  X509 *cert = PEM_read_bio_X509_AUX(bio, NULL, NULL, NULL);
  if (!cert)
    return at_end(pem) && refuse(pem, "has no certificate in PEM form");
  bool ok = SSL_CTX_use_certificate(context, cert) == 1 || refuse_reason(pem);
  X509_free(cert);
  while (ok && (cert = PEM_read_bio_X509(bio, NULL, NULL, NULL))) {
    ok = SSL_CTX_add1_chain_cert(context, cert) == 1 || refuse_reason(pem);
    X509_free(cert);
  }
  return ok && at_end(pem);
}

static bool refuse_other_key(const struct pem *pem) {
  char why[64];
  snprintf(why, sizeof(why), "does not match %s", pem->cert);
  return refuse(pem, why);
}

static bool use_key(SSL_CTX *context, const struct pem *pem, BIO *bio) {
  bool encrypted = false;
  EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, &encrypted);
  if (!key && encrypted)
    return refuse(pem, "is encrypted; a key without passphrase is needed");
  if (!key)
    return refuse(pem, "has no private key in PEM form that can be used");
  bool ok =
      X509_check_private_key(SSL_CTX_get0_certificate(context), key) == 1
          ? SSL_CTX_use_PrivateKey(context, key) == 1 || refuse_reason(pem)
          : refuse_other_key(pem);
  EVP_PKEY_free(key);
  return ok;
}

/* Whom we trust. */
static bool use_ca(SSL_CTX *context, const struct pem *pem, BIO *bio) {
  X509_STORE *store = SSL_CTX_get_cert_store(context);
  bool ok = true;
  int found = 0;
  X509 *cert;
  while (ok && (cert = PEM_read_bio_X509(bio, NULL, NULL, NULL))) {
    ok = X509_STORE_add_cert(store, cert) == 1 || refuse_reason(pem);
    X509_free(cert);
    found++;
  }
  if (!ok || !at_end(pem))
    return false;
  return found || refuse(pem, "has no certificate in PEM form");
}

/* Tells clients by name whom we trust. */
static bool announce_cas(SSL_CTX *context) {
  STACK_OF(X509_OBJECT) *cas =
      X509_STORE_get0_objects(SSL_CTX_get_cert_store(context));
  for (int i = 0; i < sk_X509_OBJECT_num(cas); i++) {
    X509 *cert = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(cas, i));
    if (SSL_CTX_add_client_CA(context, cert) != 1)
      return false;
  }
  return true;
}

/* Demands a certificate that one of these has signed. */
static bool use_client_ca(SSL_CTX *context, const struct pem *pem, BIO *bio) {
  if (!use_ca(context, pem, bio))
    return false;
  if (!announce_cas(context))
    return refuse_reason(pem);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
                     NULL);
  SSL_CTX_set_verify_depth(context, CLIENT_DEPTH);
  return true;
}

static bool use(SSL_CTX *context, struct pem *pem, const char *setting,
                const char *value,
                bool (*with)(SSL_CTX *, const struct pem *, BIO *)) {
  bool ok = pem_load(pem, setting, value);
  if (ok) {
    BIO *bio = pem_bio(pem);
    ok = bio ? with(context, pem, bio) : unreadable(pem, ENOMEM);
    BIO_free(bio);
  }
  pem_deinit(pem);
  return ok;
}

/* --- settings ------------------------------------------------------------- */

/* Finds |name| in a list of protocols whose form OpenSSL has checked. */
static bool find_protocol(const char *name, const unsigned char *in,
                          unsigned in_len, const unsigned char **out,
                          unsigned char *out_len) {
  size_t len = strlen(name);
  for (unsigned i = 0; i < in_len; i += 1u + in[i])
    if (in[i] == len && memcmp(in + i + 1, name, len) == 0) {
      *out = in + i + 1;
      *out_len = in[i];
      return true;
    }
  return false;
}

static int select_protocol(SSL *ssl, const unsigned char **out,
                           unsigned char *out_len, const unsigned char *in,
                           unsigned in_len, void *arg) {
  int protocols = ac_tls_protocols(ssl);
  (void)arg;
  if ((protocols & AC_STREAM_HTTP2 &&
       find_protocol("h2", in, in_len, out, out_len)) ||
      (protocols & AC_STREAM_HTTP1 &&
       find_protocol("http/1.1", in, in_len, out, out_len)))
    return SSL_TLSEXT_ERR_OK;
  return SSL_TLSEXT_ERR_ALERT_FATAL; /* no_application_protocol */
}

/* A client that offers no protocols at all does not get as far as there. */
static int check_hello(SSL *ssl, int *alert, void *arg) {
  const unsigned char *data;
  size_t len;
  (void)arg;
  if (ac_tls_protocols(ssl) & AC_STREAM_HTTP1 ||
      SSL_client_hello_get0_ext(
          ssl, TLSEXT_TYPE_application_layer_protocol_negotiation, &data, &len))
    return SSL_CLIENT_HELLO_SUCCESS;
  *alert = SSL_AD_NO_APPLICATION_PROTOCOL;
  return SSL_CLIENT_HELLO_ERROR;
}

bool ac_tls_init(void) {
  return OPENSSL_init_ssl(OPENSSL_INIT_NO_ATEXIT, NULL) == 1;
}

/* What holds for both sides. */
static SSL_CTX *new_context(const SSL_METHOD *method) {
  SSL_CTX *context = SSL_CTX_new(method);
  if (!context)
    return NULL;
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                   /* HTTP/2 and Redis see by themselves what
                                    * was cut off. */
                                   SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE |
                                SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_read_ahead(context, 1);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  /* The system's configuration may ask for more, not for less. */
  if ((SSL_CTX_get_min_proto_version(context) >= TLS1_2_VERSION ||
       SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1) &&
      SSL_CTX_set_cipher_list(context, SUITES_12) == 1 &&
      SSL_CTX_set_ciphersuites(context, SUITES_13) == 1)
    return context;
  SSL_CTX_free(context);
  return NULL;
}

static bool set_up_server(SSL_CTX *context) {
  static const unsigned char session_id[] = "anycable";
  SSL_CTX_set_options(context, SSL_OP_CIPHER_SERVER_PREFERENCE |
                                   SSL_OP_PRIORITIZE_CHACHA);
  SSL_CTX_set_alpn_select_cb(context, select_protocol, NULL);
  SSL_CTX_set_client_hello_cb(context, check_hello, NULL);
  return SSL_CTX_set_session_id_context(context, session_id,
                                        sizeof(session_id) - 1) == 1;
}

/* Settings of neither side yet; NULL where OpenSSL cannot be set up. */
static struct ac_tls *new_tls(const SSL_METHOD *(*method)(void)) {
  ERR_clear_error();
  struct ac_tls *tls = calloc(1, sizeof(*tls));
  if (!tls)
    return NULL;
  atomic_init(&tls->refs, 1);
  tls->context = ac_tls_init() ? new_context(method()) : NULL;
  tls->method = ac_tls_conn_method();
  if (tls->context && tls->method)
    return tls;
  ac_tls_unref(tls);
  return NULL;
}

/* Lets go of what could not be made complete. The reason is OpenSSL's, unless
 * there is one already. */
static struct ac_tls *abandon(struct ac_tls *tls, const char *setting,
                              char *error, size_t error_size) {
  if (!*error)
    snprintf(error, error_size, "%s: OpenSSL cannot be set up: %s", setting,
             ERR_peek_error() ? ERR_reason_error_string(ERR_peek_error())
                              : "out of memory");
  ac_tls_unref(tls);
  ERR_clear_error();
  return NULL;
}

struct ac_tls *ac_tls_new(const char *cert, const char *key,
                          const char *client_ca, char *error,
                          size_t error_size) {
  struct pem pem = {
      .cert = "rpc_tls_cert", .error = error, .error_size = error_size};
  *error = '\0';
  struct ac_tls *tls = new_tls(TLS_server_method);
  if (!tls || !set_up_server(tls->context) ||
      !use(tls->context, &pem, "rpc_tls_cert", cert, use_chain) ||
      !use(tls->context, &pem, "rpc_tls_key", key, use_key) ||
      (client_ca &&
       !use(tls->context, &pem, "rpc_tls_client_ca", client_ca, use_client_ca)))
    return abandon(tls, "rpc_tls", error, error_size);
  ERR_clear_error();
  return tls;
}

static bool trust(SSL_CTX *context, struct pem *pem,
                  const struct ac_tls_client *client) {
  SSL_CTX_set_verify(context,
                     client->verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
  if (client->ca.value)
    return use(context, pem, client->ca.setting, client->ca.value, use_ca);
  return !client->verify || SSL_CTX_set_default_verify_paths(context) == 1;
}

/* One of the two alone is an error, which names the other. */
static bool show(SSL_CTX *context, struct pem *pem,
                 const struct ac_tls_client *client) {
  if (!client->cert.value && !client->key.value)
    return true;
  return use(context, pem, client->cert.setting, client->cert.value,
             use_chain) &&
         use(context, pem, client->key.setting, client->key.value, use_key);
}

struct ac_tls *ac_tls_new_client(const struct ac_tls_client *client,
                                 char *error, size_t error_size) {
  struct pem pem = {
      .cert = client->cert.setting, .error = error, .error_size = error_size};
  *error = '\0';
  struct ac_tls *tls = new_tls(TLS_client_method);
  if (!tls || !trust(tls->context, &pem, client) ||
      !show(tls->context, &pem, client))
    return abandon(tls, client->ca.setting, error, error_size);
  ERR_clear_error();
  return tls;
}

struct ac_tls *ac_tls_ref(struct ac_tls *tls) {
  atomic_fetch_add_explicit(&tls->refs, 1, memory_order_relaxed);
  return tls;
}

void ac_tls_unref(struct ac_tls *tls) {
  if (!tls ||
      atomic_fetch_sub_explicit(&tls->refs, 1, memory_order_acq_rel) != 1)
    return;
  SSL_CTX_free(tls->context);
  BIO_meth_free(tls->method);
  free(tls);
}

bool ac_tls_expired(const struct ac_tls *tls) {
  const X509 *cert = SSL_CTX_get0_certificate(tls->context);
  return X509_cmp_current_time(X509_get0_notAfter(cert)) < 0;
}
