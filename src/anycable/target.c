/* ADDRESS and the flags of connecting; what health and call share. */
#include "target.h"
#include "wait.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum {
  FLAG_TIMEOUT = 1000, /* out of the way of the commands' own */
  FLAG_METADATA,
  FLAG_TLS,
  FLAG_CA,
  FLAG_SERVER_NAME,
  FLAG_SKIP_VERIFY
};

const struct flag target_flags[] = {
    {FLAG_TIMEOUT, "timeout", "SECONDS", "how long everything may take [3]"},
    {FLAG_METADATA, "metadata", "NAME=VALUE",
     "send this gRPC metadata; may be given several times"},
    {FLAG_TLS, "tls", NULL, "use TLS, and trust the system's authorities"},
    {FLAG_CA, "ca", "FILE", "use TLS, and trust the authorities in FILE (PEM)"},
    {FLAG_SERVER_NAME, "server-name", "NAME",
     "use TLS, and expect a certificate for NAME; by\n"
     "default for the host of ADDRESS"},
    {FLAG_SKIP_VERIFY, "tls-skip-verify", NULL,
     "use TLS, and accept any certificate: anybody can\n"
     "be in between"},
    {0, NULL, NULL, NULL}};

void target_init(struct target *target, int64_t timeout_ms) {
  memset(target, 0, sizeof *target);
  target->timeout_ms = timeout_ms;
}

void target_deinit(struct target *target) {
  for (size_t i = 0; i < target->metadata_count; i++)
    free((char *)(uintptr_t)target->metadata[i].name);
  free(target->metadata);
  tls_free(target->tls_context);
}

bool target_set_address(struct target *target, struct args *args,
                        const char *text) {
  target->has_address = address_parse(&target->address, text);
  if (!target->has_address)
    args_fail(args, "ADDRESS is %s, not \"%s\"", ADDRESS_FORMS, text);
  return target->has_address;
}

/* What gRPC allows in a name, and what is not its own. */
static bool is_metadata_name(const char *name) {
  static const char allowed[] = "0123456789abcdefghijklmnopqrstuvwxyz_-.";

  return *name && name[strspn(name, allowed)] == '\0' &&
         strncmp(name, "grpc-", 5) != 0 && strcmp(name, "te") != 0 &&
         strcmp(name, "content-type") != 0 && strcmp(name, "user-agent") != 0;
}

/* HTTP strips spaces at the ends, so they would not arrive. */
static bool is_metadata_value(const char *value) {
  size_t len = strlen(value);

  for (size_t i = 0; i < len; i++)
    if (value[i] < 0x20 || value[i] > 0x7e)
      return false;
  return len == 0 || (value[0] != ' ' && value[len - 1] != ' ');
}

/* |name| is taken. */
static void add_metadata(struct target *target, char *name, const char *value) {
  size_t n = target->metadata_count++;

  target->metadata =
      text_must(realloc(target->metadata, (n + 1) * sizeof *target->metadata));
  target->metadata[n] = (struct grpc_metadata){name, value};
}

bool target_add_metadata(struct target *target, struct args *args,
                         const char *flag, const char *name,
                         const char *value) {
  if (!is_metadata_value(value))
    return args_fail(
        args, "--%s takes printable ASCII without spaces at its ends", flag);
  if (*value)
    add_metadata(target, text_must(strdup(name)), value);
  return true;
}

static bool parse_metadata(struct target *target, struct args *args,
                           const char *text) {
  size_t len = strcspn(text, "=");
  char *name;

  if (text[len] == '\0')
    return args_fail(args, "--metadata takes NAME=VALUE, not \"%s\"", text);
  name = text_must(strndup(text, len));
  for (char *c = name; *c; c++)
    *c = (char)tolower((unsigned char)*c);
  if (!is_metadata_name(name)) {
    args_fail(args,
              "--metadata: \"%s\" cannot be a name; letters, digits, \"_\", "
              "\"-\" and \".\" are allowed, names of gRPC itself are not",
              name);
    free(name);
    return false;
  }
  if (!is_metadata_value(text + len + 1)) {
    args_fail(args,
              "--metadata: the value of \"%s\" must be printable ASCII without "
              "spaces at its ends",
              name);
    free(name);
    return false;
  }
  add_metadata(target, name, text + len + 1);
  return true;
}

bool target_set_flag(struct target *target, struct args *args, int id,
                     const char *value) {
  switch (id) {
  case FLAG_TIMEOUT:
    return args_timeout(args, value, &target->timeout_ms);
  case FLAG_METADATA:
    return parse_metadata(target, args, value);
  case FLAG_CA:
    target->ca = value;
    break;
  case FLAG_SERVER_NAME:
    target->server_name = value;
    if (*value && strlen(value) < sizeof target->address.host)
      break;
    return args_fail(args, "--server-name takes a host name");
  case FLAG_SKIP_VERIFY:
    target->skip_verify = true;
    break;
  default: /* FLAG_TLS */
    break;
  }
  target->tls = true;
  return true;
}

bool target_check(struct target *target, struct args *args) {
  char error[ERROR_SIZE];

  if (!target->has_address)
    return args_fail(args, "ADDRESS is missing: %s", ADDRESS_FORMS);
  if (target->ca && target->skip_verify)
    return args_fail(args, "--ca and --tls-skip-verify contradict each other");
  if (!target->tls)
    return true;
  target->tls_context =
      tls_new(target->ca, !target->skip_verify, target->server_name, error);
  if (target->tls_context)
    return true;
  return args_fail(args, "--ca %s: %s",
                   target->ca ? target->ca : "of the system", error);
}

bool target_call(struct target *target, struct grpc_call *call, bool stream,
                 struct grpc_status *status) {
  struct grpc_client *client;
  bool ok;

  call->metadata = target->metadata;
  call->metadata_count = target->metadata_count;
  call->deadline =
      target->timeout_ms < 0 ? -1 : clock_now() + target->timeout_ms;
  client = grpc_client_new(&target->address, target->tls_context,
                           call->deadline, status);
  if (!client)
    return false;
  ok = stream ? grpc_client_stream(client, call, status)
              : grpc_client_unary(client, call, status);
  grpc_client_free(client);
  return ok;
}
