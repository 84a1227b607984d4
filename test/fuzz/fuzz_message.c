/* Publications: any bytes as stream and data. What is accepted is read again by
 * cJSON: the payload must be JSON, its texts those that went in, and its data
 * what a client is to get. Sizes are told to the byte. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/json.h"
#include "broadcast/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition, const char *what) {
  if (condition)
    return;
  fprintf(stderr, "fuzz_message: %s\n", what);
  abort();
}

/* Is it a string of just these bytes? */
static void require_text(const cJSON *item, anycable_str text,
                         const char *what) {
  const char *value = cJSON_GetStringValue(item);
  require(value && strlen(value) == text.len &&
              memcmp(value, text.ptr, text.len) == 0,
          what);
}

/* Integers as strings change the data, but not its kind. */
static void check_data(const cJSON *item, const struct ac_message *message) {
  const char *text = cJSON_GetStringValue(item);
  require(text != NULL, "data is no string");
  if (message->string) {
    cJSON *inner = cJSON_ParseWithOpts(text, NULL, 1);
    require_text(inner, message->data, "a string is not what it was");
    cJSON_Delete(inner);
  } else if (message->options.big_integers ==
             ANYCABLE_BIG_INTEGERS_AS_THEY_ARE) {
    require_text(item, message->data, "JSON is not what it was");
  } else {
    /* Not cJSON, which takes no lone surrogates. */
    require(ac_json_check(anycable_str_of(text), 64) == 0,
            "data is not JSON any more");
  }
}

static void check_payload(const char *payload,
                          const struct ac_message *message) {
  cJSON *tree = cJSON_ParseWithOpts(payload, NULL, 1);
  require(tree != NULL, "the payload is not JSON");
  require_text(cJSON_GetObjectItemCaseSensitive(tree, "stream"),
               message->stream, "the stream is not what it was");
  check_data(cJSON_GetObjectItemCaseSensitive(tree, "data"), message);
  const cJSON *meta = cJSON_GetObjectItemCaseSensitive(tree, "meta");
  if (message->options.exclude_socket.len > 0)
    require_text(cJSON_GetObjectItemCaseSensitive(meta, "exclude_socket"),
                 message->options.exclude_socket, "exclude_socket");
  cJSON_Delete(tree);
}

static void try_message(anycable_str stream, anycable_str data, bool string,
                        int big_integers) {
  struct ac_message message;
  const anycable_publish_options options = {.size = sizeof(options),
                                            .exclude_socket = stream,
                                            .transient = string,
                                            .big_integers = big_integers};
  if (ac_message_init(&message, stream, data, string, &options) != 0 ||
      ac_message_check(&message, 64) != 0)
    return;
  size_t size = ac_message_size(&message);
  char *payload = malloc(size + 1);
  require(payload != NULL, "out of memory");
  payload[size] = '\0';
  require(ac_message_write(&message, payload) == payload + size,
          "the size is not what was written");
  require(payload[size] == '\0', "written beyond the size");
  check_payload(payload, &message);
  free(payload);
}

/* The first byte says how long the stream is. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const char *text = (const char *)data;
  if (size == 0)
    return 0;
  size_t len = data[0] % 8 < size ? data[0] % 8 : size - 1;
  const anycable_str stream = {text + 1, len};
  const anycable_str rest = {text + 1 + len, size - 1 - len};
  const anycable_str all = {text, size};
  try_message(stream, rest, true, 0);
  try_message(stream, rest, false, ANYCABLE_BIG_INTEGERS_AS_STRINGS);
  try_message(ANYCABLE_STR("s"), all, true, 0);
  for (int big = ANYCABLE_BIG_INTEGERS_REFUSED;
       big <= ANYCABLE_BIG_INTEGERS_AS_THEY_ARE; big++)
    try_message(ANYCABLE_STR("s"), all, false, big);
  return 0;
}
