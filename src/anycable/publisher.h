/* Publishes by the library, waits until everything has its fate, and says what
 * that was. */
#ifndef TOOL_PUBLISHER_H
#define TOOL_PUBLISHER_H

#include "progress.h"
#include "settings.h"
#include "text.h"

struct publisher {
  anycable_config *config;
  anycable_broadcaster *broadcaster;
  int64_t timeout_ms;
  struct progress progress;
  uint64_t refused; /* for want of room, so far */

  /* What has had its fate, and since when it is so much. */
  uint64_t settled;
  int64_t settled_at;
  bool stuck; /* for longer than the timeout */

  /* The broadcaster's thread counts here, until the broadcaster is freed. */
  uint64_t fates[ANYCABLE_FATE_UNKNOWN + 1];
  uint64_t receivers;
  bool receivers_known;
  char reason[ERROR_SIZE]; /* why the first was not published */
};

/* Reads the environment. False: the mistake has been told. */
bool publisher_init(struct publisher *publisher, struct args *args);
void publisher_deinit(struct publisher *publisher);

/* Behind all flags; connects nowhere yet. False: the mistake has been told. */
bool publisher_open(struct publisher *publisher, struct args *args);

struct publication {
  anycable_str stream, data;
  bool is_string; /* |data| is no JSON, but the text itself */
  anycable_publish_options options;
};

/* As anycable_broadcaster_publish(), and waits for room where there is none;
 * ANYCABLE_ERR_TIMEOUT where nothing moves. */
int publisher_publish(struct publisher *publisher,
                      const struct publication *publication);

/* Waits until everything has its fate, and prints "published 3 (2 receivers)"
 * on standard output, and on standard error what else became of them. Returns
 * the exit status. |batch| is how many messages went out as one, 0 for none. */
int publisher_finish(struct publisher *publisher, const struct args *args,
                     uint64_t batch);

#endif
