/* Sentinels that the test plays: who is asked, what is believed, and how soon
 * a new master is found. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/redis_peer.h"

/* The master is the fixture's listener. */
struct sentinels {
  struct fixture *it;
  struct listener at[3];
};

/* |format| has the ports of three sentinels in it. */
static struct sentinels begin_with(const char *name, const char *format) {
  struct sentinels all = {.it = new_fixture()};
  char list[256];
  for (int i = 0; i < 3; i++)
    all.at[i] = listen_anywhere();
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
  snprintf(list, sizeof(list), format, all.at[0].port, all.at[1].port,
           all.at[2].port);
#pragma GCC diagnostic pop
  anycable_config_set(all.it->config, ANYCABLE_SETTING_REDIS_URL,
                      "redis://:secret@mymaster");
  anycable_config_set(all.it->config, ANYCABLE_SETTING_REDIS_SENTINELS, list);
  begin(all.it, name);
  return all;
}

static struct sentinels begin_plain(const char *name) {
  return begin_with(name, "127.0.0.1:%u,127.0.0.1:%u,127.0.0.1:%u");
}

static void end_all(struct sentinels *all) {
  end(all->it);
  for (int i = 0; i < 3; i++)
    close(all->at[i].fd);
}

/* Answers the question of a connection to |sentinel| with |reply|. */
static void answer(const struct listener *sentinel, const char *reply) {
  struct peer peer = accept_peer(sentinel);
  expect(&peer, 3, "SENTINEL", "get-master-addr-by-name", "mymaster");
  say(&peer, reply);
  expect_end(&peer);
}

static void answer_port(const struct listener *sentinel, unsigned port) {
  char reply[64], text[8];
  snprintf(text, sizeof(text), "%u", port);
  snprintf(reply, sizeof(reply), "*2\r\n$9\r\n127.0.0.1\r\n$%zu\r\n%s\r\n",
           strlen(text), text);
  answer(sentinel, reply);
}

/* A node to which a sentinel has led, which says what it is. */
static struct peer accept_node(const struct listener *listener,
                               const char *role) {
  struct peer peer = accept_peer(listener);
  expect(&peer, 2, "AUTH", "secret");
  say(&peer, "+OK\r\n");
  expect(&peer, 1, "ROLE");
  say(&peer, role);
  return peer;
}

#define MASTER                                                                 \
  "*3\r\n$6\r\nmaster\r\n:3129659\r\n*1\r\n*3\r\n$9\r\n127.0.0.1\r\n"          \
  "$4\r\n9001\r\n$7\r\n3129242\r\n"
#define REPLICA                                                                \
  "*5\r\n$5\r\nslave\r\n$9\r\n127.0.0.1\r\n:9000\r\n$9\r\nconnected\r\n"       \
  ":3167038\r\n"

static struct peer accept_master(const struct listener *listener) {
  struct peer peer = accept_node(listener, MASTER);
  expect(&peer, 1, "PING");
  say(&peer, "+PONG\r\n");
  return peer;
}

static void take_message(struct peer *peer, struct fixture *it, int number) {
  expect_message(peer, number);
  say(peer, ":1\r\n");
  assert_fate(it, number, ANYCABLE_FATE_PUBLISHED);
}

/* The sentinel number |at| names the node of |listener|, which is the master
 * and takes the message |number|. */
static struct peer lead(const struct sentinels *all, int at,
                        const struct listener *listener, int number) {
  answer_port(&all->at[at], listener->port);
  struct peer master = accept_master(listener);
  take_message(&master, all->it, number);
  return master;
}

/* The sentinel number |at| names the fixture's node, which is left again for
 * what it says of its |role|. */
static void mislead(const struct sentinels *all, int at, const char *role) {
  answer_port(&all->at[at], all->it->listener.port);
  struct peer node = accept_node(&all->it->listener, role);
  expect_end(&node);
}

static void end_with(struct sentinels *all, struct peer *last) {
  hang_up(last);
  end_all(all);
}

/* --- tests ---------------------------------------------------------------- */

static void finds_the_master(void **state) {
  (void)state;
  struct sentinels all = begin_plain("redis");
  publish(all.it, 0);
  struct peer master = lead(&all, 0, &all.it->listener, 0);
  end_with(&all, &master);
}

static void logs_in_to_each_as_it_wants(void **state) {
  (void)state;
  struct sentinels all = begin_with(
      "redis", "redis://jack:one@127.0.0.1:%u, :two@127.0.0.1:%u,three@"
               "127.0.0.1:%u");
  publish(all.it, 0);
  struct peer peer = accept_peer(&all.at[0]);
  expect(&peer, 3, "AUTH", "jack", "one");
  say(&peer, "-WRONGPASS no\r\n");
  expect_end(&peer);
  peer = accept_peer(&all.at[1]);
  expect(&peer, 2, "AUTH", "two");
  hang_up(&peer);
  peer = accept_peer(&all.at[2]);
  expect(&peer, 2, "AUTH", "three");
  say(&peer, "-ERR unknown command 'AUTH'\r\n");
  expect_end(&peer);
  assert_error(all.it, "sentinel at 127.0.0.1:");
  assert_error(all.it, "AUTH was refused: ERR unknown command");
  end_all(&all);
}

/* One that hangs is left after 300 ms, and the one that answered is asked first
 * the next time. */
static void leaves_one_that_hangs(void **state) {
  (void)state;
  struct sentinels all = begin_plain("redis");
  uint64_t before = ac_clock_now();
  publish(all.it, 0);
  struct peer hung = accept_peer(&all.at[0]);
  struct peer master = lead(&all, 1, &all.it->listener, 0);
  assert_true(ac_clock_now() - before < 2 * AC_SECOND);
  hang_up(&master);
  hang_up(&hung);
  rest_ms(20);
  publish(all.it, 1);
  master = lead(&all, 1, &all.it->listener, 1);
  end_with(&all, &master);
}

/* Another one may know better. */
static void does_not_publish_to_a_replica(void **state) {
  (void)state;
  struct sentinels all = begin_plain("redis");
  publish(all.it, 0);
  mislead(&all, 0, REPLICA);
  assert_error(all.it, "is no master but a slave");
  mislead(&all, 1, "-NOPERM no ROLE for you\r\n");
  mislead(&all, 2, "*0\r\n");
  struct peer master = lead(&all, 0, &all.it->listener, 0);
  end_with(&all, &master);
}

/* One that has become a replica meanwhile would take messages, for nobody. */
static void looks_whether_it_is_still_one(void **state) {
  (void)state;
  struct sentinels all = begin_plain("redis");
  publish(all.it, 0);
  struct peer node = lead(&all, 0, &all.it->listener, 0);
  rest_ms(600);
  publish(all.it, 1);
  answer_port(&all.at[0], all.it->listener.port);
  expect(&node, 1, "ROLE");
  say(&node, REPLICA);
  expect_end(&node);
  node = lead(&all, 0, &all.it->listener, 1);
  end_with(&all, &node);
}

/* Nor does it stay with one that was replaced, but lives on. */
static void follows_to_a_new_one(void **state) {
  (void)state;
  struct sentinels all = begin_plain("redis");
  struct listener other = listen_anywhere();
  publish(all.it, 0);
  struct peer node = lead(&all, 0, &all.it->listener, 0);
  rest_ms(600);
  publish(all.it, 1);
  answer_port(&all.at[0], other.port);
  expect_end(&node);
  node = lead(&all, 0, &other, 1);
  /* A sentinel that says nothing changes nothing. */
  rest_ms(600);
  publish(all.it, 2);
  answer(&all.at[0], "*-1\r\n");
  expect(&node, 1, "ROLE");
  say(&node, MASTER);
  take_message(&node, all.it, 2);
  hang_up(&node);
  close(other.fd);
  end_all(&all);
}

static void asks_anew_after_readonly(void **state) {
  (void)state;
  struct sentinels all = begin_plain("redisx");
  struct listener other = listen_anywhere();
  publish(all.it, 0);
  answer_port(&all.at[0], all.it->listener.port);
  struct peer node = accept_master(&all.it->listener);
  expect_message(&node, 0);
  say(&node, "-READONLY You can't write against a read only replica.\r\n");
  expect_end(&node);
  uint64_t before = ac_clock_now();
  answer_port(&all.at[1], other.port);
  node = accept_master(&other);
  assert_true(ac_clock_now() - before < 2 * AC_SECOND);
  expect_message(&node, 0);
  say(&node, "$3\r\n1-1\r\n");
  assert_fate(all.it, 0, ANYCABLE_FATE_PUBLISHED);
  hang_up(&node);
  close(other.fd);
  end_all(&all);
}

/* One that is cut off from its replicas, and refuses messages, is left for the
 * next one as soon as there is one; the messages keep their order. */
static void leaves_one_that_refuses(void **state) {
  (void)state;
  enum { COUNT = 3 };
  struct sentinels all = begin_plain("redisx");
  struct listener other = listen_anywhere();
  for (int i = 0; i < COUNT; i++)
    publish(all.it, i);
  for (int i = 0; i < 2; i++) {
    answer_port(&all.at[i], all.it->listener.port);
    struct peer node = accept_master(&all.it->listener);
    for (int j = 0; j < COUNT; j++) {
      expect_message(&node, j);
      say(&node, "-NOREPLICAS Not enough good replicas to write.\r\n");
    }
    expect_end(&node);
  }
  answer_port(&all.at[2], all.it->listener.port);
  answer_port(&all.at[2], other.port);
  answer_port(&all.at[2], other.port);
  struct peer node = accept_master(&other);
  for (int j = 0; j < COUNT; j++) {
    expect_message(&node, j);
    say(&node, "$3\r\n1-1\r\n");
    assert_fate(all.it, j, ANYCABLE_FATE_PUBLISHED);
  }
  hang_up(&node);
  close(other.fd);
  end_all(&all);
}

/* However long it takes, the pauses do not grow. */
static void keeps_asking(void **state) {
  (void)state;
  enum { TIMES = 8 };
  struct sentinels all = begin_plain("redis");
  unsigned closed = all.at[2].port;
  close(all.at[2].fd);
  publish(all.it, 0);
  uint64_t last = ac_clock_now();
  for (int i = 0; i < TIMES; i++) {
    answer(&all.at[0], "*-1\r\n");
    answer_port(&all.at[1], closed);
    assert_true(ac_clock_now() - last < 1500 * AC_MS);
    last = ac_clock_now();
    /* The third is not there; so the next is the first again. */
  }
  struct peer master = lead(&all, 0, &all.it->listener, 0);
  hang_up(&master);
  all.at[2] = listen_anywhere();
  end_all(&all);
}

/* What a sentinel says is believed if it is an address, and nothing else. */
static void believes_no_nonsense(void **state) {
  (void)state;
  static const char *const nonsense[] = {
      "*-1\r\n",
      "*0\r\n",
      "$9\r\n127.0.0.1\r\n",
      "+127.0.0.1\r\n",
      "-IDONTKNOW I have not enough information\r\n",
      "*1\r\n$9\r\n127.0.0.1\r\n",
      "*3\r\n$1\r\na\r\n$1\r\n1\r\n$1\r\n1\r\n",
      "*2\r\n$9\r\n127.0.0.1\r\n:6379\r\n",
      "*2\r\n$9\r\n127.0.0.1\r\n$1\r\n0\r\n",
      "*2\r\n$9\r\n127.0.0.1\r\n$5\r\n65536\r\n",
      "*2\r\n$9\r\n127.0.0.1\r\n$6\r\n063790\r\n",
      "*2\r\n$9\r\n127.0.0.1\r\n$2\r\n-1\r\n",
      "*2\r\n$9\r\n127.0.0.1\r\n$0\r\n\r\n",
      "*2\r\n$0\r\n\r\n$4\r\n6379\r\n",
      "*2\r\n$3\r\na b\r\n$4\r\n6379\r\n",
      "*2\r\n$4\r\n/tmp\r\n$4\r\n6379\r\n",
      "*2\r\n$3\r\na\r\n\r\n$4\r\n6379\r\n",
      "*2\r\n$-1\r\n$4\r\n6379\r\n",
      "HTTP/1.1 400 Bad Request\r\n"};
  enum { COUNT = sizeof(nonsense) / sizeof(nonsense[0]) };
  struct sentinels all = begin_plain("redis");
  publish(all.it, 0);
  for (int i = 0; i < COUNT; i++)
    answer(&all.at[i % 3], nonsense[i]);
  struct peer master = lead(&all, COUNT % 3, &all.it->listener, 0);
  end_with(&all, &master);
}

static void ends_while_it_searches(void **state) {
  (void)state;
  struct sentinels all = begin_plain("redis");
  publish(all.it, 0);
  for (int i = 0; i < 6; i++)
    answer(&all.at[i % 3], "*-1\r\n");
  assert_error(all.it, "knows no master \"mymaster\"");
  struct peer hung = accept_peer(&all.at[0]);
  uint64_t before = ac_clock_now();
  anycable_broadcaster_free(all.it->broadcaster);
  all.it->broadcaster = NULL;
  assert_true(ac_clock_now() - before < 1 * AC_SECOND);
  assert_int_equal(all.it->fates[0], ANYCABLE_FATE_DROPPED);
  end_with(&all, &hung);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(finds_the_master),
      cmocka_unit_test(logs_in_to_each_as_it_wants),
      cmocka_unit_test(leaves_one_that_hangs),
      cmocka_unit_test(does_not_publish_to_a_replica),
      cmocka_unit_test(looks_whether_it_is_still_one),
      cmocka_unit_test(follows_to_a_new_one),
      cmocka_unit_test(asks_anew_after_readonly),
      cmocka_unit_test(leaves_one_that_refuses),
      cmocka_unit_test(keeps_asking),
      cmocka_unit_test(believes_no_nonsense),
      cmocka_unit_test(ends_while_it_searches),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
