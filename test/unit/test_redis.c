/* The adapters "redis" and "redisx" against a Redis that the test plays: what
 * they send, and what becomes of messages when it answers oddly, late, not at
 * all, or goes away. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/redis_peer.h"

/* --- what is sent --------------------------------------------------------- */

static void publishes(void **state) {
  (void)state;
  struct fixture *it = begin_at("redis", "", "");
  publish(it, 0);
  struct peer peer = greet(&it->listener);
  expect(&peer, 3, "PUBLISH", "__anycable__",
         "{\"stream\":\"news\",\"data\":\"\\\"0 x\\\"\"}");
  say(&peer, ":3\r\n");
  assert_fate(it, 0, ANYCABLE_FATE_PUBLISHED);
  assert_int_equal(it->receivers[0], 3);
  /* The same connection serves again. */
  publish(it, 1);
  expect_message(&peer, 1);
  say(&peer, ":0\r\n");
  assert_fate(it, 1, ANYCABLE_FATE_PUBLISHED);
  assert_int_equal(it->receivers[1], 0);
  hang_up(&peer);
  end(it);
}

static void adds_to_a_stream(void **state) {
  (void)state;
  struct fixture *it = begin_at("redisx", "", "");
  publish(it, 0);
  struct peer peer = greet(&it->listener);
  expect(&peer, 8, "XADD", "__anycable__", "MAXLEN", "~", "100000", "*",
         "payload", "{\"stream\":\"news\",\"data\":\"\\\"0 x\\\"\"}");
  say(&peer, "$15\r\n1526919030474-0\r\n");
  assert_fate(it, 0, ANYCABLE_FATE_PUBLISHED);
  assert_int_equal(it->receivers[0], -1);
  hang_up(&peer);
  end(it);
}

static void follows_settings(void **state) {
  (void)state;
  struct fixture *it = new_fixture();
  char url[64];
  snprintf(url, sizeof(url), "redis://localhost:%u", it->listener.port);
  anycable_config_set(it->config, ANYCABLE_SETTING_REDIS_URL, url);
  anycable_config_set(it->config, ANYCABLE_SETTING_REDIS_CHANNEL, "other");
  anycable_config_set_limit(it->config, ANYCABLE_LIMIT_REDIS_STREAM, 7);
  begin(it, "redisx");
  publish(it, 0);
  struct peer peer = greet(&it->listener);
  assert_true(read_command(&peer));
  assert_string_equal(peer.words[1], "other");
  assert_string_equal(peer.words[4], "7");
  say(&peer, "$3\r\n1-1\r\n");
  assert_fate(it, 0, ANYCABLE_FATE_PUBLISHED);
  hang_up(&peer);
  end(it);
}

static void logs_in(void **state) {
  (void)state;
  struct fixture *it = begin_at("redis", "jack:s%3Acret@", "/5");
  publish(it, 0);
  struct peer peer = accept_peer(&it->listener);
  expect(&peer, 3, "AUTH", "jack", "s:cret");
  say(&peer, "+OK\r\n");
  expect(&peer, 2, "SELECT", "5");
  say(&peer, "+OK\r\n");
  expect(&peer, 1, "PING");
  say(&peer, "-NOPERM no PING for you\r\n");
  expect_message(&peer, 0);
  say(&peer, ":1\r\n");
  assert_fate(it, 0, ANYCABLE_FATE_PUBLISHED);
  hang_up(&peer);
  end(it);

  it = begin_at("redis", ":secret@", "");
  publish(it, 0);
  peer = accept_peer(&it->listener);
  expect(&peer, 2, "AUTH", "secret");
  hang_up(&peer);
  end(it);
}

/* At most so many are under way; then one for each reply. */
static void keeps_many_under_way(void **state) {
  (void)state;
  enum { COUNT = 3000, WINDOW = 1024 };
  char got;
  struct fixture *it = begin_at("redis", "", "");
  for (int i = 0; i < COUNT; i++)
    publish(it, i);
  struct peer peer = greet(&it->listener);
  for (int i = 0; i < WINDOW; i++)
    expect_message(&peer, i);
  rest_ms(50);
  assert_true(peer.at == peer.len);
  assert_int_equal(recv(peer.fd, &got, 1, MSG_DONTWAIT), -1);
  for (int i = 0; i < COUNT; i++) {
    say(&peer, ":1\r\n");
    if (i + WINDOW < COUNT)
      expect_message(&peer, i + WINDOW);
  }
  assert_fate(it, COUNT - 1, ANYCABLE_FATE_PUBLISHED);
  assert_int_equal(it->told, COUNT);
  hang_up(&peer);
  end(it);
}

/* Replies in pieces, and messages larger than any buffer. */
static void takes_pieces(void **state) {
  (void)state;
  struct fixture *it = begin_at("redisx", "", "");
  for (int i = 0; i < 4; i++)
    publish_size(it, i, 900000);
  struct peer peer = greet(&it->listener);
  for (int i = 0; i < 4; i++) {
    expect_message(&peer, i);
    for (const char *at = "$10\r\n1234567-10\r\n"; *at; at++) {
      char piece[2] = {*at, '\0'};
      say(&peer, piece);
      rest_ms(1);
    }
  }
  assert_fate(it, 3, ANYCABLE_FATE_PUBLISHED);
  hang_up(&peer);
  end(it);
}

/* --- errors --------------------------------------------------------------- */

static void waits_for_a_better_login(void **state) {
  (void)state;
  struct fixture *it = begin_at("redis", ":wrong@", "");
  publish(it, 0);
  struct peer peer = accept_peer(&it->listener);
  expect(&peer, 2, "AUTH", "wrong");
  say(&peer, "-WRONGPASS invalid username-password pair\r\n");
  expect_end(&peer);
  assert_error(it, "AUTH was refused: WRONGPASS invalid");
  /* The password is not told to whoever reads errors. */
  peer = accept_peer(&it->listener);
  expect(&peer, 2, "AUTH", "wrong");
  say(&peer, "-ERR unknown command 'AUTH', with args beginning with: 'wrong'"
             "\r\n");
  expect_end(&peer);
  assert_error(it, "AUTH was refused: ERR unknown command");
  char text[256];
  anycable_broadcaster_error(it->broadcaster, text, sizeof(text));
  assert_null(strstr(text, "wrong"));
  peer = accept_peer(&it->listener);
  expect(&peer, 2, "AUTH", "wrong");
  say(&peer, "+OK\r\n");
  expect(&peer, 1, "PING");
  say(&peer, "-LOADING Redis is loading the dataset in memory\r\n");
  expect_end(&peer);
  assert_error(it, "LOADING Redis is loading");
  peer = accept_peer(&it->listener);
  say(&peer, "-ERR max number of clients reached\r\n");
  hang_up(&peer);
  peer = accept_peer(&it->listener);
  expect(&peer, 2, "AUTH", "wrong");
  say(&peer, "+OK\r\n");
  expect(&peer, 1, "PING");
  say(&peer, "+PONG\r\n");
  expect_message(&peer, 0);
  say(&peer, ":1\r\n");
  assert_fate(it, 0, ANYCABLE_FATE_PUBLISHED);
  hang_up(&peer);
  end(it);
}

/* Errors that concern the message: it has failed, and the next one goes on. */
static void tells_what_was_refused(void **state) {
  (void)state;
  static const char *const errors[] = {
      "OOM command not allowed",        "NOPERM this user has no permissions",
      "WRONGTYPE Operation against",    "MOVED 1 10.0.0.1:6379",
      "ERR unknown command 'PUBLISH'",  "BUSYGROUP is not BUSY",
      "MISCONF Redis is configured to", "EXECABORT"};
  enum { COUNT = sizeof(errors) / sizeof(errors[0]) };
  struct fixture *it = begin_at("redis", "", "");
  publish(it, 0);
  struct peer peer = greet(&it->listener);
  for (int i = 0; i < COUNT; i++) {
    char reply[128];
    expect_message(&peer, i);
    snprintf(reply, sizeof(reply), "-%s\r\n", errors[i]);
    say(&peer, reply);
    assert_fate(it, i, ANYCABLE_FATE_FAILED);
    assert_string_equal(it->reasons[i], errors[i]);
    publish(it, i + 1);
  }
  expect_message(&peer, COUNT);
  say(&peer, ":1\r\n");
  assert_fate(it, COUNT, ANYCABLE_FATE_PUBLISHED);
  hang_up(&peer);
  end(it);
}

/* Whatever a server puts there, it can be shown. */
static void tidies_what_it_is_told(void **state) {
  (void)state;
  struct fixture *it = begin_at("redis", "", "");
  publish(it, 0);
  struct peer peer = greet(&it->listener);
  expect_message(&peer, 0);
  say(&peer, "-ERR \x1b[1m \xff\xc3\xa9\r\n");
  assert_fate(it, 0, ANYCABLE_FATE_FAILED);
  assert_string_equal(it->reasons[0], "ERR ?[1m ?\xc3\xa9");
  hang_up(&peer);
  end(it);
}

/* Half a reply behind the last one: what follows would be misunderstood. */
static void does_not_go_on_behind_half_a_reply(void **state) {
  (void)state;
  struct fixture *it = begin_at("redis", "", "");
  publish(it, 0);
  struct peer peer = greet(&it->listener);
  expect_message(&peer, 0);
  say(&peer, ":1\r\n:2");
  assert_fate(it, 0, ANYCABLE_FATE_PUBLISHED);
  rest_ms(20);
  publish(it, 1);
  struct peer next = greet(&it->listener);
  expect_end(&peer);
  expect_message(&next, 1);
  say(&next, ":1\r\n");
  assert_fate(it, 1, ANYCABLE_FATE_PUBLISHED);
  hang_up(&next);
  end(it);
}

/* Errors that pass: the message comes again over another connection. */
static void comes_again_after_some_errors(void **state) {
  (void)state;
  static const char *const errors[] = {
      "LOADING Redis is loading", "READONLY You can't write",
      "MASTERDOWN Link with",     "TRYAGAIN Multiple keys",
      "CLUSTERDOWN The cluster",  "BUSY Redis is busy",
      "NOAUTH Authentication",    "NOREPLICAS Not enough"};
  struct fixture *it = begin_at("redis", "", "");
  for (int i = 0; i < 8; i++) {
    char reply[128];
    publish(it, i);
    struct peer peer = greet(&it->listener);
    expect_message(&peer, i);
    snprintf(reply, sizeof(reply), "-%s\r\n", errors[i]);
    say(&peer, reply);
    expect_end(&peer);
    assert_error(it, errors[i]);
    assert_int_equal(fate_of(it, i), PENDING);
    peer = greet(&it->listener);
    expect_message(&peer, i);
    say(&peer, ":1\r\n");
    assert_fate(it, i, ANYCABLE_FATE_PUBLISHED);
    hang_up(&peer);
  }
  end(it);
}

/* Begins with three messages under way, which were read. */
static struct peer begin_three(struct fixture *it) {
  for (int i = 0; i < 3; i++)
    publish(it, i);
  struct peer peer = greet(&it->listener);
  for (int i = 0; i < 3; i++)
    expect_message(&peer, i);
  return peer;
}

/* All three are refused, one of them for good: in their order, again. */
static void keeps_the_order_of_refused_ones(void **state) {
  (void)state;
  struct fixture *it = begin_at("redis", "", "");
  struct peer peer = begin_three(it);
  say(&peer, "-LOADING wait\r\n-OOM full\r\n-LOADING wait\r\n");
  expect_end(&peer);
  peer = greet(&it->listener);
  for (int i = 0; i < 3; i++)
    expect_message(&peer, i);
  say(&peer, ":1\r\n-OOM full\r\n:2\r\n");
  assert_fate(it, 0, ANYCABLE_FATE_PUBLISHED);
  assert_fate(it, 1, ANYCABLE_FATE_FAILED);
  assert_fate(it, 2, ANYCABLE_FATE_PUBLISHED);
  hang_up(&peer);
  end(it);
}

/* One behind them went through, so they cannot come again. */
static void fails_what_would_be_out_of_order(void **state) {
  (void)state;
  struct fixture *it = begin_at("redisx", "", "");
  struct peer peer = begin_three(it);
  say(&peer, "-READONLY replica\r\n-LOADING wait\r\n$3\r\n1-1\r\n");
  assert_fate(it, 2, ANYCABLE_FATE_PUBLISHED);
  assert_fate(it, 0, ANYCABLE_FATE_FAILED);
  assert_fate(it, 1, ANYCABLE_FATE_FAILED);
  assert_reason(it, 0, "refused, while later messages went out: READONLY");
  expect_end(&peer);
  publish(it, 3);
  peer = greet(&it->listener);
  expect_message(&peer, 3);
  say(&peer, "$3\r\n1-2\r\n");
  assert_fate(it, 3, ANYCABLE_FATE_PUBLISHED);
  hang_up(&peer);
  end(it);
}

/* Messages that had not been sent when the first was refused come again, and
 * nothing of them is sent before. */
static void sends_no_more_once_refused(void **state) {
  (void)state;
  enum { COUNT = 50 };
  struct fixture *it = begin_at("redis", "", "");
  int got = 0, size = 4096;
  setsockopt(it->listener.fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
  for (int i = 0; i < COUNT; i++)
    publish_size(it, i, 300000);
  struct peer peer = greet(&it->listener);
  expect_message(&peer, 0);
  say(&peer, "-LOADING wait\r\n");
  while (read_command(&peer)) {
    got++;
    say(&peer, "-LOADING wait\r\n");
  }
  assert_true(got < 20);
  hang_up(&peer);
  assert_int_equal(it->told, 0);
  peer = greet(&it->listener);
  for (int i = 0; i < COUNT; i++) {
    expect_message(&peer, i);
    say(&peer, ":1\r\n");
  }
  assert_fate(it, COUNT - 1, ANYCABLE_FATE_PUBLISHED);
  assert_int_equal(it->told, COUNT);
  hang_up(&peer);
  end(it);
}

/* --- breaks --------------------------------------------------------------- */

static void does_not_know(void **state) {
  (void)state;
  struct fixture *it = begin_at("redis", "", "");
  struct peer peer = begin_three(it);
  say(&peer, ":1\r\n");
  hang_up(&peer);
  assert_fate(it, 0, ANYCABLE_FATE_PUBLISHED);
  assert_fate(it, 1, ANYCABLE_FATE_UNKNOWN);
  assert_fate(it, 2, ANYCABLE_FATE_UNKNOWN);
  assert_reason(it, 2, "127.0.0.1:");
  publish(it, 3);
  peer = greet(&it->listener);
  expect_message(&peer, 3);
  say(&peer, ":1\r\n");
  assert_fate(it, 3, ANYCABLE_FATE_PUBLISHED);
  hang_up(&peer);
  end(it);
}

static void tries_until_it_knows(void **state) {
  (void)state;
  struct fixture *it = begin_at("redisx", "", "");
  struct peer peer = begin_three(it);
  say(&peer, "$3\r\n1-1\r\n");
  hang_up(&peer);
  peer = greet(&it->listener);
  expect_message(&peer, 1);
  expect_message(&peer, 2);
  say(&peer, "$3\r\n1-2\r\n$3\r\n1-3\r\n");
  for (int i = 0; i < 3; i++)
    assert_fate(it, i, ANYCABLE_FATE_PUBLISHED);
  hang_up(&peer);
  end(it);
}

static void breaks_with_some_refused(void **state) {
  (void)state;
  struct fixture *it = begin_at("redis", "", "");
  struct peer peer = begin_three(it);
  say(&peer, "-LOADING wait\r\n");
  hang_up(&peer);
  assert_fate(it, 0, ANYCABLE_FATE_FAILED);
  assert_fate(it, 1, ANYCABLE_FATE_UNKNOWN);
  assert_fate(it, 2, ANYCABLE_FATE_UNKNOWN);
  end(it);

  it = begin_at("redisx", "", "");
  peer = begin_three(it);
  say(&peer, "-LOADING wait\r\n");
  hang_up(&peer);
  peer = greet(&it->listener);
  for (int i = 0; i < 3; i++)
    expect_message(&peer, i);
  hang_up(&peer);
  end(it);
}

static void gives_up_waiting(void **state) {
  (void)state;
  patience_ms = 400;
  struct fixture *it = begin_at("redis", "", "");
  patience_ms = 5000;
  uint64_t before = ac_clock_now();
  struct peer peer = begin_three(it);
  assert_fate(it, 2, ANYCABLE_FATE_UNKNOWN);
  assert_true(strstr(it->last_reason, "does not answer in time"));
  uint64_t took = ac_clock_now() - before;
  assert_true(took >= 400 * AC_MS && took < 10 * AC_SECOND);
  expect_end(&peer);
  end(it);
}

/* Also while it connects: PING is not answered. */
static void gives_up_connecting(void **state) {
  (void)state;
  struct fixture *it = new_fixture();
  char url[64];
  snprintf(url, sizeof(url), "redis://127.0.0.1:%u", it->listener.port);
  anycable_config_set(it->config, ANYCABLE_SETTING_REDIS_URL, url);
  anycable_config_set_limit(it->config, ANYCABLE_LIMIT_BROADCAST_CONNECT_TIME,
                            200);
  begin(it, "redis");
  publish(it, 0);
  struct peer peer = accept_peer(&it->listener);
  expect(&peer, 1, "PING");
  expect_end(&peer);
  assert_error(it, "does not answer in time");
  assert_int_equal(fate_of(it, 0), PENDING);
  end(it);
}

/* What was never sent is neither lost nor unknown. */
static void knows_what_was_not_sent(void **state) {
  (void)state;
  enum { COUNT = 50 };
  struct fixture *it = begin_at("redis", "", "");
  int unknown = 0, size = 4096;
  setsockopt(it->listener.fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
  for (int i = 0; i < COUNT; i++)
    publish_size(it, i, 300000);
  struct peer peer = greet(&it->listener);
  assert_true(receive_more(&peer));
  rest_ms(50);
  hang_up(&peer);
  peer = greet(&it->listener);
  while (fate_of(it, unknown) == ANYCABLE_FATE_UNKNOWN)
    unknown++;
  assert_in_range(unknown, 1, 20);
  for (int i = unknown; i < COUNT; i++) {
    expect_message(&peer, i);
    say(&peer, ":1\r\n");
  }
  assert_fate(it, COUNT - 1, ANYCABLE_FATE_PUBLISHED);
  hang_up(&peer);
  end(it);
}

/* A connection that was closed while it was idle costs nothing. */
static void looks_before_it_sends(void **state) {
  (void)state;
  static const char *const last_words[] = {"", "+what?\r\n", ":1\r\n"};
  struct fixture *it = begin_at("redis", "", "");
  publish(it, 0);
  struct peer peer = greet(&it->listener);
  for (int i = 0; i < 3; i++) {
    expect_message(&peer, i);
    say(&peer, ":1\r\n");
    assert_fate(it, i, ANYCABLE_FATE_PUBLISHED);
    rest_ms(20); /* until it is idle */
    say(&peer, last_words[i]);
    if (i == 0)
      hang_up(&peer);
    rest_ms(20); /* until it has arrived */
    publish(it, i + 1);
    struct peer next = greet(&it->listener);
    if (i > 0)
      expect_end(&peer);
    peer = next;
  }
  expect_message(&peer, 3);
  say(&peer, ":1\r\n");
  assert_fate(it, 3, ANYCABLE_FATE_PUBLISHED);
  hang_up(&peer);
  end(it);
}

/* --- no Redis ------------------------------------------------------------- */

static void say_much(struct peer *peer, size_t len) {
  char data[1000];
  memset(data, 'x', sizeof(data));
  for (size_t sent = 0; sent < len; sent += sizeof(data))
    if (send(peer->fd, data, sizeof(data), MSG_NOSIGNAL) < 0)
      return;
}

static void closes_on_nonsense(void **state) {
  (void)state;
  static const char *const nonsense[] = {
      "HTTP/1.1 400 Bad Request\r\n\r\n",
      "+OK\r\n",
      "$2\r\nhi\r\n",
      "$-1\r\n",
      "*1\r\n:1\r\n",
      ":x\r\n",
      ":99999999999999999999999\r\n",
      "*-7\r\n",
      "$-7\r\n",
      "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:"
      "1\r\n",
      "\r\n",
      "$1073741824\r\n", /* and much, see below */
      "*2147483647\r\n",
      "-"};
  enum { COUNT = sizeof(nonsense) / sizeof(nonsense[0]) };
  struct fixture *it = begin_at("redis", "", "");
  for (int i = 0; i < COUNT; i++) {
    publish(it, 2 * i); /* so that the next connection comes soon */
    struct peer peer = greet(&it->listener);
    expect_message(&peer, 2 * i);
    say(&peer, ":1\r\n");
    assert_fate(it, 2 * i, ANYCABLE_FATE_PUBLISHED);
    publish(it, 2 * i + 1);
    expect_message(&peer, 2 * i + 1);
    say(&peer, nonsense[i]);
    if (i >= COUNT - 3)
      say_much(&peer, 3 << 20);
    assert_fate(it, 2 * i + 1, ANYCABLE_FATE_UNKNOWN);
    hang_up(&peer);
  }
  end(it);
}

/* The second reply is to no question. */
static void closes_on_too_many_replies(void **state) {
  (void)state;
  struct fixture *it = begin_at("redis", "", "");
  publish(it, 0);
  struct peer peer = greet(&it->listener);
  expect_message(&peer, 0);
  say(&peer, ":1\r\n:1\r\n");
  assert_fate(it, 0, ANYCABLE_FATE_PUBLISHED);
  expect_end(&peer);
  end(it);
}

/* --- the end -------------------------------------------------------------- */

static void assert_ends(const char *name, int fate) {
  struct fixture *it = begin_at(name, "", "");
  struct peer peer = begin_three(it);
  uint64_t before = ac_clock_now();
  anycable_broadcaster_free(it->broadcaster);
  it->broadcaster = NULL;
  assert_true(ac_clock_now() - before < 5 * AC_SECOND);
  for (int i = 0; i < 3; i++)
    assert_int_equal(it->fates[i], fate);
  hang_up(&peer);
  end(it);
}

static void ends_at_once(void **state) {
  (void)state;
  assert_ends("redis", ANYCABLE_FATE_UNKNOWN);
  assert_ends("redisx", ANYCABLE_FATE_UNKNOWN);
}

/* --- settings ------------------------------------------------------------- */

static void assert_not_made(int setting, const char *value, int setting2,
                            const char *value2, const char *why) {
  anycable_config *config = anycable_config_new();
  void *publisher = NULL;
  char reason[256] = "";
  anycable_config_set(config, setting, value);
  anycable_config_set(config, setting2, value2);
  assert_true(ac_redis_adapter()->create(&publisher, config, NULL, reason,
                                         sizeof(reason)) < 0);
  assert_null(publisher);
  if (!strstr(reason, why))
    fail_msg("\"%s\" does not have \"%s\"", reason, why);
  anycable_config_free(config);
}

static void refuses_bad_settings(void **state) {
  (void)state;
  const int url = ANYCABLE_SETTING_REDIS_URL;
  const int sentinels = ANYCABLE_SETTING_REDIS_SENTINELS;
  assert_not_made(url, "unix:///x", sentinels, "a",
                  "redis_url: with redis_sentinels it is redis://");
  assert_not_made(url, "rediss://h", ANYCABLE_SETTING_REDIS_TLS_CA_CERT_PATH,
                  "/no/ca", "redis_tls_ca_cert_path: cannot read /no/ca");
  assert_not_made(url, "rediss://h",
                  ANYCABLE_SETTING_REDIS_TLS_CLIENT_CERT_PATH, "/no",
                  "redis_tls_client_cert_path: cannot read /no");
  assert_not_made(sentinels, "rediss://h",
                  ANYCABLE_SETTING_REDIS_TLS_CLIENT_KEY_PATH, "/no",
                  "redis_tls_client_cert_path: is missing");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(publishes),
      cmocka_unit_test(adds_to_a_stream),
      cmocka_unit_test(follows_settings),
      cmocka_unit_test(logs_in),
      cmocka_unit_test(keeps_many_under_way),
      cmocka_unit_test(takes_pieces),
      cmocka_unit_test(waits_for_a_better_login),
      cmocka_unit_test(tells_what_was_refused),
      cmocka_unit_test(tidies_what_it_is_told),
      cmocka_unit_test(does_not_go_on_behind_half_a_reply),
      cmocka_unit_test(comes_again_after_some_errors),
      cmocka_unit_test(keeps_the_order_of_refused_ones),
      cmocka_unit_test(fails_what_would_be_out_of_order),
      cmocka_unit_test(sends_no_more_once_refused),
      cmocka_unit_test(does_not_know),
      cmocka_unit_test(tries_until_it_knows),
      cmocka_unit_test(breaks_with_some_refused),
      cmocka_unit_test(gives_up_waiting),
      cmocka_unit_test(gives_up_connecting),
      cmocka_unit_test(knows_what_was_not_sent),
      cmocka_unit_test(looks_before_it_sends),
      cmocka_unit_test(closes_on_nonsense),
      cmocka_unit_test(closes_on_too_many_replies),
      cmocka_unit_test(ends_at_once),
      cmocka_unit_test(refuses_bad_settings),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
