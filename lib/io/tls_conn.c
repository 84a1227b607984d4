/* TLS over a non-blocking socket, by a BIO of our own: OpenSSL's writes with
 * write(2), which can raise SIGPIPE, once a record.
 *
 * A read receives once from the socket, as much as OpenSSL has room for (about
 * one full record, or many small ones). A write encrypts into |out|, which is
 * sent at once. OpenSSL's queue of errors belongs to the thread, and so to the
 * host: it is emptied before our calls, or its contents would be taken for
 * results, and after them. */
#include "io/tls_conn.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/buffer.h"
#include "io/errors.h"
#include "io/fd.h"
#include "io/stream.h"
#include "io/tls.h"
#include "io/tls_inner.h"

enum {
  CHUNK = 64 * 1024,    /* encrypted before it is sent */
  RECORD_OVERHEAD = 64, /* more than any suite adds to a record */
  CLOGGED = 2 * CHUNK,  /* more than one chunk: there are others' too */
  OUT_KEEP = 4 * 1024,  /* memory that an idle connection keeps */
  USELESS = 32          /* messages in a row, without data between them */
};

struct ac_tls_conn {
  struct ac_tls *tls;
  SSL *ssl;
  int fd;
  struct ac_buffer out;
  const char *error;
  ssize_t end; /* AC_STREAM_EOF or _FAILED once there; until then _AGAIN */
  int useless;
  int protocols; /* that the client may ask for */
  bool established;
  bool received; /* from the socket, in the read at hand */
  bool drained;  /* the last read found nothing more */
};

/* --- the socket, as OpenSSL sees it --------------------------------------- */

static int bio_read(BIO *bio, char *data, size_t size, size_t *got) {
  struct ac_tls_conn *conn = BIO_get_data(bio);
  BIO_clear_retry_flags(bio);
  if (conn->received || ac_tls_conn_clogged(conn)) {
    BIO_set_retry_read(bio);
    return 0;
  }
  ssize_t n = ac_fd_receive(conn->fd, data, size);
  if (n > 0) {
    conn->received = true;
    *got = (size_t)n;
    return 1;
  }
  if (n == AC_STREAM_EOF)
    conn->end = AC_STREAM_EOF;
  else if (n == AC_STREAM_AGAIN)
    BIO_set_retry_read(bio);
  else
    conn->error = ac_errno_text(errno);
  return 0;
}

static int bio_write(BIO *bio, const char *data, size_t len, size_t *written) {
  struct ac_tls_conn *conn = BIO_get_data(bio);
  BIO_clear_retry_flags(bio);
  if (!ac_buffer_append(&conn->out, data, len)) {
    conn->error = "out of memory";
    return 0;
  }
  *written = len;
  return 1;
}

static long bio_control(BIO *bio, int command, long number, void *pointer) {
  struct ac_tls_conn *conn = BIO_get_data(bio);
  (void)number;
  (void)pointer;
  switch (command) {
  case BIO_CTRL_FLUSH:
    return 1;
  case BIO_CTRL_EOF:
    return conn->end == AC_STREAM_EOF;
  default:
    return 0;
  }
}

/* The type has no number of its own, as there are only 127 in a process. */
BIO_METHOD *ac_tls_conn_method(void) {
  BIO_METHOD *method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "anycable");
  if (method && BIO_meth_set_read_ex(method, bio_read) == 1 &&
      BIO_meth_set_write_ex(method, bio_write) == 1 &&
      BIO_meth_set_ctrl(method, bio_control) == 1)
    return method;
  BIO_meth_free(method);
  return NULL;
}

/* Looking is much cheaper than clearing, and there are seldom any. */
static void clear_errors(void) {
  if (ERR_peek_error() != 0)
    ERR_clear_error();
}

/* --- life ----------------------------------------------------------------- */

/* Counts what costs us more than the peer, and carries nothing: key updates,
 * alerts, and attempts at renegotiation, which we answer with alerts. */
static void on_message(int writing, int version, int type, const void *data,
                       size_t len, SSL *ssl, void *arg) {
  struct ac_tls_conn *conn = arg;
  (void)version;
  (void)ssl;
  if (type == SSL3_RT_ALERT ||
      (!writing && type == SSL3_RT_HANDSHAKE && len > 0 &&
       *(const unsigned char *)data == SSL3_MT_KEY_UPDATE))
    conn->useless++;
}

/* Of neither side yet. */
static struct ac_tls_conn *conn_new(struct ac_tls *tls, int fd) {
  struct ac_tls_conn *conn = calloc(1, sizeof(*conn));
  if (!conn)
    return NULL;
  clear_errors();
  conn->ssl = SSL_new(tls->context);
  BIO *bio = BIO_new(tls->method);
  if (!conn->ssl || !bio) {
    SSL_free(conn->ssl);
    BIO_free(bio);
    free(conn);
    clear_errors();
    return NULL;
  }
  conn->tls = ac_tls_ref(tls);
  conn->fd = fd;
  conn->error = "";
  conn->end = AC_STREAM_AGAIN;
  conn->protocols = AC_STREAM_HTTP2;
  BIO_set_data(bio, conn);
  BIO_set_init(bio, 1);
  SSL_set_bio(conn->ssl, bio, bio);
  SSL_set_msg_callback(conn->ssl, on_message);
  SSL_set_msg_callback_arg(conn->ssl, conn);
  return conn;
}

struct ac_tls_conn *ac_tls_conn_new(struct ac_tls *tls, int fd) {
  struct ac_tls_conn *conn = conn_new(tls, fd);
  if (conn)
    SSL_set_accept_state(conn->ssl);
  return conn;
}

void ac_tls_conn_offer(struct ac_tls_conn *conn, int protocols) {
  conn->protocols = protocols;
}

int ac_tls_protocols(const SSL *ssl) {
  const struct ac_tls_conn *conn = BIO_get_data(SSL_get_rbio(ssl));
  return conn->protocols;
}

/* Whose certificate it must be. Only a name is told to the server: an address
 * it knows. */
static bool expect_host(SSL *ssl, const char *host) {
  X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
  if (X509_VERIFY_PARAM_set1_ip_asc(param, host) == 1)
    return true;
  SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  return SSL_set1_host(ssl, host) == 1 &&
         SSL_set_tlsext_host_name(ssl, host) == 1;
}

struct ac_tls_conn *ac_tls_conn_new_client(struct ac_tls *tls, int fd,
                                           const char *host) {
  struct ac_tls_conn *conn = conn_new(tls, fd);
  if (!conn)
    return NULL;
  if (!expect_host(conn->ssl, host)) {
    ac_tls_conn_free(conn);
    return NULL;
  }
  clear_errors();
  SSL_set_connect_state(conn->ssl);
  return conn;
}

void ac_tls_conn_free(struct ac_tls_conn *conn) {
  if (!conn)
    return;
  SSL_free(conn->ssl);
  clear_errors();
  ac_tls_unref(conn->tls);
  ac_buffer_deinit(&conn->out);
  free(conn);
}

/* --- results -------------------------------------------------------------- */

static ssize_t fail(struct ac_tls_conn *conn, const char *error) {
  if (!*conn->error)
    conn->error = error;
  return conn->end = AC_STREAM_FAILED;
}

/* Why OpenSSL gave up: the oldest error, but for the peer's certificate, where
 * that says only that there was a reason. */
static const char *reason(const struct ac_tls_conn *conn) {
  unsigned long error = ERR_peek_error();
  long verified = SSL_get_verify_result(conn->ssl);
  if (ERR_GET_REASON(error) == SSL_R_CERTIFICATE_VERIFY_FAILED &&
      verified != X509_V_OK)
    return X509_verify_cert_error_string(verified);
  const char *text = error ? ERR_reason_error_string(error) : NULL;
  return text ? text : "TLS failed";
}

/* What a call that returned no success means. */
static ssize_t result(struct ac_tls_conn *conn) {
  if (conn->end == AC_STREAM_EOF)
    return AC_STREAM_EOF;
  switch (SSL_get_error(conn->ssl, 0)) {
  case SSL_ERROR_WANT_READ:
    conn->drained = true;
    return AC_STREAM_AGAIN;
  case SSL_ERROR_ZERO_RETURN:
    return conn->end = AC_STREAM_EOF;
  default:
    return fail(conn, reason(conn));
  }
}

/* After each use: what it produced is sent, alerts that say why it failed
 * included, and the queue of errors is left empty. */
static void finish(struct ac_tls_conn *conn) {
  clear_errors();
  if (ac_tls_conn_unsent(conn) > 0)
    ac_tls_conn_flush(conn);
}

/* --- use ------------------------------------------------------------------ */

static ssize_t handshake(struct ac_tls_conn *conn) {
  if (conn->established)
    return 1;
  int done = SSL_do_handshake(conn->ssl);
  if (done != 1)
    return result(conn);
  conn->established = true;
  conn->drained = false;
  return 1;
}

ssize_t ac_tls_conn_handshake(struct ac_tls_conn *conn) {
  if (conn->end != AC_STREAM_AGAIN)
    return conn->end;
  clear_errors();
  conn->received = false;
  ssize_t n = handshake(conn);
  finish(conn);
  return n;
}

bool ac_tls_conn_established(const struct ac_tls_conn *conn) {
  return conn->established;
}

/* Reads all records that are there, as a small one each would make for small
 * turns of the owner. */
static ssize_t read_records(struct ac_tls_conn *conn, char *data, size_t size) {
  size_t total = 0;
  do {
    size_t n = 0;
    if (SSL_read_ex(conn->ssl, data + total, size - total, &n) != 1) {
      ssize_t end = result(conn);
      return total > 0 ? (ssize_t)total : end;
    }
    conn->drained = false;
    conn->useless = 0;
    total += n;
  } while (total < size && SSL_has_pending(conn->ssl));
  return (ssize_t)total;
}

ssize_t ac_tls_conn_read(struct ac_tls_conn *conn, void *data, size_t size) {
  if (conn->end != AC_STREAM_AGAIN)
    return conn->end;
  clear_errors();
  conn->received = false;
  ssize_t n = handshake(conn);
  if (n == 1)
    n = read_records(conn, data, size);
  if (conn->useless > USELESS)
    n = fail(conn, "too many TLS messages without data");
  finish(conn);
  return n;
}

/* Encrypts up to |len| bytes; a count, _AGAIN or _FAILED. */
static ssize_t encrypt(struct ac_tls_conn *conn, const char *data, size_t len) {
  size_t total = 0;
  while (total < len) {
    size_t n = 0;
    if (SSL_write_ex(conn->ssl, data + total, len - total, &n) != 1) {
      ssize_t end = result(conn);
      return total > 0 && end == AC_STREAM_AGAIN ? (ssize_t)total : end;
    }
    total += n;
  }
  return (ssize_t)total;
}

static ssize_t write_chunks(struct ac_tls_conn *conn, const char *data,
                            size_t len) {
  size_t total = 0;
  while (total < len) {
    size_t chunk = len - total < CHUNK ? len - total : CHUNK;
    size_t records = chunk / SSL3_RT_MAX_PLAIN_LENGTH + 1;
    if (!ac_buffer_reserve(&conn->out, chunk + records * RECORD_OVERHEAD))
      return fail(conn, "out of memory");
    ssize_t n = encrypt(conn, data + total, chunk);
    if (n < 0)
      return total > 0 && n == AC_STREAM_AGAIN ? (ssize_t)total : n;
    total += (size_t)n;
    ssize_t sent = ac_tls_conn_flush(conn);
    if (sent == AC_STREAM_FAILED)
      return AC_STREAM_FAILED;
    if (sent == AC_STREAM_AGAIN)
      break;
  }
  return (ssize_t)total;
}

ssize_t ac_tls_conn_write(struct ac_tls_conn *conn, const void *data,
                          size_t len) {
  if (conn->end == AC_STREAM_FAILED)
    return AC_STREAM_FAILED;
  if (conn->end == AC_STREAM_EOF && !conn->established)
    return fail(conn, "closed in the handshake");
  if (ac_tls_conn_unsent(conn) > 0) {
    ssize_t sent = ac_tls_conn_flush(conn);
    if (sent != 1)
      return sent;
  }
  clear_errors();
  conn->received = false;
  ssize_t n = handshake(conn);
  if (n == 1)
    n = write_chunks(conn, data, len);
  else if (n == AC_STREAM_EOF)
    n = fail(conn, "closed in the handshake");
  finish(conn);
  return n;
}

void ac_tls_conn_close_notify(struct ac_tls_conn *conn) {
  if (!conn->established || conn->end == AC_STREAM_FAILED)
    return;
  clear_errors();
  SSL_shutdown(conn->ssl);
  finish(conn);
}

ssize_t ac_tls_conn_flush(struct ac_tls_conn *conn) {
  struct ac_buffer *out = &conn->out;
  while (ac_buffer_len(out) > 0) {
    ssize_t n =
        ac_fd_send(conn->fd, out->data + out->start, ac_buffer_len(out));
    if (n == AC_STREAM_AGAIN)
      return n;
    if (n == AC_STREAM_FAILED)
      return fail(conn, ac_errno_text(errno));
    ac_buffer_consume(out, (size_t)n, OUT_KEEP);
  }
  return 1;
}

size_t ac_tls_conn_unsent(const struct ac_tls_conn *conn) {
  return ac_buffer_len(&conn->out);
}

bool ac_tls_conn_pending(const struct ac_tls_conn *conn) {
  return conn->established && conn->end == AC_STREAM_AGAIN && !conn->drained &&
         SSL_has_pending(conn->ssl);
}

bool ac_tls_conn_clogged(const struct ac_tls_conn *conn) {
  return ac_tls_conn_unsent(conn) > CLOGGED;
}

anycable_str ac_tls_conn_protocol(const struct ac_tls_conn *conn) {
  const unsigned char *name = NULL;
  unsigned len = 0;
  SSL_get0_alpn_selected(conn->ssl, &name, &len);
  return name ? ac_str((const char *)name, len) : ac_str_empty();
}

const char *ac_tls_conn_error(const struct ac_tls_conn *conn) {
  return conn->error;
}
