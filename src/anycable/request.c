/* Flags become a tree like that of a file, and both are merged into the message
 * in turn: so flags win, and there is one set of rules. */
#include "request.h"
#include "json.h"

#include "rpc.pb-c.h"

#include <stdlib.h>
#include <string.h>

const struct request_method request_methods[METHOD_COUNT] = {
    {"connect", "/anycable.RPC/Connect",
     &ac__pb__connection_request__descriptor,
     &ac__pb__connection_response__descriptor},
    {"command", "/anycable.RPC/Command", &ac__pb__command_message__descriptor,
     &ac__pb__command_response__descriptor},
    {"disconnect", "/anycable.RPC/Disconnect",
     &ac__pb__disconnect_request__descriptor,
     &ac__pb__disconnect_response__descriptor}};

enum kind { TEXT, PAIR, LIST };

/* How a flag becomes a field: what the field is called in each method's
 * request, NULL where there is none. Those of Env are in all three. */
static const struct {
  enum kind kind;
  bool in_env;
  const char *name[METHOD_COUNT];
} fields[REQUEST_CHANNEL] = {
    [REQUEST_URL] = {TEXT, true, {"url", "url", "url"}},
    [REQUEST_HEADER] = {PAIR, true, {"headers", "headers", "headers"}},
    [REQUEST_CSTATE] = {PAIR, true, {"cstate", "cstate", "cstate"}},
    [REQUEST_ISTATE] = {PAIR, true, {"istate", "istate", "istate"}},
    [REQUEST_IDENTIFIERS] = {TEXT,
                             false,
                             {NULL, "connection_identifiers", "identifiers"}},
    [REQUEST_COMMAND] = {TEXT, false, {NULL, "command", NULL}},
    [REQUEST_IDENTIFIER] = {TEXT, false, {NULL, "identifier", NULL}},
    [REQUEST_DATA] = {TEXT, false, {NULL, "data", NULL}},
    [REQUEST_SUBSCRIPTION] = {LIST, false, {NULL, NULL, "subscriptions"}},
};

/* The member |name| of |object|, which is made where there is none. */
static cJSON *member(cJSON *object, const char *name, cJSON *(*make)(void)) {
  cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);

  if (!item) {
    item = text_must(make());
    cJSON_AddItemToObject(object, name, item);
  }
  return item;
}

static void set_text(cJSON *object, const char *name, const char *text) {
  cJSON_DeleteItemFromObjectCaseSensitive(object, name);
  text_must(cJSON_AddStringToObject(object, name, text));
}

/* --|flag| sets the field |field|, which |method| has not. */
static bool fail_misplaced(struct args *args, const struct flag *flag,
                           int field, int method) {
  char owners[64] = "";

  for (int m = 0; m < METHOD_COUNT; m++)
    if (fields[field].name[m]) {
      size_t used = strlen(owners);
      snprintf(owners + used, sizeof owners - used, "%s%s", used ? " and " : "",
               request_methods[m].name);
    }
  return args_fail(args, "%s has no --%s; it belongs to %s",
                   request_methods[method].name, flag->name, owners);
}

/* Adds what --|flag| |value| means to |request|, a tree as a file holds it. */
static bool set_field(cJSON *request, int method, struct args *args,
                      const struct flag *flag, const char *value) {
  const char *name = fields[flag->id].name[method], *equals;
  char *key;

  if (!name)
    return fail_misplaced(args, flag, flag->id, method);
  if (fields[flag->id].in_env)
    request = member(request, "env", cJSON_CreateObject);
  switch (fields[flag->id].kind) {
  case TEXT:
    set_text(request, name, value);
    return true;
  case LIST:
    cJSON_AddItemToArray(member(request, name, cJSON_CreateArray),
                         text_must(cJSON_CreateString(value)));
    return true;
  case PAIR:
    break;
  }
  equals = strchr(value, '=');
  if (!equals)
    return args_fail(args, "--%s takes %s, not \"%s\"", flag->name,
                     flag->argument, value);
  key = text_must(strndup(value, (size_t)(equals - value)));
  set_text(member(request, name, cJSON_CreateObject), key, equals + 1);
  free(key);
  return true;
}

/* --channel: the identifier that most subscriptions have. */
static bool set_channel(cJSON *request, int method, struct args *args,
                        const struct flag *flag, const char *channel) {
  cJSON *identifier;
  char *text;

  if (method != COMMAND)
    return fail_misplaced(args, flag, REQUEST_IDENTIFIER, method);
  identifier = text_must(cJSON_CreateObject());
  set_text(identifier, "channel", channel);
  text = text_must(cJSON_PrintUnformatted(identifier));
  set_text(request, "identifier", text);
  free(text);
  cJSON_Delete(identifier);
  return true;
}

static bool merge_file(ProtobufCMessage *request, struct args *args,
                       const char *path) {
  const char *name = strcmp(path, "-") == 0 ? "standard input" : path;
  char error[ERROR_SIZE];
  cJSON *tree = json_read(path, error);
  bool ok = tree && message_merge(request, tree, error);

  if (!ok)
    args_fail(args, "%s: %s", name, error);
  cJSON_Delete(tree);
  return ok;
}

static bool merge_flags(ProtobufCMessage *request, struct args *args,
                        int method, const struct request_flag *given,
                        size_t count) {
  cJSON *tree = text_must(cJSON_CreateObject());
  char error[ERROR_SIZE];
  bool ok = true;

  /* The server always sends an Env, and so do we. */
  member(tree, "env", cJSON_CreateObject);
  for (size_t i = 0; ok && i < count; i++) {
    const struct flag *flag = given[i].flag;
    ok = flag->id == REQUEST_CHANNEL
             ? set_channel(tree, method, args, flag, given[i].value)
             : set_field(tree, method, args, flag, given[i].value);
  }
  if (ok && !message_merge(request, tree, error))
    ok = args_fail(args, "%s", error);
  cJSON_Delete(tree);
  return ok;
}

/* An empty name is sent to those who ask for it, not to those who forgot. */
static bool check_command(const ProtobufCMessage *request, struct args *args,
                          const struct request_flag *given, size_t count) {
  const Ac__Pb__CommandMessage *message =
      (const Ac__Pb__CommandMessage *)request;

  for (size_t i = 0; i < count; i++)
    if (given[i].flag->id == REQUEST_COMMAND)
      return true;
  return message->command[0] != '\0' ||
         args_fail(args, "which command? --command subscribe, unsubscribe, "
                         "message or another");
}

ProtobufCMessage *request_new(struct args *args, int method, const char *file,
                              const struct request_flag *given, size_t count) {
  ProtobufCMessage *request = message_new(request_methods[method].request);

  if ((!file || merge_file(request, args, file)) &&
      merge_flags(request, args, method, given, count) &&
      (method != COMMAND || check_command(request, args, given, count)))
    return request;
  message_free(request);
  return NULL;
}
