/* Each question has a connection of its own: they are seldom, and a sentinel
 * that was asked long ago may be gone. */
#include "broadcast/redis_sentinel.h"

#include <anycable/error.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broadcast/redis_connection.h"

/* How long one sentinel may take, in ms: enough for one nearby. Where all are
 * slower, this grows. */
enum { PATIENCE_FIRST = 300, PATIENCE_LAST = 2400 };

int ac_redis_sentinels_init(struct ac_redis_sentinels *sentinels,
                            const char *list, char *reason,
                            size_t reason_size) {
  *sentinels = (struct ac_redis_sentinels){.patience = PATIENCE_FIRST};
  if (!list)
    return ANYCABLE_OK;
  return ac_redis_url_parse_list(&sentinels->urls, &sentinels->count, list,
                                 reason, reason_size);
}

void ac_redis_sentinels_deinit(struct ac_redis_sentinels *sentinels) {
  ac_redis_url_free_list(sentinels->urls, sentinels->count);
  *sentinels = (struct ac_redis_sentinels){0};
}

/* --- what a sentinel says ------------------------------------------------- */

/* Others may have written it: nothing but a host, and nothing but a port. */
static bool read_address(const struct ac_redis_reply *reply,
                         struct ac_redis_address *address) {
  const struct ac_redis_value *host = &reply->items[0];
  const struct ac_redis_value *port = &reply->items[1];
  if (host->type != AC_REDIS_STRING || port->type != AC_REDIS_STRING)
    return false;
  size_t len = strspn(host->text, "abcdefghijklmnopqrstuvwxyz"
                                  "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789.-_:%");
  size_t digits = strspn(port->text, "0123456789");
  if (len == 0 || host->text[len] || digits == 0 || digits > 5 ||
      port->text[digits])
    return false;
  memcpy(address->host, host->text, len + 1);
  address->port = (unsigned)strtoul(port->text, NULL, 10);
  return address->port >= 1 && address->port <= 65535;
}

static bool understand(const struct ac_redis_connection *connection,
                       const struct ac_redis_reply *reply, const char *master,
                       struct ac_redis_address *address, char *reason,
                       size_t reason_size) {
  if (reply->root.type == AC_REDIS_NIL)
    snprintf(reason, reason_size, "%s: knows no master \"%s\"",
             connection->name, master);
  else if (reply->root.type == AC_REDIS_ERROR)
    snprintf(reason, reason_size, "%s: %s", connection->name, reply->root.text);
  else if (reply->root.type != AC_REDIS_ARRAY || reply->root.integer != 2 ||
           !read_address(reply, address))
    snprintf(reason, reason_size, "%s: its answer is no address",
             connection->name);
  else
    return true;
  return false;
}

static bool ask(const struct ac_redis_url *url, const char *master,
                struct ac_tls *tls, const struct ac_wait *wait,
                struct ac_redis_address *address, char *reason,
                size_t reason_size) {
  const char *words[] = {"SENTINEL", "get-master-addr-by-name", master};
  struct ac_redis_connection *connection =
      ac_redis_connection_open("sentinel", url, tls, wait, reason, reason_size);
  if (!connection)
    return false;
  const struct ac_redis_reply *reply =
      ac_redis_connection_ask(connection, 3, words, wait, reason, reason_size);
  bool found = reply && understand(connection, reply, master, address, reason,
                                   reason_size);
  ac_redis_connection_free(connection);
  return found;
}

/* --- all of them ---------------------------------------------------------- */

bool ac_redis_sentinels_ask_one(struct ac_redis_sentinels *sentinels,
                                const char *master, struct ac_tls *tls,
                                const struct ac_wait *wait,
                                struct ac_redis_address *address, char *reason,
                                size_t reason_size) {
  const struct ac_wait some = ac_wait_shorter(wait, sentinels->patience);
  if (ask(&sentinels->urls[sentinels->first], master, tls, &some, address,
          reason, reason_size))
    return true;
  ac_redis_sentinels_doubt(sentinels);
  return false;
}

bool ac_redis_sentinels_ask(struct ac_redis_sentinels *sentinels,
                            const char *master, struct ac_tls *tls,
                            const struct ac_wait *wait,
                            struct ac_redis_address *address, char *reason,
                            size_t reason_size) {
  for (size_t i = 0; i < sentinels->count; i++) {
    if (ac_redis_sentinels_ask_one(sentinels, master, tls, wait, address,
                                   reason, reason_size)) {
      sentinels->patience = PATIENCE_FIRST;
      return true;
    }
  }
  if (sentinels->patience < PATIENCE_LAST)
    sentinels->patience *= 2;
  return false;
}

void ac_redis_sentinels_doubt(struct ac_redis_sentinels *sentinels) {
  sentinels->first = (sentinels->first + 1) % sentinels->count;
}
