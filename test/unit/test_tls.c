/* TLS settings and handshakes: what is refused at the start, and which clients
 * are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include "unit/tls_ends.h"

/* --- settings ------------------------------------------------------------- */

static void assert_refused(const char *cert, const char *key, const char *cas,
                           const char *why) {
  char error[256] = "";
  assert_null(ac_tls_new(cert, key, cas, error, sizeof(error)));
  if (!strstr(error, why))
    fail_msg("\"%s\" does not have \"%s\"", error, why);
  assert_int_equal(ERR_peek_error(), 0);
}

static void refuses_bad_settings(void **state) {
  (void)state;
  char *locked = key_text(server.key, "secret");
  char *damaged = strdup(server.cert_pem);
  damaged[strlen(damaged) / 2] = '!';
  assert_refused("/no/such", server.key_pem, NULL,
                 "rpc_tls_cert: cannot read /no/such: No such file");
  assert_refused("/", server.key_pem, NULL,
                 "rpc_tls_cert: cannot read /: Is a directory");
  assert_refused(NULL, server.key_pem, NULL, "rpc_tls_cert: is missing");
  assert_refused(server.cert_pem, "", NULL, "rpc_tls_key: is missing");
  assert_refused("/dev/null", server.key_pem, NULL,
                 "rpc_tls_cert: /dev/null has no certificate");
  assert_refused("/dev/zero", server.key_pem, NULL, "File too large");
  assert_refused(server.key_pem, server.key_pem, NULL,
                 "rpc_tls_cert: the PEM text has no certificate");
  assert_refused(damaged, server.key_pem, NULL,
                 "rpc_tls_cert: the PEM text cannot be used: bad base64");
  assert_refused(server.cert_pem, server.key_pem, damaged,
                 "rpc_tls_client_ca: the PEM text cannot be used: bad base64");
  assert_refused(server.cert_pem, server.cert_pem, NULL,
                 "rpc_tls_key: the PEM text has no private key");
  assert_refused(server.cert_pem, client.key_pem, NULL,
                 "rpc_tls_key: the PEM text does not match rpc_tls_cert");
  assert_refused(server.cert_pem, locked, NULL,
                 "rpc_tls_key: the PEM text is encrypted");
  assert_refused(server.cert_pem, server.key_pem, "/no/ca",
                 "rpc_tls_client_ca: cannot read /no/ca");
  assert_refused(server.cert_pem, server.key_pem, server.key_pem,
                 "rpc_tls_client_ca: the PEM text has no certificate");
  free(damaged);
  free(locked);
}

static void write_file(const char *path, const char *text) {
  FILE *file = fopen(path, "w");
  assert_non_null(file);
  assert_true(fputs(text, file) >= 0);
  fclose(file);
}

static void reads_files(void **state) {
  (void)state;
  char dir[] = "/tmp/test_tls.XXXXXX", cert[64], both[64], error[256];
  assert_non_null(mkdtemp(dir));
  snprintf(cert, sizeof(cert), "%s/cert.pem", dir);
  snprintf(both, sizeof(both), "%s/both.pem", dir);
  char *text = malloc(strlen(server.key_pem) + strlen(server.cert_pem) + 1);
  sprintf(text, "%s%s", server.key_pem, server.cert_pem);
  write_file(cert, server.cert_pem);
  write_file(both, text);
  struct ac_tls *tls =
      ac_tls_new(cert, server.key_pem, NULL, error, sizeof(error));
  assert_non_null(tls);
  assert_false(ac_tls_expired(tls));
  ac_tls_unref(tls);
  /* One file may hold both, in either order. */
  tls = ac_tls_new(both, both, NULL, error, sizeof(error));
  assert_non_null(tls);
  ac_tls_unref(tls);
  tls = new_tls(&expired, NULL);
  assert_true(ac_tls_expired(tls));
  ac_tls_unref(tls);
  unlink(cert);
  unlink(both);
  rmdir(dir);
  free(text);
}

/* --- handshakes ----------------------------------------------------------- */

static void shakes_hands(void **state) {
  (void)state;
  struct end end;
  struct ac_tls *tls = new_tls(&server, NULL);
  for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
    begin(&end, tls);
    SSL_CTX_set_max_proto_version(end.context, version);
    connect_client(&end);
    assert_false(ac_stream_tls_ready(end.stream));
    assert_int_equal(ac_stream_protocol(end.stream).len, 0);
    assert_int_equal(shake(&end), 1);
    assert_int_equal(SSL_version(end.ssl), version);
    assert_true(ac_stream_tls_ready(end.stream));
    assert_true(end.readable > 0); /* the owner was told */
    assert_int_equal(end.last, AC_STREAM_AGAIN);
    client_write(&end, "ping", 4);
    assert_int_equal(end.got_len, 4);
    assert_memory_equal(end.got, "ping", 4);
    assert_int_equal(ac_stream_write(end.stream, "pong", 4), 4);
    assert_client_reads(&end, "pong", 4);
    finish(&end);
  }
  ac_tls_unref(tls);
}

static void sends_whole_chain(void **state) {
  (void)state;
  struct end end;
  struct identity middle = make_identity("middle", 0, 3600, &ca);
  char error[256];
  char *chain = malloc(strlen(server.cert_pem) + strlen(ca.cert_pem) + 1);
  sprintf(chain, "%s%s", server.cert_pem, ca.cert_pem);
  struct ac_tls *tls =
      ac_tls_new(chain, server.key_pem, NULL, error, sizeof(error));
  assert_non_null(tls);
  establish(&end, tls);
  assert_int_equal(sk_X509_num(SSL_get_peer_cert_chain(end.ssl)), 2);
  finish(&end);
  ac_tls_unref(tls);
  free(chain);
  free_identity(&middle);
}

/* A refused client gets an alert, the owner a reason. */
static void assert_handshake_fails(struct end *end, int code,
                                   const char *reason) {
  connect_client(end);
  assert_int_equal(shake(end), 0);
  if (code)
    assert_int_equal(end->reason, code);
  assert_int_equal(end->last, AC_STREAM_FAILED);
  assert_false(ac_stream_tls_ready(end->stream));
  if (!strstr(ac_stream_error(end->stream), reason))
    fail_msg("\"%s\" is not \"%s\"", ac_stream_error(end->stream), reason);
  /* For good, and without being called again and again. */
  char byte;
  assert_int_equal(ac_stream_read(end->stream, &byte, 1), AC_STREAM_FAILED);
  assert_int_equal(ac_stream_write(end->stream, "x", 1), AC_STREAM_FAILED);
  assert_false(ac_loop_dispatch(end->loop, 0));
  finish(end);
}

static void refuses_clients_without_h2(void **state) {
  (void)state;
  struct end end;
  struct ac_tls *tls = new_tls(&server, NULL);
  for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
    begin(&end, tls);
    SSL_CTX_set_max_proto_version(end.context, version);
    SSL_CTX_set_alpn_protos(end.context, NULL, 0);
    assert_handshake_fails(&end, SSL_R_TLSV1_ALERT_NO_APPLICATION_PROTOCOL, "");
    begin(&end, tls);
    SSL_CTX_set_max_proto_version(end.context, version);
    SSL_CTX_set_alpn_protos(end.context,
                            (const unsigned char *)"\x08http/1.1\x03h2c", 13);
    assert_handshake_fails(&end, SSL_R_TLSV1_ALERT_NO_APPLICATION_PROTOCOL,
                           "no application protocol");
    /* Not the first of them. */
    begin(&end, tls);
    SSL_CTX_set_alpn_protos(end.context,
                            (const unsigned char *)"\x08http/1.1\x02h2", 12);
    connect_client(&end);
    assert_int_equal(shake(&end), 1);
    finish(&end);
  }
  ac_tls_unref(tls);
}

static void refuses_old_versions(void **state) {
  (void)state;
  struct end end;
  struct ac_tls *tls = new_tls(&server, NULL);
  begin(&end, tls);
  SSL_CTX_set_security_level(end.context, 0);
  SSL_CTX_set_min_proto_version(end.context, TLS1_VERSION);
  SSL_CTX_set_max_proto_version(end.context, TLS1_1_VERSION);
  assert_handshake_fails(&end, SSL_R_TLSV1_ALERT_PROTOCOL_VERSION,
                         "unsupported protocol");
  ac_tls_unref(tls);
}

static void refuses_weak_suites(void **state) {
  (void)state;
  static const char *const suites[] = {"ECDHE-ECDSA-AES128-SHA256",
                                       "ECDHE-ECDSA-AES128-CCM",
                                       "AES128-GCM-SHA256"};
  struct end end;
  struct ac_tls *tls = new_tls(&server, NULL);
  for (size_t i = 0; i < sizeof(suites) / sizeof(*suites); i++) {
    begin(&end, tls);
    SSL_CTX_set_max_proto_version(end.context, TLS1_2_VERSION);
    assert_int_equal(SSL_CTX_set_cipher_list(end.context, suites[i]), 1);
    assert_handshake_fails(&end, SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE,
                           "no shared cipher");
  }
  ac_tls_unref(tls);
}

static void client_refuses_other_ca(void **state) {
  (void)state;
  struct end end;
  struct ac_tls *tls = new_tls(&other, NULL);
  begin(&end, tls);
  assert_handshake_fails(&end, SSL_R_CERTIFICATE_VERIFY_FAILED, "alert");
  ac_tls_unref(tls);
}

static void plain_text_is_refused(void **state) {
  (void)state;
  static const char *const texts[] = {
      "GET / HTTP/1.1\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
      "\x16\x03\x01\xff\xff", "\x80\x80garbage"};
  struct ac_tls *tls = new_tls(&server, NULL);
  for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
    struct end end;
    begin(&end, tls);
    assert_true(write(end.fd, texts[i], strlen(texts[i])) > 0);
    shutdown(end.fd, SHUT_WR);
    while (ac_loop_dispatch(end.loop, 0)) {
    }
    assert_true(end.last == AC_STREAM_FAILED || end.last == AC_STREAM_EOF);
    assert_false(ac_stream_tls_ready(end.stream));
    finish(&end);
  }
  ac_tls_unref(tls);
}

static void peer_leaves_in_handshake(void **state) {
  (void)state;
  struct ac_tls *tls = new_tls(&server, NULL);
  struct end end;
  begin(&end, tls);
  ac_stream_interest(end.stream, true, true);
  connect_client(&end);
  SSL_do_handshake(end.ssl);
  while (ac_loop_dispatch(end.loop, 0)) {
  }
  assert_int_equal(end.readable + end.writable, 0); /* nothing to do yet */
  shutdown(end.fd, SHUT_WR);
  while (ac_loop_dispatch(end.loop, 0)) {
  }
  assert_int_equal(end.last, AC_STREAM_EOF);
  assert_int_equal(ac_stream_write(end.stream, "x", 1), AC_STREAM_FAILED);
  finish(&end);
  ac_tls_unref(tls);
}

/* Moves bytes between the client's memory and the socket one by one. */
static void byte_by_byte(void **state) {
  (void)state;
  struct ac_tls *tls = new_tls(&server, NULL);
  struct end end;
  begin(&end, tls);
  end.ssl = SSL_new(end.context);
  BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());
  BIO_set_mem_eof_return(in, -1);
  SSL_set_bio(end.ssl, in, out);
  SSL_set_connect_state(end.ssl);
  bool written = false;
  for (int i = 0; i < 100000 && end.got_len < 5; i++) {
    char byte;
    if (SSL_do_handshake(end.ssl) == 1 && !written) {
      assert_int_equal(SSL_write(end.ssl, "hello", 5), 5);
      written = true;
    }
    if (BIO_read(out, &byte, 1) == 1)
      assert_int_equal(write(end.fd, &byte, 1), 1);
    while (ac_loop_dispatch(end.loop, 0)) {
    }
    if (read(end.fd, &byte, 1) == 1)
      BIO_write(in, &byte, 1);
  }
  assert_int_equal(end.got_len, 5);
  assert_memory_equal(end.got, "hello", 5);
  finish(&end);
  ac_tls_unref(tls);
}

static void early_write_waits(void **state) {
  (void)state;
  struct ac_tls *tls = new_tls(&server, NULL);
  struct end end;
  begin(&end, tls);
  assert_int_equal(ac_stream_write(end.stream, "early", 5), AC_STREAM_AGAIN);
  ac_stream_interest(end.stream, false, true);
  assert_false(ac_loop_dispatch(end.loop, 0)); /* although there is room */
  connect_client(&end);
  assert_int_equal(shake(&end), 1);
  assert_int_equal(end.writable, 1);
  assert_int_equal(end.readable, 0);
  assert_int_equal(ac_stream_write(end.stream, "early", 5), 5);
  assert_client_reads(&end, "early", 5);
  finish(&end);
  ac_tls_unref(tls);
}

static void demands_client_certificate(void **state) {
  (void)state;
  struct ac_tls *tls = new_tls(&server, ca.cert_pem);
  struct end end;
  begin(&end, tls);
  SSL_CTX_use_certificate(end.context, client.cert);
  SSL_CTX_use_PrivateKey(end.context, client.key);
  connect_client(&end);
  assert_int_equal(shake(&end), 1);
  assert_true(ac_stream_tls_ready(end.stream));
  finish(&end);

  /* None, and another CA's. */
  for (int i = 0; i < 2; i++) {
    begin(&end, tls);
    SSL_CTX_set_max_proto_version(end.context, TLS1_2_VERSION);
    if (i == 1) {
      SSL_CTX_use_certificate(end.context, other.cert);
      SSL_CTX_use_PrivateKey(end.context, other.key);
    }
    assert_handshake_fails(&end, 0,
                           i ? "self-signed" : "did not return a certificate");
  }
  ac_tls_unref(tls);
}

/* --- sessions and reloads ------------------------------------------------- */

static SSL_SESSION *kept_session;

static int keep_session(SSL *ssl, SSL_SESSION *session) {
  (void)ssl;
  SSL_SESSION_free(kept_session);
  kept_session = session;
  return 1;
}

/* With and without client certificates, of which a session must not be a
 * replacement under other settings. */
static void resumes_sessions(void **state) {
  (void)state;
  for (int i = 0; i < 4; i++) {
    struct ac_tls *tls = new_tls(&server, i & 1 ? ca.cert_pem : NULL);
    struct ac_tls *fresh = new_tls(&server, other.cert_pem);
    struct end end;
    for (int round = 0; round < 3; round++) {
      begin(&end, round < 2 ? tls : fresh);
      SSL_CTX_set_max_proto_version(end.context,
                                    i & 2 ? TLS1_2_VERSION : TLS1_3_VERSION);
      SSL_CTX_set_session_cache_mode(
          end.context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
      SSL_CTX_sess_set_new_cb(end.context, keep_session);
      if (round < 2) {
        SSL_CTX_use_certificate(end.context, client.cert);
        SSL_CTX_use_PrivateKey(end.context, client.key);
      }
      connect_client(&end);
      if (round > 0)
        SSL_set_session(end.ssl, kept_session);
      shake(&end);
      assert_int_equal(ac_stream_tls_ready(end.stream), round < 2);
      if (round < 2) {
        assert_int_equal(SSL_session_reused(end.ssl), round);
        assert_int_equal(ac_stream_write(end.stream, "x", 1), 1);
        assert_client_reads(&end, "x", 1);
        SSL_shutdown(end.ssl); /* or OpenSSL gives the session up */
      }
      finish(&end);
    }
    SSL_SESSION_free(kept_session);
    kept_session = NULL;
    ac_tls_unref(fresh);
    ac_tls_unref(tls);
  }
}

static void settings_outlive_reload(void **state) {
  (void)state;
  struct ac_tls *old = new_tls(&server, NULL);
  struct end first, second;
  establish(&first, old);
  struct identity renewed = make_identity("renewed", 0, 3600, &ca);
  struct ac_tls *fresh = new_tls(&renewed, NULL);
  ac_tls_unref(old);
  establish(&second, fresh);
  ac_tls_unref(fresh);
  client_write(&first, "old", 3);
  client_write(&second, "new", 3);
  assert_memory_equal(first.got, "old", 3);
  assert_memory_equal(second.got, "new", 3);
  X509 *seen = SSL_get1_peer_certificate(second.ssl);
  assert_int_equal(X509_cmp(seen, renewed.cert), 0);
  X509_free(seen);
  finish(&first);
  finish(&second);
  free_identity(&renewed);
}

static int count_fds(void) {
  int n = 0;
  DIR *dir = opendir("/proc/self/fd");
  while (readdir(dir))
    n++;
  closedir(dir);
  return n;
}

static void leaks_no_descriptor(void **state) {
  (void)state;
  int before = count_fds();
  struct ac_tls *tls = new_tls(&server, NULL);
  struct end end;
  establish(&end, tls);
  finish(&end);
  ac_tls_unref(tls);
  assert_int_equal(count_fds(), before);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(refuses_bad_settings),
      cmocka_unit_test(reads_files),
      cmocka_unit_test(shakes_hands),
      cmocka_unit_test(sends_whole_chain),
      cmocka_unit_test(refuses_clients_without_h2),
      cmocka_unit_test(refuses_old_versions),
      cmocka_unit_test(refuses_weak_suites),
      cmocka_unit_test(client_refuses_other_ca),
      cmocka_unit_test(plain_text_is_refused),
      cmocka_unit_test(peer_leaves_in_handshake),
      cmocka_unit_test(byte_by_byte),
      cmocka_unit_test(early_write_waits),
      cmocka_unit_test(demands_client_certificate),
      cmocka_unit_test(resumes_sessions),
      cmocka_unit_test(settings_outlive_reload),
      cmocka_unit_test(leaks_no_descriptor),
  };
  return cmocka_run_group_tests(tests, make_identities, free_identities);
}
