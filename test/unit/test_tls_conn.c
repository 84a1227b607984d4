/* TLS connections after the handshake: data both ways, ends, and abuse. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include "unit/tls_ends.h"

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

int main(void) {
  signal(SIGPIPE, SIG_DFL);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(megabyte_each_way),
      cmocka_unit_test(delivers_what_it_holds),
      cmocka_unit_test(many_records_in_one_read),
      cmocka_unit_test(ends_with_close_notify),
      cmocka_unit_test(shutdown_waits_for_records),
      cmocka_unit_test(writable_when_all_is_sent),
      cmocka_unit_test(refuses_renegotiation),
      cmocka_unit_test(bounds_key_updates),
      cmocka_unit_test(bounds_unsent_answers),
      cmocka_unit_test(queue_of_errors_is_clean),
      cmocka_unit_test(writes_to_nobody),
      cmocka_unit_test(damaged_bytes),
  };
  return cmocka_run_group_tests(tests, make_identities, free_identities);
}
