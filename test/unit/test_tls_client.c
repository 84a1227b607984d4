/* TLS from the client's side: whom we trust, what we show, and what becomes of
 * peers that are no TLS servers. The other side is OpenSSL in a thread. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/eventfd.h>

#include "base/clock.h"
#include "io/link.h"
#include "unit/tls_ends.h"

/* --- the server ----------------------------------------------------------- */

struct peer {
  int fd;
  const struct identity *id;
  bool demands; /* a certificate */
  int version;  /* at most; 0: any */
  /* What it saw; after the join. */
  bool accepted;
  bool shown;
  char name[64]; /* by SNI */
  pthread_t thread;
};

static void echo(SSL *ssl) {
  static char data[16 * 1024];
  int n;
  while ((n = SSL_read(ssl, data, sizeof(data))) > 0)
    if (SSL_write(ssl, data, n) != n)
      return;
}

/* OpenSSL writes as nobody should in a library. */
static void block_sigpipe(void) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &set, NULL);
}

static void *serve(void *arg) {
  struct peer *peer = arg;
  block_sigpipe();
  SSL_CTX *context = SSL_CTX_new(TLS_server_method());
  SSL_CTX_use_certificate(context, peer->id->cert);
  SSL_CTX_use_PrivateKey(context, peer->id->key);
  SSL_CTX_set_mode(context, SSL_MODE_NO_AUTO_CHAIN);
  X509_STORE_add_cert(SSL_CTX_get_cert_store(context), ca.cert);
  if (peer->demands)
    SSL_CTX_set_verify(context,
                       SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
  if (peer->version) {
    SSL_CTX_set_min_proto_version(context, TLS1_VERSION);
    SSL_CTX_set_max_proto_version(context, peer->version);
    SSL_CTX_set_security_level(context, 0);
  }
  SSL *ssl = SSL_new(context);
  SSL_set_fd(ssl, peer->fd);
  peer->accepted = SSL_accept(ssl) == 1;
  const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  snprintf(peer->name, sizeof(peer->name), "%s", name ? name : "");
  X509 *shown = SSL_get1_peer_certificate(ssl);
  peer->shown = shown != NULL;
  X509_free(shown);
  if (peer->accepted)
    echo(ssl);
  SSL_free(ssl);
  SSL_CTX_free(context);
  ERR_clear_error();
  close(peer->fd);
  return NULL;
}

/* --- the client ----------------------------------------------------------- */

static struct ac_tls_client settings(const char *ca_pem) {
  struct ac_tls_client it = {
      {"x_cert", NULL}, {"x_key", NULL}, {"x_ca", ca_pem}, .verify = true};
  return it;
}

static struct ac_tls *new_client(const struct ac_tls_client *how) {
  char error[256];
  struct ac_tls *tls = ac_tls_new_client(how, error, sizeof(error));
  assert_string_equal(error, "");
  assert_non_null(tls);
  return tls;
}

static struct ac_wait in_ms(uint64_t ms, int interrupt) {
  struct ac_wait wait = {ac_clock_now() + ms * AC_MS, interrupt};
  return wait;
}

static struct ac_link *link_to(int *peer, const struct ac_tls_client *how,
                               const char *host) {
  int fds[2];
  struct ac_tls *tls = new_client(how);
  assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
  assert_int_equal(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
  struct ac_link *link = ac_link_new(fds[0], tls, host);
  assert_non_null(link);
  ac_tls_unref(tls); /* the link has its own reference */
  *peer = fds[1];
  return link;
}

/* The handshake with |peer|, whose identity is given. */
static struct ac_link *shake_with(struct peer *peer,
                                  const struct ac_tls_client *how,
                                  const char *host, bool *done) {
  struct ac_link *link = link_to(&peer->fd, how, host);
  struct ac_wait wait = in_ms(20000, -1);
  assert_int_equal(pthread_create(&peer->thread, NULL, serve, peer), 0);
  *done = ac_link_handshake(link, &wait);
  return link;
}

static void end(struct ac_link *link, struct peer *peer) {
  ac_link_free(link);
  pthread_join(peer->thread, NULL);
  assert_int_equal(ERR_peek_error(), 0);
}

static void assert_accepted(struct peer *peer, const struct ac_tls_client *how,
                            const char *host) {
  bool done;
  struct ac_link *link = shake_with(peer, how, host, &done);
  assert_string_equal(ac_link_error(link), "");
  assert_true(done);
  end(link, peer);
  assert_true(peer->accepted);
}

static void assert_refused(struct peer *peer, const struct ac_tls_client *how,
                           const char *host, const char *why) {
  bool done;
  struct ac_link *link = shake_with(peer, how, host, &done);
  assert_false(done);
  assert_string_equal(ac_link_error(link), why);
  end(link, peer);
}

/* --- tests ---------------------------------------------------------------- */

static void assert_unusable(const struct ac_tls_client *how, const char *why) {
  char error[256];
  assert_null(ac_tls_new_client(how, error, sizeof(error)));
  if (!strstr(error, why))
    fail_msg("\"%s\" does not have \"%s\"", error, why);
  assert_int_equal(ERR_peek_error(), 0);
}

static void refuses_bad_settings(void **state) {
  (void)state;
  struct ac_tls_client it = settings("/no/such");
  assert_unusable(&it, "x_ca: cannot read /no/such: No such file");
  it = settings(client.key_pem);
  assert_unusable(&it, "x_ca: the PEM text has no certificate");
  it = settings(NULL);
  it.cert.value = client.cert_pem;
  assert_unusable(&it, "x_key: is missing");
  it.key.value = server.key_pem;
  assert_unusable(&it, "x_key: the PEM text does not match x_cert");
  it.cert.value = NULL;
  assert_unusable(&it, "x_cert: is missing");
  it.cert.value = "/no/cert";
  assert_unusable(&it, "x_cert: cannot read /no/cert");
}

static void checks_the_server(void **state) {
  (void)state;
  struct peer peer = {.id = &server};
  struct ac_tls_client it = settings(ca.cert_pem);
  assert_accepted(&peer, &it, "localhost");
  assert_string_equal(peer.name, "localhost");
  assert_refused(&peer, &it, "elsewhere", "hostname mismatch");
  assert_refused(&peer, &it, "127.0.0.1", "IP address mismatch");
  assert_string_equal(peer.name, "");
  assert_refused(&peer, &it, "::1", "IP address mismatch");
  it = settings(other.cert_pem);
  assert_refused(&peer, &it, "localhost",
                 "unable to get local issuer certificate");
  it = settings(NULL); /* the system does not know it either */
  assert_refused(&peer, &it, "localhost",
                 "unable to get local issuer certificate");
  it = settings(ca.cert_pem);
  peer.id = &expired;
  assert_refused(&peer, &it, "localhost", "certificate has expired");
  it.verify = false;
  assert_accepted(&peer, &it, "elsewhere");
}

static void shows_a_certificate(void **state) {
  (void)state;
  struct peer peer = {.id = &server, .demands = true};
  struct ac_tls_client it = settings(ca.cert_pem);
  it.cert.value = client.cert_pem;
  it.key.value = client.key_pem;
  assert_accepted(&peer, &it, "localhost");
  assert_true(peer.shown);
}

/* With TLS 1.3, it is refused when it is connected already. */
static void is_told_that_it_needs_one(void **state) {
  (void)state;
  char got[8];
  bool done;
  ssize_t n;
  struct peer peer = {.id = &server, .demands = true};
  struct ac_tls_client it = settings(ca.cert_pem);
  struct ac_wait wait = in_ms(20000, -1);
  struct ac_link *link = shake_with(&peer, &it, "localhost", &done);
  assert_true(done);
  while ((n = ac_link_read(link, got, sizeof(got))) == AC_STREAM_AGAIN)
    assert_int_equal(ac_link_wait(link, &wait, false), AC_WAIT_READY);
  assert_int_equal(n, AC_STREAM_FAILED);
  assert_string_equal(ac_link_error(link), "tlsv13 alert certificate required");
  end(link, &peer);
}

static void wants_tls_1_2(void **state) {
  (void)state;
  struct peer peer = {.id = &server, .version = TLS1_2_VERSION};
  struct ac_tls_client it = settings(ca.cert_pem);
  bool done;
  assert_accepted(&peer, &it, "localhost");
  peer.version = TLS1_1_VERSION;
  struct ac_link *link = shake_with(&peer, &it, "localhost", &done);
  assert_false(done);
  end(link, &peer);
}

/* Both directions are full most of the time. */
static void carries_much(void **state) {
  (void)state;
  enum { SIZE = 4 << 20 };
  char *sent = pattern(SIZE), *got = malloc(SIZE);
  size_t out = 0, in = 0;
  bool done;
  struct peer peer = {.id = &server};
  struct ac_tls_client it = settings(ca.cert_pem);
  struct ac_wait wait = in_ms(50000, -1);
  struct ac_link *link = shake_with(&peer, &it, "localhost", &done);
  assert_true(done);
  while (in < SIZE) {
    ssize_t n = out < SIZE ? ac_link_write(link, sent + out, SIZE - out) : 0;
    assert_true(n >= 0 || n == AC_STREAM_AGAIN);
    out += n > 0 ? (size_t)n : 0;
    n = ac_link_read(link, got + in, SIZE - in);
    assert_true(n > 0 || n == AC_STREAM_AGAIN);
    in += n > 0 ? (size_t)n : 0;
    if (n == AC_STREAM_AGAIN)
      assert_int_equal(ac_link_wait(link, &wait, out < SIZE), AC_WAIT_READY);
  }
  assert_memory_equal(sent, got, SIZE);
  end(link, &peer);
  free(sent);
  free(got);
}

/* --- peers that speak something else -------------------------------------- */

static void assert_handshake_fails(struct ac_link *link, uint64_t ms,
                                   int interrupt, const char *why) {
  struct ac_wait wait = in_ms(ms, interrupt);
  assert_false(ac_link_handshake(link, &wait));
  assert_string_equal(ac_link_error(link), why);
}

static void gives_up_on_others(void **state) {
  (void)state;
  int peer, interrupt = eventfd(1, EFD_CLOEXEC);
  struct ac_tls_client it = settings(ca.cert_pem);
  struct ac_link *link = link_to(&peer, &it, "localhost");
  assert_handshake_fails(link, 50, -1, "the TLS handshake timed out");
  assert_handshake_fails(link, 20000, interrupt, "interrupted");
  assert_int_equal(send(peer, "-ERR what?\r\n", 12, 0), 12);
  assert_handshake_fails(link, 20000, -1, "wrong version number");
  close(peer);
  ac_link_free(link);
  link = link_to(&peer, &it, "localhost");
  shutdown(peer, SHUT_WR);
  assert_handshake_fails(link, 20000, -1, "closed in the TLS handshake");
  close(peer);
  ac_link_free(link);
  close(interrupt);
  assert_int_equal(ERR_peek_error(), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(refuses_bad_settings),
      cmocka_unit_test(checks_the_server),
      cmocka_unit_test(shows_a_certificate),
      cmocka_unit_test(is_told_that_it_needs_one),
      cmocka_unit_test(wants_tls_1_2),
      cmocka_unit_test(carries_much),
      cmocka_unit_test(gives_up_on_others),
  };
  return cmocka_run_group_tests(tests, make_identities, free_identities);
}
