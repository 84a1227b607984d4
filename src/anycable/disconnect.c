/* `anycable disconnect`: has AnyCable disconnect clients. */
#include "command.h"
#include "input.h"
#include "publisher.h"

enum { FLAG_RECONNECT, FLAG_NO_RECONNECT, FLAG_TIMEOUT };

static const struct flag flags[] = {
    {FLAG_RECONNECT, "reconnect", NULL,
     "tell them that they may come back; so it is anyway"},
    {FLAG_NO_RECONNECT, "no-reconnect", NULL, "tell them to stay away"},
    {FLAG_TIMEOUT, "timeout", "SECONDS",
     "give up when it has not been acknowledged for so\n"
     "long [10]"},
    {0, NULL, NULL, NULL}};

struct invocation {
  struct publisher publisher;
  const char *identifiers;
  bool reconnect;
};

static bool take_flag(struct args *args, int id, const char *value, void *ctx) {
  struct invocation *in = ctx;

  if (id == FLAG_TIMEOUT)
    return args_timeout(args, value, &in->publisher.timeout_ms);
  if (id >= SETTING_FLAGS)
    return settings_set_flag(in->publisher.config, args, id, value);
  in->reconnect = id == FLAG_RECONNECT;
  return true;
}

static bool take_operand(struct args *args, const char *value, void *ctx) {
  struct invocation *in = ctx;

  if (in->identifiers)
    return args_fail(args, "one argument too many");
  in->identifiers = value;
  return true;
}

static bool take_all(struct invocation *in, struct args *args) {
  return args_read(args, take_operand, take_flag, in) &&
         (in->identifiers || args_fail(args, "IDENTIFIERS are missing"));
}

static int disconnect(struct invocation *in, struct args *args) {
  anycable_str identifiers = input_text(args, in->identifiers);
  int error;

  if (!identifiers.ptr)
    return args->status;
  error = anycable_broadcaster_disconnect(in->publisher.broadcaster,
                                          identifiers, in->reconnect);
  if (error == ANYCABLE_OK)
    return publisher_finish(&in->publisher, args, 0);
  if (error == ANYCABLE_ERR_INVALID)
    args_fail(args, "IDENTIFIERS are empty");
  else if (error == ANYCABLE_ERR_ENCODING)
    args_fail(args, "IDENTIFIERS are not valid UTF-8, or have a NUL");
  else
    args_fail(args, "%s", anycable_strerror(error));
  return args->status;
}

static int run(struct args *args) {
  struct invocation in = {.reconnect = true};

  if (!publisher_init(&in.publisher, args))
    return args->status;
  if (take_all(&in, args) && publisher_open(&in.publisher, args))
    args->status = disconnect(&in, args);
  publisher_deinit(&in.publisher);
  return args->status;
}

const struct command disconnect_command = {
    .name = "disconnect",
    .operands = "IDENTIFIERS|- [FLAG]...",
    .summary = "disconnect clients, whatever server they are on",
    .about = "Has AnyCable disconnect all clients whose identifiers are "
             "IDENTIFIERS, byte\nfor byte what the backend answered when they "
             "connected, or their token says.\nIt goes the way that "
             "\"anycable broadcast\" goes.\n" SETTINGS_ABOUT_SECRETS,
    .flags = flags,
    .more_flags = publishing_flags,
    .more = "exit status:\n"
            "  0  published\n"
            "  1  it was refused, or nobody knows\n"
            "  2  the arguments make no sense\n"
            "  3  it was not acknowledged in time\n\n"
            "example:\n"
            "  anycable disconnect '{\"user\":\"jack\"}' --no-reconnect\n",
    .run = run,
};
