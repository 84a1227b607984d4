/* Publishes what it is told on standard input, with any option, and says what
 * the calls returned.
 *
 * A command is a line with its name and the number of its fields, then for each
 * field a line with its name and its length, and its bytes, and a newline:
 *
 *   publish 2
 *   stream 4
 *   news
 *   data 4
 *   true
 *
 * The answer is a line: {"result":0}, or the counts for "counts". The end of
 * standard input frees the broadcaster. */
#include "common.h"

enum { MAX_FIELDS = 16 };

typedef struct field {
  char name[32];
  anycable_str value;
} field;

typedef struct command {
  char name[32];
  int count;
  field fields[MAX_FIELDS];
} command;

/* --- reading -------------------------------------------------------------- */

static bool read_field(field *f) {
  size_t len;
  if (scanf("%31s %zu", f->name, &len) != 2 || getchar() != '\n')
    return false;
  char *bytes = malloc(len + 1);
  if (!bytes || fread(bytes, 1, len, stdin) != len || getchar() != '\n')
    abort();
  bytes[len] = '\0';
  f->value = (anycable_str){bytes, len};
  return true;
}

static bool read_command(command *c) {
  int fields;
  c->count = 0;
  if (scanf("%31s %d", c->name, &fields) != 2 || fields > MAX_FIELDS)
    return false;
  while (c->count < fields)
    if (!read_field(&c->fields[c->count++]))
      return false;
  return true;
}

static void free_fields(command *c) {
  for (int i = 0; i < c->count; i++)
    free((char *)c->fields[i].value.ptr);
}

static anycable_str get(const command *c, const char *name) {
  for (int i = 0; i < c->count; i++)
    if (!strcmp(c->fields[i].name, name))
      return c->fields[i].value;
  return ANYCABLE_STR("");
}

static int number(const command *c, const char *name) {
  anycable_str text = get(c, name);
  return text.len ? atoi(text.ptr) : 0;
}

/* --- doing ---------------------------------------------------------------- */

static anycable_publish_options options_of(const command *c) {
  return (anycable_publish_options){
      .size = sizeof(anycable_publish_options),
      .exclude_socket = get(c, "exclude_socket"),
      .broadcast_type = get(c, "broadcast_type"),
      .transient = number(c, "transient"),
      .immediate = number(c, "immediate"),
      .big_integers = number(c, "big_integers"),
  };
}

static int run(anycable_broadcaster *b, const command *c) {
  anycable_publish_options how = options_of(c);
  if (!strcmp(c->name, "publish"))
    return anycable_broadcaster_publish(b, get(c, "stream"), get(c, "data"),
                                        &how);
  if (!strcmp(c->name, "string"))
    return anycable_broadcaster_publish_string(b, get(c, "stream"),
                                               get(c, "data"), &how);
  if (!strcmp(c->name, "disconnect"))
    return anycable_broadcaster_disconnect(b, get(c, "identifiers"),
                                           number(c, "reconnect"));
  if (!strcmp(c->name, "begin"))
    return anycable_broadcaster_begin_batch(b);
  if (!strcmp(c->name, "end"))
    return anycable_broadcaster_end_batch(b);
  if (!strcmp(c->name, "flush"))
    return anycable_broadcaster_flush(b, number(c, "ms"));
  if (!strcmp(c->name, "counts"))
    return ANYCABLE_OK;
  fprintf(stderr, "no command %s\n", c->name);
  abort();
}

static void answer(anycable_broadcaster *b, const command *c) {
  printf("{\"result\":%d", run(b, c));
  if (!strcmp(c->name, "counts")) {
    anycable_broadcast_counts counts = read_counts(b);
    printf(",");
    print_counts(&counts);
  }
  printf("}\n");
  fflush(stdout);
}

int main(void) {
  anycable_config *config = anycable_config_new();
  anycable_broadcaster *broadcaster = open_broadcaster(config);
  anycable_config_free(config);
  if (!broadcaster)
    return 1;
  static command c;
  while (read_command(&c)) {
    answer(broadcaster, &c);
    free_fields(&c);
  }
  anycable_broadcaster_free(broadcaster);
  return 0;
}
