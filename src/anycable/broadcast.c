/* `anycable broadcast`: publishes to a stream. */
#include "command.h"
#include "input.h"
#include "publisher.h"

#include <string.h>

enum {
  FLAG_STRING,
  FLAG_EXCLUDE_SOCKET,
  FLAG_TYPE,
  FLAG_TRANSIENT,
  FLAG_BATCH,
  FLAG_TIMEOUT
};

static const struct flag flags[] = {
    {FLAG_STRING, "string", NULL, "DATA is no JSON, but the text itself"},
    {FLAG_EXCLUDE_SOCKET, "exclude-socket", "SID",
     "the session id of a client that does not get it"},
    {FLAG_TYPE, "type", "TEXT", "the \"type\" of the frame that clients get"},
    {FLAG_TRANSIENT, "transient", NULL,
     "do not keep it in the stream's history"},
    {FLAG_BATCH, "batch", NULL,
     "all lines in one publication, or none of them"},
    {FLAG_TIMEOUT, "timeout", "SECONDS",
     "give up when nothing has been acknowledged for so\n"
     "long [10]"},
    {0, NULL, NULL, NULL}};

/* The most complaints about lines; the rest is counted. */
enum { COMPLAINTS_MAX = 10 };

struct invocation {
  struct publisher publisher;
  struct publication publication; /* its data changes with every line */
  const char *stream, *data;
  bool batch;
  uint64_t lines;
  uint64_t bad_lines;
  size_t unread; /* the first line that nothing came of, as nothing moved */
};

/* --- arguments ------------------------------------------------------------ */

static bool take_text(struct args *args, const char *what, const char *value,
                      anycable_str *out) {
  *out = anycable_str_of(value);
  return text_is_utf8(value) || args_fail(args, "%s is not valid UTF-8", what);
}

static bool take_flag(struct args *args, int id, const char *value, void *ctx) {
  struct invocation *in = ctx;
  anycable_publish_options *options = &in->publication.options;

  switch (id) {
  case FLAG_STRING:
    in->publication.is_string = true;
    return true;
  case FLAG_EXCLUDE_SOCKET:
    return take_text(args, "SID", value, &options->exclude_socket);
  case FLAG_TYPE:
    return take_text(args, "--type", value, &options->broadcast_type);
  case FLAG_TRANSIENT:
    options->transient = true;
    return true;
  case FLAG_BATCH:
    in->batch = true;
    return true;
  case FLAG_TIMEOUT:
    return args_timeout(args, value, &in->publisher.timeout_ms);
  default:
    return settings_set_flag(in->publisher.config, args, id, value);
  }
}

static bool take_operand(struct args *args, const char *value, void *ctx) {
  struct invocation *in = ctx;

  if (!in->stream)
    in->stream = value;
  else if (!in->data)
    in->data = value;
  else
    return args_fail(args, "one argument too many");
  return true;
}

static bool take_all(struct invocation *in, struct args *args) {
  if (!args_read(args, take_operand, take_flag, in))
    return false;
  if (!in->stream || !*in->stream)
    return args_fail(args, "STREAM is missing");
  return take_text(args, "STREAM", in->stream, &in->publication.stream);
}

/* --- publishing ----------------------------------------------------------- */

static const char *refusal(const struct invocation *in, int error) {
  switch (error) {
  case ANYCABLE_ERR_PROTO:
    return "it is not JSON, or null; see --string";
  case ANYCABLE_ERR_ENCODING:
    return "it is not valid UTF-8, or has a NUL";
  case ANYCABLE_ERR_INVALID:
    return "it has a number that AnyCable would change; use a string";
  case ANYCABLE_ERR_LIMIT:
    return in->batch ? "the batch is too large, or it is nested too deeply"
                     : "it is too large, or nested too deeply";
  default:
    return anycable_strerror(error);
  }
}

static int publish(struct invocation *in, anycable_str data) {
  in->publication.data = data;
  return publisher_publish(&in->publisher, &in->publication);
}

/* One message, given on the command line. */
static int publish_argument(struct invocation *in, struct args *args) {
  int error = publish(in, anycable_str_of(in->data));

  if (error == ANYCABLE_OK)
    return publisher_finish(&in->publisher, args, 0);
  args_fail(args, "DATA: %s", refusal(in, error));
  return args->status;
}

static void complain(struct invocation *in, const struct args *args,
                     const struct line_reader *reader, int error) {
  if (in->bad_lines++ >= COMPLAINTS_MAX)
    return;
  progress_end(&in->publisher.progress);
  fprintf(stderr, "anycable %s: line %zu: %s\n", args->command->name,
          reader->number, refusal(in, error));
}

/* Until the end, until nothing moves, and in a batch until the first line that
 * is not right. */
static void publish_lines(struct invocation *in, const struct args *args) {
  int64_t max = anycable_config_limit(in->publisher.config,
                                      ANYCABLE_LIMIT_BROADCAST_MESSAGE);
  struct line_reader reader = {.file = stdin};
  enum line_result line;

  while ((line = line_next(&reader, (size_t)max)) != LINE_END) {
    anycable_str data = {reader.text, reader.len};
    int error = line == LINE_READ ? publish(in, data) : ANYCABLE_ERR_LIMIT;
    if (error == ANYCABLE_ERR_TIMEOUT) {
      in->unread = reader.number;
      break;
    }
    if (error != ANYCABLE_OK)
      complain(in, args, &reader, error);
    else
      in->lines++;
    if (in->batch && in->bad_lines)
      break;
  }
  line_reader_deinit(&reader);
}

static int finish_lines(struct invocation *in, const struct args *args) {
  int status =
      publisher_finish(&in->publisher, args, in->batch ? in->lines : 0);

  if (in->unread)
    fprintf(stderr, "anycable %s: left out from line %zu on\n",
            args->command->name, in->unread);
  if (!in->bad_lines)
    return status;
  fprintf(stderr, "anycable %s: %llu bad line%s not published\n",
          args->command->name, (unsigned long long)in->bad_lines,
          in->bad_lines == 1 ? "" : "s");
  return status == EXIT_DONE ? EXIT_REFUSED : status;
}

static int publish_batch(struct invocation *in, struct args *args) {
  anycable_broadcaster *broadcaster = in->publisher.broadcaster;
  int error = anycable_broadcaster_begin_batch(broadcaster);

  if (error == ANYCABLE_OK)
    publish_lines(in, args);
  if (in->bad_lines) {
    fprintf(stderr, "anycable %s: nothing was published\n",
            args->command->name);
    return EXIT_USAGE;
  }
  if (error == ANYCABLE_OK)
    error = anycable_broadcaster_end_batch(broadcaster);
  if (error == ANYCABLE_OK)
    return finish_lines(in, args);
  args_fail(args, "%s", anycable_strerror(error));
  return args->status;
}

static int publish_all(struct invocation *in, struct args *args) {
  if (in->data && strcmp(in->data, "-") != 0)
    return publish_argument(in, args);
  if (in->batch)
    return publish_batch(in, args);
  publish_lines(in, args);
  return finish_lines(in, args);
}

static int run(struct args *args) {
  struct invocation in = {.publication.options.size =
                              sizeof(anycable_publish_options)};

  if (!publisher_init(&in.publisher, args))
    return args->status;
  if (take_all(&in, args) && publisher_open(&in.publisher, args))
    args->status = publish_all(&in, args);
  publisher_deinit(&in.publisher);
  return args->status;
}

const struct command broadcast_command = {
    .name = "broadcast",
    .operands = "STREAM [DATA|-] [FLAG]...",
    .summary = "publish to a stream",
    .about =
        "Publishes DATA, a JSON text, to all clients that are subscribed to "
        "STREAM.\nWithout DATA, or for -, every line of standard input is a "
        "message. Waits until\nall are acknowledged, and says how many were.\n"
        "\nBy what way is read from the environment, as in any program of the "
        "library:\nANYCABLE_BROADCAST_ADAPTER, ANYCABLE_REDIS_URL and so on, "
        "or from flags.\n" SETTINGS_ABOUT_SECRETS,
    .flags = flags,
    .more_flags = publishing_flags,
    .more = "exit status:\n"
            "  0  all were published\n"
            "  1  some were not: they were refused, or nobody knows\n"
            "  2  the arguments, or DATA, make no sense\n"
            "  3  nothing was acknowledged for too long\n\n"
            "examples:\n"
            "  anycable broadcast chat/42 '{\"text\":\"hello\"}'\n"
            "  tail -f app.log | anycable broadcast log --string\n",
    .run = run,
};
