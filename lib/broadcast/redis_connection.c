/* Of hiredis only the formatting of commands and the reader are used: its own
 * I/O knows neither TLS nor deadlines, and its writes can raise SIGPIPE. */
#include "broadcast/redis_connection.h"

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/dialer.h"
#include "io/link.h"
#include "io/stream.h"

enum {
  READ_SIZE = 16 * 1024,
  OUT_KEEP = 512 * 1024 /* memory that an idle connection keeps */
};

static void set_name(struct ac_redis_connection *connection, const char *kind,
                     const struct ac_redis_url *url) {
  const size_t size = sizeof(connection->name);
  if (url->path)
    snprintf(connection->name, size, "%s at unix:%s", kind, url->path);
  else if (strchr(url->host, ':'))
    snprintf(connection->name, size, "%s at [%s]:%u", kind, url->host,
             url->port);
  else
    snprintf(connection->name, size, "%s at %s:%u", kind, url->host, url->port);
}

void ac_redis_connection_explain(const struct ac_redis_connection *connection,
                                 const char *why, char *reason,
                                 size_t reason_size) {
  snprintf(reason, reason_size, "%s: %s", connection->name, why);
}

/* --- opening -------------------------------------------------------------- */

/* Returns a socket, or -1 with |why|. */
static int dial(const struct ac_redis_url *url, const struct ac_wait *wait,
                char *why, size_t why_size) {
  return url->path
             ? ac_dialer_connect_unix(url->path, why, why_size)
             : ac_dialer_connect(url->host, url->port, wait, why, why_size);
}

/* Connects, and gets TLS done; false with |why|. */
static bool reach(struct ac_redis_connection *connection,
                  const struct ac_redis_url *url, struct ac_tls *tls,
                  const struct ac_wait *wait, char *why, size_t why_size) {
  int fd = dial(url, wait, why, why_size);
  if (fd < 0)
    return false;
  connection->link = ac_link_new(fd, url->tls ? tls : NULL, url->host);
  connection->reader = ac_redis_reader_new();
  if (!connection->link || !connection->reader) {
    snprintf(why, why_size, "out of memory");
    return false;
  }
  if (ac_link_handshake(connection->link, wait))
    return true;
  snprintf(why, why_size, "%s", ac_link_error(connection->link));
  return false;
}

/* Asks something that must be answered with OK. */
static bool command(struct ac_redis_connection *connection, int count,
                    const char **words, const struct ac_wait *wait,
                    char *reason, size_t reason_size) {
  const struct ac_redis_reply *reply = ac_redis_connection_ask(
      connection, count, words, wait, reason, reason_size);
  if (!reply)
    return false;
  if (reply->root.type == AC_REDIS_STATUS)
    return true;
  const char *text = reply->root.type == AC_REDIS_ERROR
                         ? reply->root.text
                         : "the reply is no status";
  /* An unknown command is repeated with its words: with the password. */
  snprintf(reason, reason_size, "%s: %s was refused: %.*s", connection->name,
           words[0], (int)strcspn(text, "'`\""), text);
  return false;
}

/* The password does not stay behind. */
static void wipe(struct ac_redis_connection *connection) {
  if (connection->out.data)
    explicit_bzero(connection->out.data, connection->out.size);
}

static bool log_in(struct ac_redis_connection *connection,
                   const struct ac_redis_url *url, const struct ac_wait *wait,
                   char *reason, size_t reason_size) {
  const char *with_user[] = {"AUTH", url->user, url->password};
  const char *without[] = {"AUTH", url->password};
  if (!url->password)
    return true;
  bool ok = url->user
                ? command(connection, 3, with_user, wait, reason, reason_size)
                : command(connection, 2, without, wait, reason, reason_size);
  wipe(connection);
  return ok;
}

static bool select_database(struct ac_redis_connection *connection,
                            unsigned database, const struct ac_wait *wait,
                            char *reason, size_t reason_size) {
  char number[16];
  const char *words[] = {"SELECT", number};
  if (database == 0)
    return true;
  snprintf(number, sizeof(number), "%u", database);
  return command(connection, 2, words, wait, reason, reason_size);
}

struct ac_redis_connection *
ac_redis_connection_open(const char *kind, const struct ac_redis_url *url,
                         struct ac_tls *tls, const struct ac_wait *wait,
                         char *reason, size_t reason_size) {
  char why[256] = "";
  struct ac_redis_connection *connection = calloc(1, sizeof(*connection));
  if (!connection) {
    snprintf(reason, reason_size, "out of memory");
    return NULL;
  }
  connection->error = "";
  set_name(connection, kind, url);
  if (!reach(connection, url, tls, wait, why, sizeof(why)))
    ac_redis_connection_explain(connection, why, reason, reason_size);
  else if (log_in(connection, url, wait, reason, reason_size) &&
           select_database(connection, url->database, wait, reason,
                           reason_size))
    return connection;
  ac_redis_connection_free(connection);
  return NULL;
}

void ac_redis_connection_free(struct ac_redis_connection *connection) {
  if (!connection)
    return;
  ac_link_free(connection->link);
  ac_redis_reader_free(connection->reader);
  ac_buffer_deinit(&connection->out);
  free(connection);
}

/* --- readiness ------------------------------------------------------------ */

bool ac_redis_connection_is_master(struct ac_redis_connection *connection,
                                   const struct ac_wait *wait, char *reason,
                                   size_t reason_size) {
  const char *words[] = {"ROLE"};
  const struct ac_redis_reply *reply =
      ac_redis_connection_ask(connection, 1, words, wait, reason, reason_size);
  if (!reply)
    return false;
  if (reply->root.type == AC_REDIS_ERROR)
    snprintf(reason, reason_size, "%s: ROLE was refused: %s", connection->name,
             reply->root.text);
  else if (reply->items[0].type != AC_REDIS_STRING)
    ac_redis_connection_explain(connection, "does not tell its role", reason,
                                reason_size);
  else if (strcmp(reply->items[0].text, "master") != 0)
    snprintf(reason, reason_size, "%s: is no master but a %.32s",
             connection->name, reply->items[0].text);
  else
    return true;
  return false;
}

/* PING is refused while data is loaded, by a server that has enough clients,
 * and to who has not logged in: then no message need be risked. It may also be
 * refused for reasons that do not concern publishing. */
bool ac_redis_connection_answers(struct ac_redis_connection *connection,
                                 const struct ac_wait *wait, char *reason,
                                 size_t reason_size) {
  const char *words[] = {"PING"};
  const struct ac_redis_reply *reply =
      ac_redis_connection_ask(connection, 1, words, wait, reason, reason_size);
  if (!reply)
    return false;
  if (reply->root.type != AC_REDIS_ERROR ||
      ac_redis_reply_is_error(reply, "NOPERM") ||
      ac_redis_reply_is_error(reply, "MISCONF") ||
      ac_redis_reply_is_error(reply, "MASTERDOWN") ||
      ac_redis_reply_is_error(reply, "ERR unknown command"))
    return true;
  ac_redis_connection_explain(connection, reply->root.text, reason,
                              reason_size);
  return false;
}

bool ac_redis_connection_alive(struct ac_redis_connection *connection) {
  return !ac_redis_reader_partial(connection->reader) &&
         ac_redis_connection_receive(connection) == AC_STREAM_AGAIN;
}

/* --- asking --------------------------------------------------------------- */

/* Appends a command to |out|; false without memory. */
static bool append(struct ac_redis_connection *connection, int count,
                   const char **words) {
  char *text = NULL;
  int len = redisFormatCommandArgv(&text, count, words, NULL);
  if (len < 0)
    return false;
  bool ok = ac_buffer_append(&connection->out, text, (size_t)len);
  explicit_bzero(text, (size_t)len); /* it may be a password */
  free(text);
  return ok;
}

/* One step on the way to a reply; false when the connection has broken. */
static bool step(struct ac_redis_connection *connection,
                 const struct ac_wait *wait) {
  if (ac_redis_connection_send(connection) == AC_STREAM_FAILED)
    return false;
  bool unsent = ac_buffer_len(&connection->out) > 0;
  switch (ac_link_wait(connection->link, wait, unsent)) {
  case AC_WAIT_READY:
    return ac_redis_connection_receive(connection) != AC_STREAM_FAILED;
  case AC_WAIT_TIMEOUT:
    connection->error = "does not answer in time";
    return false;
  case AC_WAIT_INTERRUPTED:
    connection->error = "interrupted";
    return false;
  }
  return false;
}

const struct ac_redis_reply *
ac_redis_connection_ask(struct ac_redis_connection *connection, int count,
                        const char **words, const struct ac_wait *wait,
                        char *reason, size_t reason_size) {
  const struct ac_redis_reply *reply = NULL;
  if (!append(connection, count, words)) {
    ac_redis_connection_explain(connection, "out of memory", reason,
                                reason_size);
    return NULL;
  }
  while (!reply && step(connection, wait)) {
    if (ac_redis_reader_next(connection->reader, &reply))
      continue;
    connection->error = ac_redis_reader_error(connection->reader);
    break;
  }
  if (!reply)
    ac_redis_connection_explain(connection, connection->error, reason,
                                reason_size);
  return reply;
}

/* --- bytes ---------------------------------------------------------------- */

ssize_t ac_redis_connection_send(struct ac_redis_connection *connection) {
  struct ac_buffer *out = &connection->out;
  if (ac_buffer_len(out) == 0)
    return AC_STREAM_AGAIN;
  ssize_t n = ac_link_write(connection->link, out->data + out->start,
                            ac_buffer_len(out));
  if (n > 0)
    ac_buffer_consume(out, (size_t)n, OUT_KEEP);
  if (n == AC_STREAM_FAILED)
    connection->error = ac_link_error(connection->link);
  return n;
}

ssize_t ac_redis_connection_receive(struct ac_redis_connection *connection) {
  char data[READ_SIZE];
  ssize_t n = ac_link_read(connection->link, data, sizeof(data));
  if (n == AC_STREAM_EOF) {
    connection->error = "closed the connection";
    return AC_STREAM_FAILED;
  }
  if (n == AC_STREAM_FAILED)
    connection->error = ac_link_error(connection->link);
  if (n > 0 && !ac_redis_reader_feed(connection->reader, data, (size_t)n)) {
    connection->error = ac_redis_reader_error(connection->reader);
    return AC_STREAM_FAILED;
  }
  return n;
}
