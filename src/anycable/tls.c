/* OpenSSL's context and handshake. The certificate is always checked against
 * the name, unless all checks are off. */
#include "tls.h"
#include "wait.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

struct tls {
  SSL_CTX *context;
  const char *name;
};

static const unsigned char alpn_h2[] = {2, 'h', '2'};

const char *tls_error(void) {
  unsigned long code = ERR_get_error();
  const char *reason = code ? ERR_reason_error_string(code) : NULL;

  if (code && ERR_SYSTEM_ERROR(code))
    reason = strerror(ERR_GET_REASON(code));
  ERR_clear_error();
  return reason ? reason : "unknown error";
}

struct tls *tls_new(const char *ca, bool verify, const char *name,
                    char error[ERROR_SIZE]) {
  struct tls *tls = text_must(calloc(1, sizeof *tls));

  tls->name = name;
  tls->context = text_must(SSL_CTX_new(TLS_client_method()));
  SSL_CTX_set_min_proto_version(tls->context, TLS1_2_VERSION);
  SSL_CTX_set_alpn_protos(tls->context, alpn_h2, sizeof alpn_h2);
  SSL_CTX_set_mode(tls->context, SSL_MODE_ENABLE_PARTIAL_WRITE |
                                     SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_verify(tls->context, verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE,
                     NULL);
  ERR_clear_error();
  if (ca ? SSL_CTX_load_verify_file(tls->context, ca) != 1
         : SSL_CTX_set_default_verify_paths(tls->context) != 1) {
    snprintf(error, ERROR_SIZE, "%s", tls_error());
    tls_free(tls);
    return NULL;
  }
  return tls;
}

void tls_free(struct tls *tls) {
  if (!tls)
    return;
  SSL_CTX_free(tls->context);
  free(tls);
}

/* Names the server in the handshake, and says whose certificate we want. */
static bool name_server(SSL *ssl, const struct address *address,
                        const char *name) {
  struct address named = *address;

  if (name)
    snprintf(named.host, sizeof named.host, "%s", name);
  if (address_is_ip(&named))
    return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), named.host) == 1;
  return SSL_set_tlsext_host_name(ssl, named.host) == 1 &&
         SSL_set1_host(ssl, named.host) == 1;
}

static const char *handshake_error(SSL *ssl) {
  long verdict = SSL_get_verify_result(ssl);
  unsigned long code = ERR_peek_error();

  if (ERR_GET_REASON(code) == SSL_R_CERTIFICATE_VERIFY_FAILED &&
      verdict != X509_V_OK) {
    ERR_clear_error();
    return X509_verify_cert_error_string(verdict);
  }
  if (ERR_GET_REASON(code) == SSL_R_WRONG_VERSION_NUMBER) {
    ERR_clear_error();
    return "the server does not speak TLS";
  }
  if (code == 0)
    return errno ? strerror(errno) : "the server closed the connection";
  return tls_error();
}

static bool handshake(SSL *ssl, const struct address *address, int64_t deadline,
                      struct grpc_status *status) {
  for (;;) {
    int n, reason;
    short events;

    ERR_clear_error();
    errno = 0;
    n = SSL_connect(ssl);
    if (n == 1)
      return true;
    reason = SSL_get_error(ssl, n);
    if (reason != SSL_ERROR_WANT_READ && reason != SSL_ERROR_WANT_WRITE)
      return grpc_status_set(status, GRPC_UNAVAILABLE, "TLS with %s: %s",
                             address->text, handshake_error(ssl));
    events = reason == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT;
    if (!wait_fd(SSL_get_fd(ssl), events, deadline))
      return grpc_status_set(status, GRPC_DEADLINE_EXCEEDED,
                             "TLS with %s: no answer in time", address->text);
  }
}

static bool chose_h2(SSL *ssl) {
  const unsigned char *chosen = NULL;
  unsigned len = 0;

  SSL_get0_alpn_selected(ssl, &chosen, &len);
  return len == 2 && memcmp(chosen, "h2", 2) == 0;
}

SSL *tls_connect(const struct tls *tls, int fd, const struct address *address,
                 int64_t deadline, struct grpc_status *status) {
  SSL *ssl = text_must(SSL_new(tls->context));

  if (SSL_set_fd(ssl, fd) != 1 || !name_server(ssl, address, tls->name)) {
    grpc_status_set(status, GRPC_UNAVAILABLE, "TLS with %s: %s", address->text,
                    tls_error());
    goto fail;
  }
  if (!handshake(ssl, address, deadline, status))
    goto fail;
  if (!chose_h2(ssl)) {
    grpc_status_set(status, GRPC_UNAVAILABLE,
                    "TLS with %s: the server does not choose h2 (ALPN), which "
                    "gRPC demands",
                    address->text);
    goto fail;
  }
  return ssl;
fail:
  SSL_free(ssl);
  return NULL;
}
