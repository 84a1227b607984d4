/* `anycable call`: makes one RPC of the service anycable.RPC, as the WebSocket
 * server would, and prints the answer. */
#include "command.h"
#include "json.h"
#include "message.h"
#include "request.h"
#include "target.h"

#include "rpc.pb-c.h"

#include <stdlib.h>
#include <string.h>

enum { FLAG_SID = REQUEST_FLAGS_END, FLAG_PROTOV };

static const struct flag flags[] = {
    {REQUEST_URL, "url", "URL", "the URL by which the client came"},
    {REQUEST_HEADER, "header", "NAME=VALUE",
     "a header of the client, such as cookie=a=b;\n"
     "may be given several times, as all with NAME="},
    {REQUEST_CSTATE, "cstate", "KEY=VALUE", "state of the connection"},
    {REQUEST_ISTATE, "istate", "KEY=VALUE",
     "state of the subscription; in disconnect, KEY is a\n"
     "subscription, and VALUE its state as JSON"},
    {REQUEST_IDENTIFIERS, "identifiers", "TEXT",
     "what connect answered; not in connect"},
    {REQUEST_COMMAND, "command", "NAME",
     "subscribe, unsubscribe, message or another"},
    {REQUEST_IDENTIFIER, "identifier", "TEXT", "the subscription; in command"},
    {REQUEST_CHANNEL, "channel", "NAME",
     "short for --identifier '{\"channel\":\"NAME\"}'"},
    {REQUEST_DATA, "data", "TEXT", "what the client sent; in command"},
    {REQUEST_SUBSCRIPTION, "subscription", "TEXT",
     "a subscription that the client held; in\n"
     "disconnect; may be given several times"},
    {FLAG_SID, "sid", "TEXT", "the client's session id [cli]; \"\" sends none"},
    {FLAG_PROTOV, "protov", "TEXT",
     "the protocol's version [v1]; \"\" sends none"},
    {0, NULL, NULL, NULL}};

/* What the command line asks for. The flags that set fields are kept until the
 * method is known. */
struct invocation {
  struct target target;
  int method; /* METHOD_COUNT: not known yet */
  const char *file;
  const char *sid, *protov;
  struct request_flag *given;
  size_t given_count;
};

static const struct flag *find_flag(int id) {
  const struct flag *flag = flags;

  while (flag->id != id)
    flag++;
  return flag;
}

static bool take_operand(struct args *args, const char *value, void *ctx) {
  struct invocation *in = ctx;

  if (!in->target.has_address)
    return target_set_address(&in->target, args, value);
  if (in->method == METHOD_COUNT) {
    for (in->method = 0; in->method < METHOD_COUNT; in->method++)
      if (strcmp(request_methods[in->method].name, value) == 0)
        return true;
    return args_fail(
        args, "the RPC is connect, command or disconnect, not \"%s\"", value);
  }
  if (in->file)
    return args_fail(args, "one argument too many: \"%s\"", value);
  in->file = value;
  return true;
}

static bool take_flag(struct args *args, int id, const char *value, void *ctx) {
  struct invocation *in = ctx;

  if (id == FLAG_SID) {
    in->sid = value;
  } else if (id == FLAG_PROTOV) {
    in->protov = value;
  } else if (id < REQUEST_FLAGS_END) {
    in->given[in->given_count].flag = find_flag(id);
    in->given[in->given_count++].value = value;
  } else {
    return target_set_flag(&in->target, args, id, value);
  }
  return true;
}

/* True where the arguments are read, and make sense one by one. */
static bool take_all(struct invocation *in, struct args *args) {
  if (!args_read(args, take_operand, take_flag, in))
    return false;
  if (in->target.has_address && in->method == METHOD_COUNT)
    return args_fail(args, "which RPC: connect, command or disconnect?");
  return target_check(&in->target, args) &&
         target_add_metadata(&in->target, args, "protov", "protov",
                             in->protov) &&
         target_add_metadata(&in->target, args, "sid", "sid", in->sid);
}

/* Unpacks the answer; |ctx| is where it is put. */
static bool take_answer(const uint8_t *data, size_t len,
                        struct grpc_status *status, void *ctx) {
  ProtobufCMessage **answer = ctx;
  const ProtobufCMessageDescriptor *type = (*answer)->descriptor;
  ProtobufCMessage *got = protobuf_c_message_unpack(type, NULL, len, data);
  const char *bad;

  if (!got)
    return grpc_status_set(status, GRPC_INTERNAL, "the answer is not a %s",
                           type->short_name);
  message_free(*answer);
  *answer = got;
  bad = message_bad_text(got);
  if (bad)
    return grpc_status_set(status, GRPC_INTERNAL,
                           "%s in the answer is not valid UTF-8: the WebSocket "
                           "server refuses that",
                           bad);
  return true;
}

static void print_answer(const ProtobufCMessage *answer) {
  cJSON *tree = message_to_json(answer);

  json_print(stdout, tree);
  cJSON_Delete(tree);
}

/* Status is field 1 of all three answers. */
static bool is_success(const ProtobufCMessage *answer) {
  const ProtobufCFieldDescriptor *field =
      protobuf_c_message_descriptor_get_field_by_name(answer->descriptor,
                                                      "status");
  Ac__Pb__Status status;

  memcpy(&status, (const char *)answer + field->offset, sizeof status);
  return status == AC__PB__STATUS__SUCCESS;
}

static int make_call(struct invocation *in, const ProtobufCMessage *request) {
  ProtobufCMessage *answer = message_new(request_methods[in->method].answer);
  size_t len = protobuf_c_message_get_packed_size(request);
  uint8_t *packed = text_must(malloc(len + 1));
  struct grpc_call call = {.method = request_methods[in->method].path,
                           .request = packed,
                           .request_len = len,
                           .on_message = take_answer,
                           .ctx = &answer};
  struct grpc_status status = {0};
  int result = EXIT_NO_ANSWER;

  protobuf_c_message_pack(request, packed);
  if (target_call(&in->target, &call, false, &status)) {
    print_answer(answer);
    result = is_success(answer) ? EXIT_DONE : EXIT_REFUSED;
  } else {
    grpc_status_print(stderr, &status);
  }
  free(packed);
  message_free(answer);
  return result;
}

static int run(struct args *args) {
  enum { DEFAULT_TIMEOUT_MS = 3000 }; /* as the server's */
  struct invocation in = {.method = METHOD_COUNT, .sid = "cli", .protov = "v1"};
  ProtobufCMessage *request = NULL;
  size_t count = 0;

  while (args->argv[count])
    count++;
  in.given = text_must(calloc(count + 1, sizeof *in.given));
  target_init(&in.target, DEFAULT_TIMEOUT_MS);
  if (take_all(&in, args))
    request = request_new(args, in.method, in.file, in.given, in.given_count);
  if (request) {
    args->status = make_call(&in, request);
    message_free(request);
  }
  target_deinit(&in.target);
  free(in.given);
  return args->status;
}

const struct command call_command = {
    .name = "call",
    .operands = "ADDRESS connect|command|disconnect [FLAG]... [FILE|-]",
    .summary = "make one RPC and print the answer",
    .about =
        "Asks the backend at ADDRESS (" ADDRESS_FORMS ") as the\n"
        "WebSocket server does, and prints the answer as JSON. The request "
        "comes from\nflags and from FILE or standard input (-), which hold "
        "JSON with the names of\nthe proto; flags win.\n",
    .flags = flags,
    .more_flags = target_flags,
    .more =
        "exit status:\n"
        "  0  the answer's status is SUCCESS\n"
        "  1  it is FAILURE or ERROR\n"
        "  2  the arguments make no sense\n"
        "  3  no answer, or one with a gRPC status other than OK\n\n"
        "examples:\n"
        "  anycable call 127.0.0.1:50051 connect \\\n"
        "      --url 'http://localhost/cable?user=jack'\n"
        "  anycable call 127.0.0.1:50051 command --command subscribe \\\n"
        "      --identifiers '{\"user\":\"jack\"}' --channel ChatChannel\n"
        "  echo '{\"identifiers\":\"{}\",\"env\":{\"url\":\"http://x/\"}}' |\n"
        "      anycable call unix:/run/app.sock disconnect -\n",
    .run = run,
};
