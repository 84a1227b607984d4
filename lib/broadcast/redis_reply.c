/* hiredis 0.14 aborts the process in one place of its reader, where it gives
 * back a buffer that grew and has no memory for a smaller one. With |maxbuf| 0
 * it never does; the size is bounded by REPLY_MAX instead. */
#include "broadcast/redis_reply.h"

#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

/* Far more than any reply to what we ask. */
enum { REPLY_MAX = 1 << 20 };

struct ac_redis_reader {
  redisReader *reader;
  struct ac_redis_reply reply; /* the one being read */
  size_t fed;                  /* since the last complete reply */
  const char *error;
};

/* --- values --------------------------------------------------------------- */

/* The objects are all this one: hiredis only compares them with NULL. */
static void *object(const redisReadTask *task) {
  return task->privdata;
}

/* Where the value of |task| goes; NULL where it is not kept. */
static struct ac_redis_value *place(const redisReadTask *task) {
  struct ac_redis_reader *reader = task->privdata;
  struct ac_redis_reply *reply = &reader->reply;
  if (!task->parent) {
    /* The first of a new reply. */
    for (size_t i = 0; i < sizeof(reply->items) / sizeof(*reply->items); i++)
      reply->items[i].type = AC_REDIS_NIL;
    return &reply->root;
  }
  if (task->parent->parent || task->idx < 0 ||
      (size_t)task->idx >= sizeof(reply->items) / sizeof(*reply->items))
    return NULL;
  return &reply->items[task->idx];
}

static void *keep(const redisReadTask *task, enum ac_redis_type type,
                  int64_t integer) {
  struct ac_redis_value *value = place(task);
  if (value) {
    value->type = type;
    value->integer = integer;
    value->text[0] = '\0';
  }
  return object(task);
}

/* It may be shown to people. */
static void tidy(char *text, size_t len) {
  ac_utf8_scrub(text, len);
  for (; *text; text++) {
    if ((unsigned char)*text < ' ' || *text == 0x7f)
      *text = '?';
  }
}

static void *create_string(const redisReadTask *task, char *text, size_t len) {
  struct ac_redis_value *value = place(task);
  if (!value)
    return object(task);
  value->type = task->type == REDIS_REPLY_ERROR    ? AC_REDIS_ERROR
                : task->type == REDIS_REPLY_STATUS ? AC_REDIS_STATUS
                                                   : AC_REDIS_STRING;
  value->integer = 0;
  if (len >= sizeof(value->text))
    len = sizeof(value->text) - 1;
  memcpy(value->text, text, len);
  value->text[len] = '\0';
  if (value->type != AC_REDIS_STRING || task->parent)
    tidy(value->text, len);
  return object(task);
}

#if HIREDIS_MAJOR >= 1
static void *create_array(const redisReadTask *task, size_t count) {
  return keep(task, AC_REDIS_ARRAY, (int64_t)count);
}
#else
static void *create_array(const redisReadTask *task, int count) {
  return keep(task, AC_REDIS_ARRAY, count);
}
#endif

static void *create_integer(const redisReadTask *task, long long integer) {
  return keep(task, AC_REDIS_INTEGER, integer);
}

static void *create_nil(const redisReadTask *task) {
  return keep(task, AC_REDIS_NIL, 0);
}

static void free_object(void *unused) {
  (void)unused;
}

/* --- the reader ----------------------------------------------------------- */

struct ac_redis_reader *ac_redis_reader_new(void) {
  static redisReplyObjectFunctions functions = {
      .createString = create_string,
      .createArray = create_array,
      .createInteger = create_integer,
      .createNil = create_nil,
      .freeObject = free_object,
  };
  struct ac_redis_reader *reader = calloc(1, sizeof(*reader));
  if (!reader)
    return NULL;
  reader->reader = redisReaderCreateWithFunctions(&functions);
  if (!reader->reader) {
    free(reader);
    return NULL;
  }
  reader->reader->maxbuf = 0;
  reader->reader->privdata = reader;
  reader->error = "";
  return reader;
}

void ac_redis_reader_free(struct ac_redis_reader *reader) {
  if (!reader)
    return;
  redisReaderFree(reader->reader);
  free(reader);
}

static bool refuse(struct ac_redis_reader *reader) {
  reader->error = reader->reader->err == REDIS_ERR_OOM ? "out of memory"
                                                       : "this is no Redis";
  return false;
}

bool ac_redis_reader_feed(struct ac_redis_reader *reader, const char *data,
                          size_t len) {
  reader->fed += len;
  if (reader->fed > REPLY_MAX) {
    reader->error = "the reply is larger than 1 MiB";
    return false;
  }
  if (redisReaderFeed(reader->reader, data, len) != REDIS_OK)
    return refuse(reader);
  return true;
}

bool ac_redis_reader_next(struct ac_redis_reader *reader,
                          const struct ac_redis_reply **reply) {
  void *found = NULL;
  *reply = NULL;
  if (redisReaderGetReply(reader->reader, &found) != REDIS_OK)
    return refuse(reader);
  if (found) {
    reader->fed = 0;
    *reply = &reader->reply;
  }
  return true;
}

bool ac_redis_reader_partial(const struct ac_redis_reader *reader) {
  return reader->reader->pos < reader->reader->len;
}

const char *ac_redis_reader_error(const struct ac_redis_reader *reader) {
  return reader->error;
}

bool ac_redis_reply_is_error(const struct ac_redis_reply *reply,
                             const char *code) {
  size_t len = strlen(code);
  const char *text = reply->root.text;
  return reply->root.type == AC_REDIS_ERROR && strncmp(text, code, len) == 0 &&
         (text[len] == ' ' || text[len] == '\0');
}
