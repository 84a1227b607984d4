/* `anycable health`: asks whether a backend is serving, by gRPC's health
 * checking protocol. */
#include "command.h"
#include "target.h"

#include "health.pb-c.h"

#include <stdlib.h>

enum { FLAG_WATCH };

static const struct flag flags[] = {
    {FLAG_WATCH, "watch", NULL,
     "stay, and print every change, until the server\n"
     "hangs up; without a timeout unless there is --timeout"},
    {0, NULL, NULL, NULL}};

struct invocation {
  struct target target;
  const char *service; /* NULL: not given */
  bool watch;
};

static bool take_operand(struct args *args, const char *value, void *ctx) {
  struct invocation *in = ctx;

  if (!in->target.has_address)
    return target_set_address(&in->target, args, value);
  if (in->service)
    return args_fail(args, "one argument too many: \"%s\"", value);
  in->service = value;
  return true;
}

static bool take_flag(struct args *args, int id, const char *value, void *ctx) {
  struct invocation *in = ctx;

  if (id != FLAG_WATCH)
    return target_set_flag(&in->target, args, id, value);
  in->watch = true;
  return true;
}

static bool take_all(struct invocation *in, struct args *args) {
  if (!args_read(args, take_operand, take_flag, in))
    return false;
  if (in->service && !text_is_utf8(in->service))
    return args_fail(args, "SERVICE is not valid UTF-8");
  return target_check(&in->target, args);
}

/* Prints the status that the message holds; |ctx| is where the last one is
 * kept. */
static bool print_status(const uint8_t *data, size_t len,
                         struct grpc_status *status, void *ctx) {
  int *last = ctx;
  const ProtobufCEnumValue *name;
  Ac__Pb__Health__HealthCheckResponse *answer =
      ac__pb__health__health_check_response__unpack(NULL, len, data);

  if (!answer)
    return grpc_status_set(status, GRPC_INTERNAL,
                           "the answer is not a HealthCheckResponse");
  *last = (int)answer->status;
  ac__pb__health__health_check_response__free_unpacked(answer, NULL);

  name = protobuf_c_enum_descriptor_get_value(
      &ac__pb__health__health_check_response__serving_status__descriptor,
      *last);
  if (name)
    puts(name->name);
  else
    printf("%d\n", *last);
  if (fflush(stdout) != 0)
    return grpc_status_set(status, GRPC_CANCELLED, "nobody reads the output");
  return true;
}

static int check(struct target *target, const char *service, bool watch) {
  Ac__Pb__Health__HealthCheckRequest request =
      AC__PB__HEALTH__HEALTH_CHECK_REQUEST__INIT;
  int last = AC__PB__HEALTH__HEALTH_CHECK_RESPONSE__SERVING_STATUS__UNKNOWN;
  struct grpc_call call = {.on_message = print_status, .ctx = &last};
  struct grpc_status status = {0};
  uint8_t *packed;
  bool ok;

  request.service = (char *)(uintptr_t)service;
  call.request_len =
      ac__pb__health__health_check_request__get_packed_size(&request);
  packed = text_must(malloc(call.request_len + 1));
  ac__pb__health__health_check_request__pack(&request, packed);
  call.request = packed;
  call.method =
      watch ? "/grpc.health.v1.Health/Watch" : "/grpc.health.v1.Health/Check";
  ok = target_call(target, &call, watch, &status);
  free(packed);
  if (!ok) {
    grpc_status_print(stderr, &status);
    return EXIT_NO_ANSWER;
  }
  return last == AC__PB__HEALTH__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING
             ? EXIT_DONE
             : EXIT_REFUSED;
}

static int run(struct args *args) {
  enum { DEFAULT_TIMEOUT_MS = 3000 };
  struct invocation in = {.service = NULL};

  target_init(&in.target, -1);
  if (take_all(&in, args)) {
    if (in.target.timeout_ms < 0 && !in.watch)
      in.target.timeout_ms = DEFAULT_TIMEOUT_MS;
    args->status = check(&in.target, in.service ? in.service : "", in.watch);
  }
  target_deinit(&in.target);
  return args->status;
}

const struct command health_command = {
    .name = "health",
    .operands = "ADDRESS [SERVICE] [FLAG]...",
    .summary = "ask whether a backend is serving",
    .about = "Asks the backend at ADDRESS (" ADDRESS_FORMS ") for the\n"
             "health of SERVICE, such as anycable.RPC, or else of the whole "
             "server,\nand prints it: SERVING, NOT_SERVING, ...\n",
    .flags = flags,
    .more_flags = target_flags,
    .more = "exit status:\n"
            "  0  SERVING\n"
            "  1  anything else\n"
            "  2  the arguments make no sense\n"
            "  3  no answer, or one with a gRPC status other than OK\n\n"
            "example, for a container:\n"
            "  anycable health 127.0.0.1:50051 anycable.RPC\n",
    .run = run,
};
