/* `anycable sign` and `anycable verify`: names of streams, as clients show them
 * to AnyCable. */
#include "command.h"
#include "settings.h"
#include "signing.h"

#include <string.h>

enum { FLAG_IDENTIFIER };

static const struct flag sign_flags[] = {
    {FLAG_IDENTIFIER, "identifier", "[=CHANNEL]",
     "print the whole identifier to subscribe with; CHANNEL\n"
     "is pubsub, turbo or cable-ready [pubsub]"},
    {0, NULL, NULL, NULL}};

static const struct flag verify_flags[] = {{0, NULL, NULL, NULL}};

enum { NO_CHANNEL = -1 };

struct invocation {
  anycable_config *config;
  const char *operand;
  int channel; /* an anycable_stream_channel */
};

static bool take_channel(struct invocation *in, struct args *args,
                         const char *value) {
  static const char *const names[] = {[ANYCABLE_STREAM_PUBSUB] = "pubsub",
                                      [ANYCABLE_STREAM_TURBO] = "turbo",
                                      [ANYCABLE_STREAM_CABLE_READY] =
                                          "cable-ready"};

  for (int i = 0; i < (int)(sizeof names / sizeof names[0]); i++)
    if (!value || strcmp(value, names[i]) == 0) {
      in->channel = i;
      return true;
    }
  return args_fail(args,
                   "--identifier takes pubsub, turbo or cable-ready, not "
                   "\"%s\"",
                   value);
}

/* What is one too many is not repeated: it may be a secret. */
static bool take_operand(struct args *args, const char *value, void *ctx) {
  struct invocation *in = ctx;

  if (in->operand)
    return args_fail(args, "one argument too many");
  in->operand = value;
  return true;
}

static bool take_flag(struct args *args, int id, const char *value, void *ctx) {
  struct invocation *in = ctx;

  return id == FLAG_IDENTIFIER ? take_channel(in, args, value)
                               : settings_set_flag(in->config, args, id, value);
}

static bool take_all(struct invocation *in, struct args *args,
                     const char *what) {
  return args_read(args, take_operand, take_flag, in) &&
         (in->operand || args_fail(args, "%s is missing", what));
}

static int print(char *text) {
  puts(text);
  anycable_free(text);
  return EXIT_DONE;
}

static int sign(struct args *args, const anycable_signer *signer,
                anycable_str stream, void *ctx) {
  const struct invocation *in = ctx;
  char *text;
  int error =
      in->channel == NO_CHANNEL
          ? anycable_stream_sign(signer, stream, &text)
          : anycable_stream_identifier(signer, in->channel, stream, &text);

  if (error == ANYCABLE_OK)
    return print(text);
  if (error == ANYCABLE_ERR_INVALID)
    args_fail(args, "STREAM is empty");
  else if (error == ANYCABLE_ERR_ENCODING)
    args_fail(args, "STREAM is not valid UTF-8, or has a NUL");
  else if (error == ANYCABLE_ERR_LIMIT)
    args_fail(args, "STREAM is too long");
  else
    args_fail(args, "%s", anycable_strerror(error));
  return args->status;
}

static const char *refusal(int error) {
  switch (error) {
  case ANYCABLE_ERR_SIGNATURE:
    return "it was signed with another secret, or forged";
  case ANYCABLE_ERR_PROTO:
    return "it is no signed name of a stream";
  case ANYCABLE_ERR_LIMIT:
    return "it is longer than 8 KiB";
  default:
    return anycable_strerror(error);
  }
}

static int verify(struct args *args, const anycable_signer *signer,
                  anycable_str name, void *ctx) {
  char *stream;
  int error = anycable_stream_verify(signer, name, &stream);

  (void)args, (void)ctx;
  if (error == ANYCABLE_OK)
    return print(stream);
  fprintf(stderr, "anycable verify: %s\n", refusal(error));
  return EXIT_REFUSED;
}

/* Both commands, but for what they do with the operand, which is |what|. */
static int run(struct args *args, const char *what,
               int (*act)(struct args *args, const anycable_signer *signer,
                          anycable_str text, void *ctx)) {
  struct invocation in = {.config = settings_new(args), .channel = NO_CHANNEL};
  struct signing signing = {.new_signer = anycable_signer_new_streams,
                            .variable = "ANYCABLE_STREAMS_SECRET",
                            .act = act,
                            .ctx = &in};

  if (!in.config)
    return args->status;
  if (take_all(&in, args, what)) {
    signing.operand = in.operand;
    args->status = signing_run(args, in.config, &signing);
  }
  anycable_config_free(in.config);
  return args->status;
}

static int run_sign(struct args *args) {
  return run(args, "STREAM", sign);
}

static int run_verify(struct args *args) {
  return run(args, "SIGNED_NAME", verify);
}

const struct command sign_command = {
    .name = "sign",
    .operands = "STREAM|- [FLAG]...",
    .summary = "sign the name of a stream",
    .about = "Signs the name of a stream, which clients then show to AnyCable "
             "to subscribe\nto it without asking the backend, and prints it.\n"
             "\nThe secret is in ANYCABLE_STREAMS_SECRET or "
             "ANYCABLE_SECRET.\n" SETTINGS_ABOUT_SECRETS,
    .flags = sign_flags,
    .more_flags = stream_flags,
    .more = "exit status:\n"
            "  0  printed\n"
            "  2  the arguments make no sense, or there is no secret\n\n"
            "examples:\n"
            "  anycable sign chat/42\n"
            "  anycable sign --identifier=turbo chat:42\n",
    .run = run_sign,
};

const struct command verify_command = {
    .name = "verify",
    .operands = "SIGNED_NAME|- [FLAG]...",
    .summary = "check the signed name of a stream",
    .about = "Checks the signed name of a stream, and prints the stream.\n\n"
             "The secret is in ANYCABLE_STREAMS_SECRET or "
             "ANYCABLE_SECRET.\n" SETTINGS_ABOUT_SECRETS,
    .flags = verify_flags,
    .more_flags = stream_flags,
    .more = "exit status:\n"
            "  0  it is signed with the secret\n"
            "  1  it is not\n"
            "  2  the arguments make no sense, or there is no secret\n\n"
            "example:\n"
            "  anycable verify \"$(anycable sign chat/42)\"\n",
    .run = run_verify,
};
