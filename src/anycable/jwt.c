/* `anycable jwt`: tokens that let clients in without asking the backend. */
#include "command.h"
#include "json.h"
#include "settings.h"
#include "signing.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { FLAG_TTL };

static const struct flag flags[] = {
    {FLAG_TTL, "ttl", "SECONDS",
     "how long the token is valid, 0: for ever; in encode\n"
     "[ANYCABLE_JWT_TTL, or 3600]"},
    {0, NULL, NULL, NULL}};

struct invocation {
  anycable_config *config;
  const char *action, *operand, *ttl;
};

static bool take_operand(struct args *args, const char *value, void *ctx) {
  struct invocation *in = ctx;

  if (!in->action)
    in->action = value;
  else if (!in->operand)
    in->operand = value;
  else /* not repeated: it may be a secret */
    return args_fail(args, "one argument too many");
  return true;
}

static bool take_flag(struct args *args, int id, const char *value, void *ctx) {
  struct invocation *in = ctx;

  if (id != FLAG_TTL)
    return settings_set_flag(in->config, args, id, value);
  in->ttl = value;
  return true;
}

static bool check(const struct invocation *in, struct args *args) {
  bool encode = in->action && strcmp(in->action, "encode") == 0;

  if (!encode && (!in->action || strcmp(in->action, "decode") != 0))
    return args_fail(args, "encode or decode?");
  if (!in->operand)
    return args_fail(args, "%s missing",
                     encode ? "IDENTIFIERS are" : "TOKEN is");
  return encode || !in->ttl || args_fail(args, "--ttl is for encode");
}

/* Seconds that the config or --ttl says; -1: the mistake has been told. */
static int64_t read_ttl(const struct invocation *in, struct args *args) {
  const char *text =
      in->ttl ? in->ttl
              : anycable_config_get(in->config, ANYCABLE_SETTING_JWT_TTL);
  size_t len = strlen(text);

  if (len > 0 && len <= 9 && strspn(text, "0123456789") == len)
    return atoi(text);
  args_fail(args, "--ttl takes whole seconds, 0 to 999999999, not \"%s\"",
            text);
  return -1;
}

static const char *encode_refusal(int error) {
  switch (error) {
  case ANYCABLE_ERR_PROTO:
    return "IDENTIFIERS are not JSON";
  case ANYCABLE_ERR_ENCODING:
    return "IDENTIFIERS are not valid UTF-8";
  case ANYCABLE_ERR_LIMIT:
    return "IDENTIFIERS are too long, or nested too deeply";
  default:
    return anycable_strerror(error);
  }
}

static int encode(struct args *args, const anycable_signer *signer,
                  anycable_str identifiers, void *ctx) {
  const struct invocation *in = ctx;
  int64_t ttl = read_ttl(in, args);
  char *token;
  int error;

  if (ttl < 0)
    return args->status;
  error = anycable_jwt_encode(signer, identifiers, ttl, &token);
  if (error != ANYCABLE_OK) {
    args_fail(args, "%s", encode_refusal(error));
    return args->status;
  }
  puts(token);
  anycable_free(token);
  return EXIT_DONE;
}

static void print_claims(const char *identifiers, int64_t expires_at) {
  cJSON *tree = text_must(cJSON_CreateObject());
  char number[24];

  text_must(cJSON_AddStringToObject(tree, "identifiers", identifiers));
  snprintf(number, sizeof number, "%" PRId64, expires_at);
  text_must(
      cJSON_AddRawToObject(tree, "expires_at", expires_at ? number : "null"));
  json_print(stdout, tree);
  cJSON_Delete(tree);
}

static void print_expired(int64_t expires_at) {
  char when[64] = "";
  time_t time_at = (time_t)expires_at;
  struct tm utc;

  /* 0: never, so that is not why. */
  if (expires_at == 0 || expires_at > time(NULL)) {
    fprintf(stderr, "anycable jwt: the token is not valid yet\n");
    return;
  }
  if (gmtime_r(&time_at, &utc))
    strftime(when, sizeof when, " at %Y-%m-%d %H:%M:%S UTC", &utc);
  fprintf(stderr, "anycable jwt: the token has expired%s\n", when);
}

static const char *decode_refusal(int error) {
  switch (error) {
  case ANYCABLE_ERR_SIGNATURE:
    return "the token was signed with another secret, or forged";
  case ANYCABLE_ERR_PROTO:
    return "this is no token: a JWT by HS256 whose \"ext\" is a string";
  case ANYCABLE_ERR_LIMIT:
    return "the token is longer than 8 KiB, or nested too deeply";
  default:
    return anycable_strerror(error);
  }
}

static int decode(struct args *args, const anycable_signer *signer,
                  anycable_str token, void *ctx) {
  char *identifiers;
  int64_t expires_at;
  int error = anycable_jwt_decode(signer, token, &identifiers, &expires_at);

  (void)args, (void)ctx;
  if (error == ANYCABLE_OK) {
    print_claims(identifiers, expires_at);
    anycable_free(identifiers);
    return EXIT_DONE;
  }
  if (error == ANYCABLE_ERR_EXPIRED)
    print_expired(expires_at);
  else
    fprintf(stderr, "anycable jwt: %s\n", decode_refusal(error));
  return EXIT_REFUSED;
}

static int run(struct args *args) {
  struct invocation in = {.config = settings_new(args)};
  struct signing signing = {.new_signer = anycable_signer_new_jwt,
                            .variable = "ANYCABLE_JWT_SECRET",
                            .ctx = &in};

  if (!in.config)
    return args->status;
  if (args_read(args, take_operand, take_flag, &in) && check(&in, args)) {
    signing.operand = in.operand;
    signing.act = strcmp(in.action, "encode") == 0 ? encode : decode;
    args->status = signing_run(args, in.config, &signing);
  }
  anycable_config_free(in.config);
  return args->status;
}

const struct command jwt_command = {
    .name = "jwt",
    .operands = "encode IDENTIFIERS|- [FLAG]...\n"
                "       anycable jwt decode TOKEN|- [FLAG]...",
    .summary = "make a token for a client, or read one",
    .about =
        "Makes a token (JWT) for a client whose IDENTIFIERS, a JSON text, "
        "are known\nbeforehand, so that AnyCable lets it in without asking "
        "the backend:\nws://.../cable?jid=TOKEN. Or checks a token, and "
        "prints what it says as JSON.\n"
        "\nThe secret is in ANYCABLE_JWT_SECRET or "
        "ANYCABLE_SECRET.\n" SETTINGS_ABOUT_SECRETS,
    .flags = flags,
    .more_flags = jwt_flags,
    .more = "exit status:\n"
            "  0  printed\n"
            "  1  decode: the token has expired, is forged, or is none\n"
            "  2  the arguments make no sense, or there is no secret\n\n"
            "examples:\n"
            "  anycable jwt encode '{\"user\":\"jack\"}' --ttl 600\n"
            "  anycable jwt decode - < token\n",
    .run = run,
};
