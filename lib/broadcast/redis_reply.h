/* Reading Redis' replies, by hiredis' reader with objects of our own, which are
 * not allocated: a reply is looked at and forgotten. What we ask for is flat,
 * so of arrays only the first values are kept. */
#ifndef AC_BROADCAST_REDIS_REPLY_H
#define AC_BROADCAST_REDIS_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ac_redis_type {
  AC_REDIS_NIL,
  AC_REDIS_STATUS,
  AC_REDIS_ERROR,
  AC_REDIS_INTEGER,
  AC_REDIS_STRING,
  AC_REDIS_ARRAY
};

struct ac_redis_value {
  enum ac_redis_type type;
  int64_t integer; /* INTEGER: the number; ARRAY: how many values */
  char text[256];  /* STATUS, ERROR, STRING: as much as fits; else empty. For
                      people: valid UTF-8 without control characters, but for
                      a STRING that is a reply of its own */
};

struct ac_redis_reply {
  struct ac_redis_value root;
  struct ac_redis_value items[2]; /* of an ARRAY; NIL where there is none */
};

struct ac_redis_reader;

struct ac_redis_reader *ac_redis_reader_new(void);
void ac_redis_reader_free(struct ac_redis_reader *reader);

/* Takes what was received. False if that is no Redis, or a reply is too large:
 * see ac_redis_reader_error. */
bool ac_redis_reader_feed(struct ac_redis_reader *reader, const char *data,
                          size_t len);

/* The next reply in |*reply|, valid until the next call, or NULL where none is
 * complete. False as above. */
bool ac_redis_reader_next(struct ac_redis_reader *reader,
                          const struct ac_redis_reply **reply);

/* True if something was received that is no complete reply yet. */
bool ac_redis_reader_partial(const struct ac_redis_reader *reader);

/* What is wrong with what was received; never NULL. */
const char *ac_redis_reader_error(const struct ac_redis_reader *reader);

/* Is |reply| an error that begins with the words |code|? */
bool ac_redis_reply_is_error(const struct ac_redis_reply *reply,
                             const char *code);

#endif
