/* What is different for a connection with TLS: the stream underneath holds
 * bytes of its own. */
#include "h2_fixture.h"

#include "tls_ends.h"

static SSL *client_ssl;

/* The client's side of the handshake, in turns with ours. */
static void handshake(void) {
  SSL_CTX *context = SSL_CTX_new(TLS_client_method());
  SSL_CTX_set_alpn_protos(context, (const unsigned char *)"\x02h2", 3);
  client_ssl = SSL_new(context);
  SSL_CTX_free(context);
  fcntl(fx.peer.fd, F_SETFL, O_NONBLOCK);
  SSL_set_fd(client_ssl, fx.peer.fd);
  while (SSL_connect(client_ssl) != 1)
    settle();
}

static void write_all(const void *data, size_t len) {
  assert_int_equal(SSL_write(client_ssl, data, (int)len), (int)len);
  settle();
}

/* A call whose answer may be as long as it likes. */
static void ask(void) {
  unsigned char out[1024], block[256];
  memcpy(out, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24);
  size_t n = 24 + raw_frame(out + 24, PEER_SETTINGS, 0, 0,
                            "\x00\x04\x7f\xff\xff\xff", 6);
  n += raw_frame(out + n, PEER_WINDOW, 0, 0, "\x7f\x00\x00\x00", 4);
  size_t b = raw_field(block, ":method", "POST");
  b += raw_field(block + b, ":scheme", "https");
  b += raw_field(block + b, ":path", "/a/b");
  n += raw_frame(out + n, PEER_HEADERS, PEER_END_HEADERS | PEER_END, 1, block,
                 b);
  write_all(out, n);
}

static void begin_tls(void) {
  struct ac_tls *tls = new_tls(&server, NULL);
  accept_peer(tls);
  ac_tls_unref(tls);
  handshake();
}

static void test_handshake_that_stalls(void **state) {
  struct ac_tls *tls = new_tls(&server, NULL);
  (void)state;
  accept_peer(tls);
  ac_tls_unref(tls);
  pass(9 * AC_SECOND);
  assert_true(alive());
  pass(2 * AC_SECOND);
  assert_false(alive());
}

static void test_answer(void **state) {
  char got[4096];
  (void)state;
  begin_tls();
  ask();
  int n;
  do { /* a record each: settings, then the answer */
    n = SSL_read(client_ssl, got, sizeof(got));
    assert_true(n > 0);
  } while (!memmem(got, (size_t)n, "hello", 5));
  SSL_free(client_ssl);
}

/* One record may take longer than a peer may stall: any progress counts, also
 * what TLS makes by itself. */
static void test_slow_reader(void **state) {
  char *much = calloc(1, 1 << 20);
  char got[4096];
  (void)state;
  fx.body = ac_str(much, 1 << 20);
  fx.small_buffer = 8192;
  begin_tls();
  ask();
  for (int i = 0; i < 10; i++) {
    pass(10 * AC_SECOND);
    assert_true(alive());
    assert_non_null(fx.streams[0]);
    while (recv(fx.peer.fd, got, sizeof(got), MSG_DONTWAIT) > 0)
      ;
  }
  pass(21 * AC_SECOND);
  pass(2 * AC_SECOND);
  assert_false(alive());
  SSL_free(client_ssl);
  free(much);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
  const struct CMUnitTest tests[] = {
      TEST(test_handshake_that_stalls),
      TEST(test_answer),
      TEST(test_slow_reader),
  };
  return cmocka_run_group_tests(tests, make_identities, free_identities);
}
