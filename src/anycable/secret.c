/* `anycable secret`: keys that AnyCable derives from the application's secret.
 */
#include "command.h"

#include <anycable/token.h>

#include <stdlib.h>
#include <string.h>

enum { FLAG_SECRET };

static const struct flag flags[] = {
    {FLAG_SECRET, "secret", "SECRET", "the application's secret"},
    {0, NULL, NULL, NULL}};

struct invocation {
  const char *phrase, *secret;
};

/* What is one too many is not repeated: it may be the secret. */
static bool take_operand(struct args *args, const char *value, void *ctx) {
  struct invocation *in = ctx;

  if (in->phrase)
    return args_fail(args, "one argument too many");
  in->phrase = value;
  return true;
}

/* There is but one. */
static bool take_flag(struct args *args, int id, const char *value, void *ctx) {
  struct invocation *in = ctx;

  (void)args, (void)id;
  in->secret = value;
  return true;
}

static bool take_all(struct invocation *in, struct args *args) {
  if (!args_read(args, take_operand, take_flag, in))
    return false;
  if (!in->phrase || !*in->phrase)
    return args_fail(args, "PHRASE is missing");
  return (in->secret && *in->secret) ||
         args_fail(args, "there is no secret: set ANYCABLE_SECRET");
}

static int run(struct args *args) {
  struct invocation in = {.secret = getenv("ANYCABLE_SECRET")};
  char *key;
  int error;

  if (!take_all(&in, args))
    return args->status;
  error = anycable_secret_derive(anycable_str_of(in.secret),
                                 anycable_str_of(in.phrase), &key);
  if (error != ANYCABLE_OK) {
    args_fail(args, "%s", anycable_strerror(error));
    return args->status;
  }
  puts(key);
  anycable_free(key);
  return EXIT_DONE;
}

const struct command secret_command = {
    .name = "secret",
    .operands = "PHRASE [FLAG]...",
    .summary = "derive a key from the application's secret",
    .about = "Derives a key from the application's secret, as AnyCable does, "
             "and prints it.\nPHRASE says what for: " ANYCABLE_PHRASE_BROADCAST
             ", " ANYCABLE_PHRASE_RPC " or " ANYCABLE_PHRASE_API ".\n\n"
             "The secret is in ANYCABLE_SECRET. A flag can be seen by other "
             "users of the\nmachine.\n",
    .flags = flags,
    .more = "exit status:\n"
            "  0  printed\n"
            "  2  the arguments make no sense, or there is no secret\n\n"
            "example:\n"
            "  anycable secret " ANYCABLE_PHRASE_BROADCAST "\n",
    .run = run,
};
