/* Publications: what AnyCable can take, and how it is written. The same code
 * measures and writes. */
#include "broadcast/message.h"

#include <string.h>

#include "base/json.h"
#include "base/utf8.h"
#include "broadcast/number.h"

/* --- reading arguments ---------------------------------------------------- */

int ac_message_init(struct ac_message *message, anycable_str stream,
                    anycable_str data, bool string,
                    const anycable_publish_options *options) {
  const size_t known = sizeof(message->options);
  *message = (struct ac_message){.stream = stream, .data = data};
  message->string = string;
  if (!options)
    return ANYCABLE_OK;
  if (options->size < sizeof(options->size))
    return ANYCABLE_ERR_INVALID;
  for (size_t i = known; i < options->size; i++) {
    if (((const char *)options)[i]) /* asks for what came later */
      return ANYCABLE_ERR_INVALID;
  }
  memcpy(&message->options, options,
         options->size < known ? options->size : known);
  return ANYCABLE_OK;
}

/* --- checking ------------------------------------------------------------- */

int ac_message_text(anycable_str text) {
  if (text.len == 0)
    return ANYCABLE_OK;
  return ac_utf8_valid(text) && !memchr(text.ptr, '\0', text.len)
             ? ANYCABLE_OK
             : ANYCABLE_ERR_ENCODING;
}

/* AnyCable would deliver the string "null". */
static bool is_null(anycable_str json) {
  const char *p = json.ptr;
  const char *end = p + json.len;
  while (p < end && memchr(" \t\r\n", *p, 4))
    p++;
  return p < end && *p == 'n';
}

/* Would AnyCable change this number, or not understand it? */
static bool is_refused(int kind, anycable_str number, int big_integers) {
  if (kind != AC_NUMBER_BIG)
    return kind == AC_NUMBER_HUGE;
  return big_integers == ANYCABLE_BIG_INTEGERS_REFUSED ||
         (big_integers == ANYCABLE_BIG_INTEGERS_AS_THEY_ARE &&
          number.len > AC_NUMBER_DIGITS);
}

static int check_numbers(const struct ac_message *message) {
  anycable_str rest = message->data;
  anycable_str number;
  int kind;
  while ((kind = ac_number_next(&rest, &number)) != AC_NUMBER_NONE) {
    if (is_refused(kind, number, message->options.big_integers))
      return ANYCABLE_ERR_INVALID;
  }
  return ANYCABLE_OK;
}

static int check_json(const struct ac_message *message, unsigned depth) {
  int error = ac_json_check(message->data, depth);
  if (error)
    return error;
  return is_null(message->data) ? ANYCABLE_ERR_PROTO : check_numbers(message);
}

int ac_message_check(const struct ac_message *message, unsigned depth) {
  const anycable_publish_options *options = &message->options;
  if (message->stream.len == 0 ||
      options->big_integers < ANYCABLE_BIG_INTEGERS_REFUSED ||
      options->big_integers > ANYCABLE_BIG_INTEGERS_AS_THEY_ARE)
    return ANYCABLE_ERR_INVALID;
  const anycable_str texts[] = {message->stream, message->data,
                                options->exclude_socket,
                                options->broadcast_type};
  for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
    int error = ac_message_text(texts[i]);
    if (error)
      return error;
  }
  return message->string ? ANYCABLE_OK : check_json(message, depth);
}

/* --- writing -------------------------------------------------------------- */

/* Where |out| is NULL, it is only counted. */
struct text {
  char *out;
  size_t len;
};

static void put(struct text *text, const char *bytes, size_t len) {
  if (text->out)
    memcpy(text->out + text->len, bytes, len);
  text->len += len;
}

#define PUT(text, literal) put(text, literal, sizeof(literal) - 1)

/* |s| as it stands inside a JSON string. */
static void put_escaped(struct text *text, anycable_str s) {
  if (text->out)
    text->len = (size_t)(ac_json_escape(text->out + text->len, s) - text->out);
  else
    text->len += ac_json_quoted_len(s) - 2;
}

static void put_quoted(struct text *text, anycable_str s) {
  PUT(text, "\"");
  put_escaped(text, s);
  PUT(text, "\"");
}

/* |s| as it stands inside a JSON string that stands inside another: piece by
 * piece, none of which ends inside a character. */
static void put_escaped_twice(struct text *text, anycable_str s) {
  enum { PIECE = 128, WORST = 6 };
  char once[PIECE * WORST];
  while (s.len > 0) {
    size_t n = s.len <= PIECE ? s.len : ac_utf8_cut(s, PIECE);
    char *end = ac_json_escape(once, ac_str(s.ptr, n));
    put_escaped(text, ac_str(once, (size_t)(end - once)));
    s = ac_str(s.ptr + n, s.len - n);
  }
}

/* |json|, inside a string, its big integers as strings. */
static void put_big_as_strings(struct text *text, anycable_str json) {
  anycable_str rest = json;
  anycable_str number;
  const char *from = json.ptr;
  int kind;
  while ((kind = ac_number_next(&rest, &number)) != AC_NUMBER_NONE) {
    if (kind != AC_NUMBER_BIG)
      continue;
    put_escaped(text, ac_str(from, (size_t)(number.ptr - from)));
    PUT(text, "\\\"");
    put(text, number.ptr, number.len);
    PUT(text, "\\\"");
    from = number.ptr + number.len;
  }
  put_escaped(text, ac_str(from, (size_t)(json.ptr + json.len - from)));
}

static void put_data(struct text *text, const struct ac_message *message) {
  PUT(text, "\"");
  if (message->string) {
    PUT(text, "\\\"");
    put_escaped_twice(text, message->data);
    PUT(text, "\\\"");
  } else if (message->options.big_integers ==
             ANYCABLE_BIG_INTEGERS_AS_STRINGS) {
    put_big_as_strings(text, message->data);
  } else {
    put_escaped(text, message->data);
  }
  PUT(text, "\"");
}

static void put_meta(struct text *text,
                     const anycable_publish_options *options) {
  size_t begin = text->len;
  if (options->exclude_socket.len > 0) {
    PUT(text, ",\"meta\":{\"exclude_socket\":");
    put_quoted(text, options->exclude_socket);
  }
  if (options->broadcast_type.len > 0) {
    if (text->len == begin)
      PUT(text, ",\"meta\":{\"broadcast_type\":");
    else
      PUT(text, ",\"broadcast_type\":");
    put_quoted(text, options->broadcast_type);
  }
  if (options->transient) {
    if (text->len == begin)
      PUT(text, ",\"meta\":{\"transient\":true");
    else
      PUT(text, ",\"transient\":true");
  }
  if (text->len != begin)
    PUT(text, "}");
}

static void put_message(struct text *text, const struct ac_message *message) {
  PUT(text, "{\"stream\":");
  put_quoted(text, message->stream);
  PUT(text, ",\"data\":");
  put_data(text, message);
  put_meta(text, &message->options);
  PUT(text, "}");
}

size_t ac_message_size(const struct ac_message *message) {
  struct text text = {NULL, 0};
  put_message(&text, message);
  return text.len;
}

char *ac_message_write(const struct ac_message *message, char *out) {
  struct text text = {out, 0};
  put_message(&text, message);
  return out + text.len;
}

static void put_disconnect(struct text *text, anycable_str identifiers,
                           bool reconnect) {
  PUT(text, "{\"command\":\"disconnect\",\"payload\":{\"identifier\":");
  put_quoted(text, identifiers);
  if (reconnect)
    PUT(text, ",\"reconnect\":true}}");
  else
    PUT(text, ",\"reconnect\":false}}");
}

size_t ac_disconnect_size(anycable_str identifiers, bool reconnect) {
  struct text text = {NULL, 0};
  put_disconnect(&text, identifiers, reconnect);
  return text.len;
}

char *ac_disconnect_write(anycable_str identifiers, bool reconnect, char *out) {
  struct text text = {out, 0};
  put_disconnect(&text, identifiers, reconnect);
  return out + text.len;
}
