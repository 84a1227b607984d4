/* TLS streams against an OpenSSL client in the same thread: the loop and the
 * client take turns until something has happened. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/list.h"
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

static char *bio_text(BIO *bio) {
  char *data;
  long len = BIO_get_mem_data(bio, &data);
  char *text = strndup(data, (size_t)len);
  BIO_free(bio);
  return text;
}

static char *cert_text(X509 *cert) {
  BIO *bio = BIO_new(BIO_s_mem());
  assert_int_equal(PEM_write_bio_X509(bio, cert), 1);
  return bio_text(bio);
}

static char *key_text(EVP_PKEY *key, const char *passphrase) {
  BIO *bio = BIO_new(BIO_s_mem());
  assert_int_equal(
      PEM_write_bio_PrivateKey(bio, key, passphrase ? EVP_aes_128_cbc() : NULL,
                               NULL, 0, NULL, (void *)(uintptr_t)passphrase),
      1);
  return bio_text(bio);
}

static void add_extension(X509 *cert, int nid, const char *value) {
  X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
  assert_non_null(extension);
  X509_add_ext(cert, extension, -1);
  X509_EXTENSION_free(extension);
}

/* Signs with |issuer|, or with itself. */
static struct identity make_identity(const char *name, long from, long until,
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

static void free_identity(struct identity *id) {
  X509_free(id->cert);
  EVP_PKEY_free(id->key);
  free(id->cert_pem);
  free(id->key_pem);
}

static int setup(void **state) {
  (void)state;
  long day = 24 * 3600;
  ca = make_identity("ca", 0, day, NULL);
  server = make_identity("localhost", 0, day, &ca);
  client = make_identity("proxy", 0, day, &ca);
  expired = make_identity("localhost", -2 * day, -day, &ca);
  other = make_identity("other", 0, day, NULL);
  return 0;
}

static int teardown(void **state) {
  (void)state;
  free_identity(&ca);
  free_identity(&server);
  free_identity(&client);
  free_identity(&expired);
  free_identity(&other);
  return 0;
}

static struct ac_tls *new_tls(const struct identity *id, const char *ca_pem) {
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

static void on_readable(void *owner) {
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

static void on_writable(void *owner) {
  struct end *end = owner;
  end->writable++;
  assert_int_equal(ac_stream_unsent(end->stream), 0);
  ac_stream_interest(end->stream, true, false);
}

static int sndbuf; /* of the stream's socket; 0: the system's */

static const unsigned char H2[] = "\x02h2";

static void begin(struct end *end, struct ac_tls *tls) {
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

static void connect_client(struct end *end) {
  end->ssl = SSL_new(end->context);
  SSL_set_fd(end->ssl, end->fd);
  SSL_set_connect_state(end->ssl);
}

static void finish(struct end *end) {
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
static int shake(struct end *end) {
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

static void establish(struct end *end, struct ac_tls *tls) {
  begin(end, tls);
  connect_client(end);
  assert_int_equal(shake(end), 1);
  assert_true(ac_stream_tls_ready(end->stream));
  assert_true(anycable_str_is(ac_stream_protocol(end->stream), "h2"));
}

static void client_write(struct end *end, const void *data, size_t len) {
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

static void assert_client_reads(struct end *end, const void *data, size_t len) {
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

static char *pattern(size_t len) {
  char *data = malloc(len);
  for (size_t i = 0; i < len; i++)
    data[i] = (char)(i * 7 + i / 251);
  return data;
}

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

/* --- data ----------------------------------------------------------------- */

/* A megabyte each way at the same time, through small buffers. */
static void megabyte_each_way(void **state) {
  (void)state;
  enum { SIZE = 1 << 20 };
  struct ac_tls *tls = new_tls(&server, NULL);
  struct end end;
  establish(&end, tls);
  int small = 4096;
  setsockopt(end.fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
  char *up = pattern(SIZE), *down = malloc(SIZE);
  size_t sent = 0, received = 0, written = 0;
  bool waited = false;
  while (sent < SIZE || received < SIZE || end.got_len < SIZE) {
    size_t n = 0;
    ERR_clear_error();
    if (sent < SIZE && SSL_write_ex(end.ssl, up + sent, SIZE - sent, &n))
      sent += n;
    ssize_t w = AC_STREAM_AGAIN;
    if (written < SIZE)
      w = ac_stream_write(end.stream, up + written, SIZE - written);
    assert_true(w >= 0 || w == AC_STREAM_AGAIN);
    if (w > 0)
      written += (size_t)w;
    else if (written < SIZE)
      assert_true(ac_stream_unsent(end.stream) > 0);
    waited |= ac_stream_unsent(end.stream) > 0;
    while (ac_loop_dispatch(end.loop, 0)) {
    }
    n = 0;
    ERR_clear_error();
    if (SSL_read_ex(end.ssl, down + received, SIZE - received, &n))
      received += n;
  }
  assert_true(waited);
  assert_int_equal(end.got_len, SIZE);
  assert_memory_equal(end.got, up, SIZE);
  assert_memory_equal(down, up, SIZE);
  assert_int_equal(ac_stream_unsent(end.stream), 0);
  free(up);
  free(down);
  finish(&end);
  ac_tls_unref(tls);
}

/* Bytes that TLS has taken from the socket are delivered although the socket
 * is silent, also to an owner that reads one byte a call. */
static void delivers_what_it_holds(void **state) {
  (void)state;
  struct ac_tls *tls = new_tls(&server, NULL);
  struct end end;
  establish(&end, tls);
  char *data = pattern(9000);
  end.turn = 100;
  for (size_t at = 0; at < 9000; at += 90) /* 100 records */
    assert_int_equal(SSL_write(end.ssl, data + at, 90), 90);
  ac_stream_interest(end.stream, false, false);
  while (ac_loop_dispatch(end.loop, 0)) {
  }
  assert_int_equal(end.got_len, 0);
  ac_stream_interest(end.stream, true, false);
  while (ac_loop_dispatch(end.loop, 0)) {
  }
  assert_int_equal(end.got_len, 9000);
  assert_memory_equal(end.got, data, 9000);
  assert_false(ac_stream_pending(end.stream));

  /* Paused in the middle of a record: nothing until it goes on. */
  assert_int_equal(SSL_write(end.ssl, data, 9000), 9000);
  char part[1000];
  assert_int_equal(ac_stream_read(end.stream, part, sizeof(part)), 1000);
  assert_true(ac_stream_pending(end.stream));
  ac_stream_interest(end.stream, false, false);
  while (ac_loop_dispatch(end.loop, 0)) {
  }
  assert_int_equal(end.got_len, 9000);
  ac_stream_interest(end.stream, true, false);
  while (ac_loop_dispatch(end.loop, 0)) {
  }
  assert_int_equal(end.got_len, 17000);
  free(data);
  finish(&end);
  ac_tls_unref(tls);
}

static void many_records_in_one_read(void **state) {
  (void)state;
  struct ac_tls *tls = new_tls(&server, NULL);
  struct end end;
  establish(&end, tls);
  for (int i = 0; i < 50; i++)
    assert_int_equal(SSL_write(end.ssl, "0123456789", 10), 10);
  char data[8192];
  assert_int_equal(ac_stream_read(end.stream, data, sizeof(data)), 500);
  assert_int_equal(ac_stream_read(end.stream, data, sizeof(data)),
                   AC_STREAM_AGAIN);
  finish(&end);
  ac_tls_unref(tls);
}

static void ends_with_close_notify(void **state) {
  (void)state;
  struct ac_tls *tls = new_tls(&server, NULL);
  struct end end;
  establish(&end, tls);
  assert_int_equal(ac_stream_write(end.stream, "bye", 3), 3);
  ac_stream_shutdown(end.stream);
  assert_client_reads(&end, "bye", 3);
  char byte;
  assert_int_equal(SSL_read(end.ssl, &byte, 1), 0);
  assert_int_equal(SSL_get_error(end.ssl, 0), SSL_ERROR_ZERO_RETURN);
  assert_int_equal(read(end.fd, &byte, 1), 0); /* and nothing behind it */
  assert_int_equal(ac_stream_write(end.stream, "x", 1), AC_STREAM_FAILED);
  finish(&end);

  /* The client's end, with and without saying so. */
  for (int i = 0; i < 2; i++) {
    establish(&end, tls);
    client_write(&end, "last", 4);
    if (i == 0)
      SSL_shutdown(end.ssl);
    else
      shutdown(end.fd, SHUT_WR);
    while (ac_loop_dispatch(end.loop, 0)) {
    }
    assert_int_equal(end.got_len, 4);
    assert_int_equal(end.last, AC_STREAM_EOF);
    assert_string_equal(ac_stream_error(end.stream), "");
    /* Answers still reach it. */
    assert_int_equal(ac_stream_write(end.stream, "ok", 2), 2);
    if (i == 1)
      assert_client_reads(&end, "ok", 2);
    finish(&end);
  }
  ac_tls_unref(tls);
}

/* The end follows what could not be sent yet. */
static void shutdown_waits_for_records(void **state) {
  (void)state;
  struct ac_tls *tls = new_tls(&server, NULL);
  struct end end;
  establish(&end, tls);
  char *data = pattern(1 << 20);
  size_t written = 0;
  ssize_t n;
  while ((n = ac_stream_write(end.stream, data + written,
                              (1 << 20) - written)) > 0)
    written += (size_t)n;
  assert_int_equal(n, AC_STREAM_AGAIN);
  assert_true(ac_stream_unsent(end.stream) > 0);
  ac_stream_shutdown(end.stream);
  assert_client_reads(&end, data, written);
  while (ac_loop_dispatch(end.loop, 0)) {
  }
  char byte;
  assert_int_equal(SSL_read(end.ssl, &byte, 1), 0);
  assert_int_equal(SSL_get_error(end.ssl, 0), SSL_ERROR_ZERO_RETURN);
  assert_int_equal(end.writable, 0);
  free(data);
  finish(&end);
  ac_tls_unref(tls);
}

/* A writer hears of room when all its records are gone, not before. */
static void writable_when_all_is_sent(void **state) {
  (void)state;
  struct ac_tls *tls = new_tls(&server, NULL);
  struct end end;
  sndbuf = 4096;
  establish(&end, tls);
  sndbuf = 0;
  char *data = pattern(65536);
  ssize_t n = ac_stream_write(end.stream, data, 65536);
  assert_int_equal(n, 65536); /* taken, if not sent */
  size_t before = ac_stream_unsent(end.stream);
  assert_true(before > 16384);
  assert_int_equal(ac_stream_write(end.stream, "x", 1), AC_STREAM_AGAIN);
  ac_stream_interest(end.stream, true, true);
  char some[512];
  bool partly = false;
  size_t got = 0;
  while (end.writable == 0) {
    ssize_t m = read(end.fd, some, sizeof(some));
    got += m > 0 ? (size_t)m : 0;
    while (end.writable == 0 && ac_loop_dispatch(end.loop, 0)) {
    }
    size_t unsent = ac_stream_unsent(end.stream);
    partly |= unsent > 0 && unsent < before;
  }
  assert_true(partly);
  assert_true(got > 0);
  assert_int_equal(ac_stream_write(end.stream, "x", 1), 1);
  free(data);
  finish(&end);
  ac_tls_unref(tls);
}

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

/* --- abuse ---------------------------------------------------------------- */

static void refuses_renegotiation(void **state) {
  (void)state;
  struct ac_tls *tls = new_tls(&server, NULL);
  struct end end;
  begin(&end, tls);
  SSL_CTX_set_max_proto_version(end.context, TLS1_2_VERSION);
  connect_client(&end);
  assert_int_equal(shake(&end), 1);
  assert_int_equal(SSL_renegotiate(end.ssl), 1);
  ERR_clear_error();
  assert_int_equal(shake(&end), 0);
  assert_int_equal(end.reason, SSL_R_NO_RENEGOTIATION);
  finish(&end);
  ac_tls_unref(tls);
}

/* Key updates are honoured, but not a flood of them. */
static void bounds_key_updates(void **state) {
  (void)state;
  struct ac_tls *tls = new_tls(&server, NULL);
  struct end end;
  establish(&end, tls);
  for (int i = 0; i < 100; i++) {
    assert_int_equal(SSL_key_update(end.ssl, SSL_KEY_UPDATE_REQUESTED), 1);
    client_write(&end, "data", 4);
    assert_int_equal(ac_stream_write(end.stream, "back", 4), 4);
    assert_client_reads(&end, "back", 4);
  }
  assert_int_equal(end.got_len, 400);
  int sent = 0;
  while (sent < 1000 && end.last != AC_STREAM_FAILED) {
    SSL_key_update(end.ssl, SSL_KEY_UPDATE_NOT_REQUESTED);
    ERR_clear_error();
    SSL_do_handshake(end.ssl);
    sent++;
    while (ac_loop_dispatch(end.loop, 0)) {
    }
  }
  assert_in_range(sent, 32, 40);
  assert_int_equal(end.last, AC_STREAM_FAILED);
  assert_non_null(strstr(ac_stream_error(end.stream), "without data"));
  finish(&end);
  ac_tls_unref(tls);
}

/* A client that provokes answers but reads none of them is not read from any
 * more, costs no time, and goes on when it reads. */
static void bounds_unsent_answers(void **state) {
  (void)state;
  enum { SIZE = 1 << 20 };
  struct ac_tls *tls = new_tls(&server, NULL);
  struct end end;
  establish(&end, tls);
  /* Full already, so that every answer waits. */
  char *data = pattern(SIZE);
  size_t written = 0;
  ssize_t n;
  while ((n = ac_stream_write(end.stream, data + written, SIZE - written)) > 0)
    written += (size_t)n;
  assert_int_equal(n, AC_STREAM_AGAIN);
  size_t sent = 0, taken = 0;
  for (int more = 100; more > 0; sent++) {
    ERR_clear_error();
    assert_int_equal(SSL_key_update(end.ssl, SSL_KEY_UPDATE_REQUESTED), 1);
    assert_int_equal(SSL_write(end.ssl, "x", 1), 1);
    for (int round = 0; ac_loop_dispatch(end.loop, 0); round++)
      assert_true(round < 10);
    if (end.got_len == taken)
      more--; /* it is left in the socket */
    taken = end.got_len;
  }
  assert_true(end.got_len < sent);
  char byte;
  assert_int_equal(ac_stream_read(end.stream, &byte, 1), AC_STREAM_AGAIN);
  assert_in_range(ac_stream_unsent(end.stream), 128 * 1024, 132 * 1024);
  char *got = malloc(written);
  size_t at = 0;
  while (at < written || end.got_len < sent) {
    size_t m = 0;
    ERR_clear_error();
    if (SSL_read_ex(end.ssl, got + at, written - at, &m))
      at += m;
    while (ac_loop_dispatch(end.loop, 0)) {
    }
  }
  assert_int_equal(end.got_len, sent);
  assert_memory_equal(got, data, written);
  free(got);
  free(data);
  finish(&end);
  ac_tls_unref(tls);
}

/* What the host left in OpenSSL's queue is not taken for a failure of ours,
 * and we leave nothing there. */
static void queue_of_errors_is_clean(void **state) {
  (void)state;
  struct ac_tls *tls = new_tls(&server, NULL);
  struct end end;
  establish(&end, tls);
  ERR_raise(ERR_LIB_SSL, SSL_R_BAD_LENGTH);
  char byte;
  assert_int_equal(ac_stream_read(end.stream, &byte, 1), AC_STREAM_AGAIN);
  assert_int_equal(ERR_peek_error(), 0);
  /* A record that is damaged. */
  assert_int_equal(write(end.fd,
                         "\x17\x03\x03\x00\x20"
                         "0123456789012345678901234567890123456789",
                         37),
                   37);
  while (ac_loop_dispatch(end.loop, 0)) {
  }
  assert_int_equal(end.last, AC_STREAM_FAILED);
  assert_int_equal(ERR_peek_error(), 0);
  finish(&end);
  ac_tls_unref(tls);
}

/* The peer is gone while we write; SIGPIPE has its default, deadly action. */
static void writes_to_nobody(void **state) {
  (void)state;
  struct ac_tls *tls = new_tls(&server, NULL);
  struct end end;
  struct sigaction before, after;
  sigaction(SIGPIPE, NULL, &before);
  assert_true(before.sa_handler == SIG_DFL);
  establish(&end, tls);
  shutdown(end.fd, SHUT_RDWR);
  assert_int_equal(ac_stream_write(end.stream, "x", 1), AC_STREAM_FAILED);
  assert_string_equal(ac_stream_error(end.stream), "Broken pipe");
  sigaction(SIGPIPE, NULL, &after);
  assert_memory_equal(&before.sa_handler, &after.sa_handler,
                      sizeof(after.sa_handler));
  finish(&end);
  ac_tls_unref(tls);
}

/* Random damage to everything the client sends, from its first byte on. */
static void damaged_bytes(void **state) {
  (void)state;
  struct ac_tls *tls = new_tls(&server, NULL);
  unsigned seed = 1;
  for (int round = 0; round < 200; round++) {
    struct end end;
    begin(&end, tls);
    end.ssl = SSL_new(end.context);
    BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());
    BIO_set_mem_eof_return(in, -1);
    SSL_set_bio(end.ssl, in, out);
    SSL_set_connect_state(end.ssl);
    for (int i = 0; i < 6; i++) {
      char data[8192];
      ERR_clear_error();
      if (SSL_do_handshake(end.ssl) == 1)
        SSL_write(end.ssl, "hello", 5);
      int n = BIO_read(out, data, sizeof(data));
      if (n > 0) {
        seed = seed * 1103515245 + 12345;
        if (round % 6 == i)
          data[(seed >> 8) % (unsigned)n] ^= (char)(1 + (seed >> 24) % 255);
        assert_int_equal(write(end.fd, data, (size_t)n), n);
      }
      while (ac_loop_dispatch(end.loop, 0)) {
      }
      n = (int)read(end.fd, data, sizeof(data));
      if (n > 0)
        BIO_write(in, data, n);
    }
    assert_true(end.got_len <= 30);
    for (size_t i = 0; i < end.got_len; i++)
      assert_int_equal(end.got[i], "hello"[i % 5]);
    finish(&end);
  }
  ac_tls_unref(tls);
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
  signal(SIGPIPE, SIG_DFL);
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
      cmocka_unit_test(megabyte_each_way),
      cmocka_unit_test(delivers_what_it_holds),
      cmocka_unit_test(many_records_in_one_read),
      cmocka_unit_test(ends_with_close_notify),
      cmocka_unit_test(shutdown_waits_for_records),
      cmocka_unit_test(writable_when_all_is_sent),
      cmocka_unit_test(resumes_sessions),
      cmocka_unit_test(settings_outlive_reload),
      cmocka_unit_test(refuses_renegotiation),
      cmocka_unit_test(bounds_key_updates),
      cmocka_unit_test(bounds_unsent_answers),
      cmocka_unit_test(queue_of_errors_is_clean),
      cmocka_unit_test(writes_to_nobody),
      cmocka_unit_test(damaged_bytes),
      cmocka_unit_test(leaks_no_descriptor),
  };
  return cmocka_run_group_tests(tests, setup, teardown);
}
