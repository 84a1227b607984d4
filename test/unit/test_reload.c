/* Certificates change while connections go on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "raw_call.h"
#include "unit/tls_ends.h"
#include "unit/trivial_app.h"

/* --- a blocking client --------------------------------------------------- */

struct peer {
  int fd;
  SSL_CTX *ctx;
  SSL *ssl;
  uint32_t next;
};

static struct peer peer_connect(const char *address) {
  struct peer peer = {.fd = raw_connect(address), .next = 1};
  assert_true(peer.fd >= 0);
  peer.ctx = SSL_CTX_new(TLS_client_method());
  peer.ssl = SSL_new(peer.ctx);
  SSL_set_alpn_protos(peer.ssl, (const unsigned char *)"\x02h2", 3);
  SSL_set_fd(peer.ssl, peer.fd);
  assert_int_equal(SSL_connect(peer.ssl), 1);
  return peer;
}

static void peer_close(struct peer *peer) {
  SSL_free(peer->ssl);
  SSL_CTX_free(peer->ctx);
  close(peer->fd);
}

static void assert_certificate(const struct peer *peer, const X509 *cert) {
  X509 *seen = SSL_get1_peer_certificate(peer->ssl);
  assert_int_equal(X509_cmp(seen, cert), 0);
  X509_free(seen);
}

static void read_all(struct peer *peer, unsigned char *out, size_t len) {
  while (len > 0) {
    int n = SSL_read(peer->ssl, out, (int)len);
    assert_true(n > 0);
    out += n;
    len -= (size_t)n;
  }
}

/* One call; reads frames to the end of its stream. */
static void assert_answers(struct peer *peer) {
  unsigned char out[1024], payload[20000];
  uint32_t id = peer->next;
  bool message = false;
  size_t n = raw_request(out, id, "/anycable.RPC/Command", NULL, 0);
  peer->next += 2;
  assert_int_equal(SSL_write(peer->ssl, out, (int)n), n);
  for (;;) {
    unsigned char head[9];
    read_all(peer, head, 9);
    size_t len = (size_t)head[0] << 16 | (size_t)head[1] << 8 | head[2];
    read_all(peer, payload, len);
    if (head[8] != id)
      continue;
    message = message || (head[3] == 0 && len == 7);
    if (head[4] & 1)
      break;
  }
  assert_true(message);
}

/* --- tests --------------------------------------------------------------- */

static anycable_server *make(anycable_app *app, const struct identity *id) {
  anycable_server *made;
  anycable_config *config = anycable_config_new();
  anycable_app_set_factory(app, &ops, NULL, NULL);
  anycable_config_set_rpc_host(config, "127.0.0.1:0");
  if (id)
    anycable_config_set_rpc_tls(config, id->cert_pem, id->key_pem);
  if (anycable_server_new(&made, app, config) != ANYCABLE_OK)
    fail_msg("%s", anycable_app_error(app));
  anycable_config_free(config);
  assert_int_equal(anycable_server_start(made), ANYCABLE_OK);
  return made;
}

static void assert_refused(anycable_server *made, const char *cert,
                           const char *key, int error) {
  assert_int_equal(anycable_server_reload_tls(made, cert, key), error);
  assert_true(strlen(anycable_server_error(made)) > 0);
}

static void test_reload(void **state) {
  anycable_app *app = anycable_app_new();
  (void)state;
  anycable_server *made = make(app, &server);
  struct peer old = peer_connect(anycable_server_address(made, 0));
  assert_certificate(&old, server.cert);
  assert_answers(&old);
  assert_int_equal(
      anycable_server_reload_tls(made, other.cert_pem, other.key_pem),
      ANYCABLE_OK);
  struct peer fresh = peer_connect(anycable_server_address(made, 0));
  assert_certificate(&fresh, other.cert);
  assert_answers(&fresh);
  assert_answers(&old); /* not dropped */

  /* What is bad changes nothing. */
  assert_refused(made, "-----BEGIN nothing", other.key_pem, ANYCABLE_ERR_TLS);
  assert_refused(made, "/no/such/file", other.key_pem, ANYCABLE_ERR_TLS);
  assert_refused(made, server.cert_pem, other.key_pem, ANYCABLE_ERR_TLS);
  assert_refused(made, expired.cert_pem, expired.key_pem, ANYCABLE_ERR_TLS);
  assert_refused(made, server.cert_pem, NULL, ANYCABLE_ERR_INVALID);
  peer_close(&fresh);
  fresh = peer_connect(anycable_server_address(made, 0));
  assert_certificate(&fresh, other.cert);

  /* Nothing given: what was configured. */
  assert_int_equal(anycable_server_reload_tls(made, NULL, NULL), ANYCABLE_OK);
  peer_close(&fresh);
  fresh = peer_connect(anycable_server_address(made, 0));
  assert_certificate(&fresh, server.cert);
  assert_answers(&old);
  peer_close(&fresh);
  peer_close(&old);
  anycable_server_free(made);
  anycable_app_free(app);
}

static void test_reload_without_tls(void **state) {
  anycable_app *app = anycable_app_new();
  (void)state;
  anycable_server *made = make(app, NULL);
  assert_refused(made, server.cert_pem, server.key_pem, ANYCABLE_ERR_STATE);
  anycable_server_free(made);
  anycable_app_free(app);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_reload),
      cmocka_unit_test(test_reload_without_tls),
  };
  return cmocka_run_group_tests(tests, make_identities, free_identities);
}
