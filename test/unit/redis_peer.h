/* A Redis that the test plays itself, line by line, against a broadcaster with
 * one of the Redis adapters, which has a thread of its own. Include after
 * cmocka.h and what it needs. */
#ifndef UNIT_REDIS_PEER_H
#define UNIT_REDIS_PEER_H

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <anycable/broadcaster.h>

#include "base/clock.h"
#include "broadcast/redis.h"

/* How long the test waits for what must come. */
enum { WAIT_S = 20 };

/* --- the server ----------------------------------------------------------- */

struct listener {
  int fd;
  unsigned port;
};

static inline struct listener listen_anywhere(void) {
  struct sockaddr_in in = {.sin_family = AF_INET,
                           .sin_addr = {htonl(INADDR_LOOPBACK)}};
  struct timeval wait = {.tv_sec = WAIT_S};
  socklen_t len = sizeof(in);
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
  assert_int_equal(bind(fd, (struct sockaddr *)&in, len), 0);
  assert_int_equal(listen(fd, 16), 0);
  assert_int_equal(getsockname(fd, (struct sockaddr *)&in, &len), 0);
  return (struct listener){fd, ntohs(in.sin_port)};
}

/* A connection, and the words of the last command that it received. */
struct peer {
  int fd;
  char *data;
  size_t at, len, room;
  int count;
  char *words[16];
};

static inline struct peer accept_peer(const struct listener *listener) {
  struct timeval wait = {.tv_sec = WAIT_S};
  int on = 1;
  struct peer peer = {.fd = accept(listener->fd, NULL, NULL)};
  assert_true(peer.fd >= 0);
  setsockopt(peer.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  setsockopt(peer.fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
  return peer;
}

static inline void forget_words(struct peer *peer) {
  while (peer->count > 0)
    free(peer->words[--peer->count]);
}

static inline void hang_up(struct peer *peer) {
  forget_words(peer);
  free(peer->data);
  close(peer->fd);
  *peer = (struct peer){.fd = -1};
}

/* False at the end. */
static inline bool receive_more(struct peer *peer) {
  if (peer->at == peer->len)
    peer->at = peer->len = 0;
  if (peer->room - peer->len < 65536)
    peer->data = realloc(peer->data, peer->room = peer->room * 2 + 65536);
  ssize_t n = recv(peer->fd, peer->data + peer->len, peer->room - peer->len, 0);
  if (n > 0)
    peer->len += (size_t)n;
  return n > 0;
}

static inline bool read_line(struct peer *peer, char kind, long *number) {
  for (;;) {
    char *from = peer->data + peer->at;
    char *end =
        peer->len > peer->at ? memchr(from, '\n', peer->len - peer->at) : NULL;
    if (end) {
      assert_int_equal(*from, kind);
      *number = strtol(from + 1, NULL, 10);
      peer->at = (size_t)(end + 1 - peer->data);
      return true;
    }
    if (!receive_more(peer))
      return false;
  }
}

static inline bool read_word(struct peer *peer) {
  long len;
  if (!read_line(peer, '$', &len))
    return false;
  while (peer->len - peer->at < (size_t)len + 2)
    if (!receive_more(peer))
      return false;
  peer->words[peer->count++] = strndup(peer->data + peer->at, (size_t)len);
  peer->at += (size_t)len + 2;
  return true;
}

/* Reads a command into |words|; false where the connection has ended. */
static inline bool read_command(struct peer *peer) {
  long count;
  forget_words(peer);
  if (!read_line(peer, '*', &count))
    return false;
  assert_in_range(count, 1, 16);
  while (count-- > 0)
    if (!read_word(peer))
      return false;
  return true;
}

static inline void expect(struct peer *peer, int count, ...) {
  va_list args;
  assert_true(read_command(peer));
  assert_int_equal(peer->count, count);
  va_start(args, count);
  for (int i = 0; i < count; i++)
    assert_string_equal(peer->words[i], va_arg(args, const char *));
  va_end(args);
}

/* Reads a PUBLISH, or an XADD, of the message |number|. */
static inline void expect_message(struct peer *peer, int number) {
  char text[32];
  assert_true(read_command(peer));
  snprintf(text, sizeof(text), "\"data\":\"\\\"%d ", number);
  const char *message = peer->words[peer->count - 1];
  if (!strstr(message, text))
    fail_msg("%.80s is not message %d", message, number);
}

static inline void expect_end(struct peer *peer) {
  assert_false(read_command(peer));
  assert_true(peer->at == peer->len);
  hang_up(peer);
}

static inline void say(struct peer *peer, const char *text) {
  size_t len = strlen(text);
  assert_int_equal(send(peer->fd, text, len, MSG_NOSIGNAL), (ssize_t)len);
}

/* Accepts a client, and says that all is well. */
static inline struct peer greet(const struct listener *listener) {
  struct peer peer = accept_peer(listener);
  expect(&peer, 1, "PING");
  say(&peer, "+PONG\r\n");
  return peer;
}

/* --- the broadcaster ------------------------------------------------------ */

/* What became of messages, by number. */
enum { MESSAGES = 8192, PENDING = -1 };

struct fixture {
  struct listener listener;
  anycable_config *config;
  anycable_broadcaster *broadcaster;
  pthread_mutex_t mutex;
  int fates[MESSAGES];
  int64_t receivers[MESSAGES];
  char reasons[MESSAGES][64]; /* the beginning of each */
  char last_reason[512];
  int told;
  int out_of_order;
  int last;
};

static inline void on_fate(const anycable_publication *publication, void *ctx) {
  struct fixture *fixture = ctx;
  int number = (int)(intptr_t)publication->tag;
  pthread_mutex_lock(&fixture->mutex);
  fixture->fates[number] = publication->fate;
  fixture->receivers[number] = publication->receivers;
  snprintf(fixture->reasons[number], sizeof(fixture->reasons[number]), "%s",
           publication->reason);
  snprintf(fixture->last_reason, sizeof(fixture->last_reason), "%s",
           publication->reason);
  fixture->told++;
  fixture->out_of_order += number < fixture->last;
  fixture->last = number;
  pthread_mutex_unlock(&fixture->mutex);
}

/* How long the adapter waits for a reply: longer than a busy machine takes. */
static int64_t patience_ms = 5000;

static inline struct fixture *new_fixture(void) {
  struct fixture *fixture = calloc(1, sizeof(*fixture));
  fixture->config = anycable_config_new();
  pthread_mutex_init(&fixture->mutex, NULL);
  for (int i = 0; i < MESSAGES; i++)
    fixture->fates[i] = PENDING;
  anycable_config_set_limit(fixture->config, ANYCABLE_LIMIT_BROADCAST_TIME,
                            patience_ms);
  anycable_config_set_limit(fixture->config,
                            ANYCABLE_LIMIT_BROADCAST_CONNECT_TIME, 20000);
  anycable_config_set_limit(fixture->config, ANYCABLE_LIMIT_FLUSH_TIME, 100);
  anycable_config_set_limit(fixture->config, ANYCABLE_LIMIT_BROADCAST_BYTES,
                            64 << 20);
  fixture->listener = listen_anywhere();
  return fixture;
}

/* The adapter |name|, which is looked for among those that were added first. */
static inline void begin(struct fixture *fixture, const char *name) {
  anycable_config *config = fixture->config;
  anycable_config_add_adapter(config, ac_redis_adapter(), NULL);
  anycable_config_add_adapter(config, ac_redisx_adapter(), NULL);
  if (anycable_broadcaster_new(&fixture->broadcaster, name, config) != 0)
    fail_msg("%s", anycable_config_error(config));
  anycable_broadcaster_on_fate(fixture->broadcaster, on_fate, fixture);
}

/* With a |login|, as "user:password@", and what stands behind the port. */
static inline struct fixture *begin_at(const char *name, const char *login,
                                       const char *database) {
  char url[128];
  struct fixture *fixture = new_fixture();
  snprintf(url, sizeof(url), "redis://%s127.0.0.1:%u%s", login,
           fixture->listener.port, database);
  anycable_config_set(fixture->config, ANYCABLE_SETTING_REDIS_URL, url);
  begin(fixture, name);
  return fixture;
}

static inline void end(struct fixture *fixture) {
  anycable_broadcaster_free(fixture->broadcaster);
  anycable_config_free(fixture->config);
  close(fixture->listener.fd);
  assert_int_equal(fixture->out_of_order, 0);
  pthread_mutex_destroy(&fixture->mutex);
  free(fixture);
}

/* Publishes the message |number|, of |size| bytes or a little more. */
static inline void publish_size(struct fixture *fixture, int number,
                                size_t size) {
  char *text = calloc(1, size + 32);
  const anycable_publish_options options = {.size = sizeof(options),
                                            .tag = (void *)(intptr_t)number};
  int n = snprintf(text, 32, "%d ", number);
  memset(text + n, 'x', size);
  assert_int_equal(anycable_broadcaster_publish_string(
                       fixture->broadcaster, ANYCABLE_STR("news"),
                       anycable_str_of(text), &options),
                   ANYCABLE_OK);
  free(text);
}

static inline void publish(struct fixture *fixture, int number) {
  publish_size(fixture, number, 1);
}

static inline void rest_ms(long ms) {
  struct timespec time = {ms / 1000, ms % 1000 * 1000000};
  nanosleep(&time, NULL);
}

static inline int fate_of(struct fixture *fixture, int number) {
  pthread_mutex_lock(&fixture->mutex);
  int fate = fixture->fates[number];
  pthread_mutex_unlock(&fixture->mutex);
  return fate;
}

/* Waits for the fate of |number|. */
static inline void assert_fate(struct fixture *fixture, int number, int fate) {
  for (int i = 0; i < WAIT_S * 200 && fate_of(fixture, number) == PENDING; i++)
    rest_ms(5);
  if (fate_of(fixture, number) != fate)
    fail_msg("message %d: fate %d (%s), not %d", number,
             fate_of(fixture, number), fixture->reasons[number], fate);
}

static inline void assert_reason(struct fixture *fixture, int number,
                                 const char *part) {
  if (!strstr(fixture->reasons[number], part))
    fail_msg("message %d: \"%s\" does not have \"%s\"", number,
             fixture->reasons[number], part);
}

/* Waits until the broadcaster says |part| of what is wrong. */
static inline void assert_error(struct fixture *fixture, const char *part) {
  char error[512] = "";
  for (int i = 0; i < WAIT_S * 200 && !strstr(error, part); i++) {
    rest_ms(5);
    anycable_broadcaster_error(fixture->broadcaster, error, sizeof(error));
  }
  if (!strstr(error, part))
    fail_msg("\"%s\" does not have \"%s\"", error, part);
}

#endif
