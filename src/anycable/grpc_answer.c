/* Turns what comes back into messages and a status, by the rules of gRPC over
 * HTTP/2. Called by grpc_client.c, out of nghttp2's callbacks. */
#include "grpc_answer.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { PREFIX_SIZE = 5 };

void grpc_answer_init(struct grpc_answer *answer,
                      const struct grpc_call *call) {
  memset(answer, 0, sizeof *answer);
  answer->on_message = call->on_message;
  answer->ctx = call->ctx;
  answer->code = ANSWER_NO_STATUS;
}

void grpc_answer_deinit(struct grpc_answer *answer) {
  free(answer->data);
}

void grpc_answer_fail(struct grpc_answer *answer, int code, const char *format,
                      ...) {
  va_list list;

  if (answer->ended)
    return;
  answer->ended = true;
  answer->status.code = code;
  va_start(list, format);
  vsnprintf(answer->status.message, sizeof answer->status.message, format,
            list);
  va_end(list);
}

void grpc_answer_begin_headers(struct grpc_answer *answer) {
  answer->code = ANSWER_NO_STATUS;
  answer->message[0] = '\0';
}

static int parse_status(const char *value) {
  size_t len = strlen(value);

  if (len == 0 || len > 3 || strspn(value, "0123456789") != len)
    return ANSWER_BAD_STATUS;
  return atoi(value);
}

static int hex_value(char c) {
  if (c >= '0' && c <= '9')
    return c - '0';
  c = (char)(c | 0x20);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Undoes the percent-encoding of grpc-message; what is not an escape stays as
 * it is, and what does not fit is cut. */
static void decode_message(char out[ERROR_SIZE], const char *value) {
  size_t len = 0;

  while (*value && len < ERROR_SIZE - 1) {
    int high = *value == '%' ? hex_value(value[1]) : -1;
    int low = high >= 0 ? hex_value(value[2]) : -1;
    /* A NUL would end the text. */
    if (low >= 0 && high + low > 0) {
      out[len++] = (char)(high * 16 + low);
      value += 3;
    } else {
      out[len++] = *value++;
    }
  }
  out[len] = '\0';
}

void grpc_answer_header(struct grpc_answer *answer, const char *name,
                        const char *value) {
  if (strcmp(name, ":status") == 0)
    answer->http_status = atoi(value);
  else if (strcmp(name, "content-type") == 0)
    snprintf(answer->content_type, sizeof answer->content_type, "%s", value);
  else if (strcmp(name, "grpc-status") == 0)
    answer->code = parse_status(value);
  else if (strcmp(name, "grpc-message") == 0)
    decode_message(answer->message, value);
}

/* "application/grpc", alone or with a "+proto" or parameters behind; strchr
 * finds the NUL of the former, too. */
static bool is_grpc(const char *content_type) {
  const char *type = "application/grpc";
  size_t len = strlen(type);

  return strncasecmp(content_type, type, len) == 0 &&
         strchr("+;", content_type[len]) != NULL;
}

void grpc_answer_end_headers(struct grpc_answer *answer, bool end_stream) {
  if (answer->http_status < 200) /* 1xx: the answer is yet to come */
    return;
  /* A proxy's error page, not an answer: do not wait for the rest of it. */
  if (!is_grpc(answer->content_type))
    grpc_answer_fail(answer, grpc_code_of_http(answer->http_status),
                     "HTTP status %d, content-type \"%s\": not a gRPC server",
                     answer->http_status, answer->content_type);
  else if (!end_stream && answer->code != ANSWER_NO_STATUS)
    answer->code = ANSWER_NO_STATUS; /* counts in trailers only */
}

/* Makes room for |need| bytes in all. */
static void reserve(struct grpc_answer *answer, size_t need) {
  if (need <= answer->size)
    return;
  answer->data = text_must(realloc(answer->data, need));
  answer->size = need;
}

/* Moves bytes to the message until it holds |target| of them. */
static bool fill(struct grpc_answer *answer, const uint8_t **data, size_t *len,
                 size_t target) {
  size_t n = target - answer->len;

  if (n > *len)
    n = *len;
  reserve(answer, target);
  if (n > 0)
    memcpy(answer->data + answer->len, *data, n);
  answer->len += n;
  *data += n;
  *len -= n;
  return answer->len == target;
}

static size_t message_length(const uint8_t *prefix) {
  return (size_t)prefix[1] << 24 | (size_t)prefix[2] << 16 |
         (size_t)prefix[3] << 8 | prefix[4];
}

/* False: not what we accept, the call has failed. */
static bool check_prefix(struct grpc_answer *answer, const uint8_t *prefix) {
  if (prefix[0] != 0) {
    grpc_answer_fail(answer, GRPC_INTERNAL,
                     "the answer is compressed (flag %d), which was not asked "
                     "for",
                     prefix[0]);
    return false;
  }
  if (message_length(prefix) > GRPC_MESSAGE_MAX) {
    grpc_answer_fail(answer, GRPC_RESOURCE_EXHAUSTED,
                     "the answer has %zu bytes, the WebSocket server accepts "
                     "%d",
                     message_length(prefix), GRPC_MESSAGE_MAX);
    return false;
  }
  return true;
}

void grpc_answer_data(struct grpc_answer *answer, const uint8_t *data,
                      size_t len) {
  while (len > 0 && !answer->ended) {
    size_t total;

    if (answer->len < PREFIX_SIZE) {
      if (!fill(answer, &data, &len, PREFIX_SIZE) ||
          !check_prefix(answer, answer->data))
        return;
    }
    total = PREFIX_SIZE + message_length(answer->data);
    if (!fill(answer, &data, &len, total))
      return;
    answer->len = 0;
    if (!answer->on_message(answer->data + PREFIX_SIZE, total - PREFIX_SIZE,
                            &answer->status, answer->ctx))
      answer->ended = true;
  }
}

void grpc_answer_end(struct grpc_answer *answer) {
  if (answer->code == ANSWER_BAD_STATUS)
    grpc_answer_fail(answer, GRPC_UNKNOWN, "grpc-status is not a number");
  else if (answer->code == ANSWER_NO_STATUS && answer->http_status != 200)
    grpc_answer_fail(answer, grpc_code_of_http(answer->http_status),
                     "HTTP status %d", answer->http_status);
  else if (answer->code == ANSWER_NO_STATUS)
    grpc_answer_fail(answer, GRPC_INTERNAL,
                     "the server ended the call without a grpc-status");
  else if (answer->code == GRPC_OK && answer->len > 0)
    grpc_answer_fail(answer, GRPC_INTERNAL,
                     "the server ended the call inside a message");
  else
    grpc_answer_fail(answer, answer->code, "%s", answer->message);
}
