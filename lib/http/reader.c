#include "http/reader.h"

#include <string.h>

#include "base/block.h"
#include "http/body.h"

enum { FIRST_HEAD = 1024, FIRST_FIELDS = 12 };

#define IS(s, literal) anycable_str_is(s, literal)
#define IS_NOCASE(s, literal) ac_str_equal_nocase(s, ANYCABLE_STR(literal))

void ac_http_reader_init(struct ac_http_reader *reader,
                         const struct ac_http_reader_limits *limits,
                         struct ac_http_exchange *exchange) {
  memset(reader, 0, sizeof(*reader));
  reader->limits = limits;
  reader->exchange = exchange;
}

/* --- characters ----------------------------------------------------------- */

/* What names of methods and fields are made of, RFC 9110's "tchar", in lower
 * case; 0 for others. */
#define SAME(c) [c] = c
#define LOWER(c) [c] = c, [c - 0x20] = c
static const char tokens[256] = {
    SAME('!'),  SAME('#'),  SAME('$'),  SAME('%'),  SAME('&'),  SAME('\''),
    SAME('*'),  SAME('+'),  SAME('-'),  SAME('.'),  SAME('0'),  SAME('1'),
    SAME('2'),  SAME('3'),  SAME('4'),  SAME('5'),  SAME('6'),  SAME('7'),
    SAME('8'),  SAME('9'),  SAME('^'),  SAME('_'),  SAME('`'),  SAME('|'),
    SAME('~'),  LOWER('a'), LOWER('b'), LOWER('c'), LOWER('d'), LOWER('e'),
    LOWER('f'), LOWER('g'), LOWER('h'), LOWER('i'), LOWER('j'), LOWER('k'),
    LOWER('l'), LOWER('m'), LOWER('n'), LOWER('o'), LOWER('p'), LOWER('q'),
    LOWER('r'), LOWER('s'), LOWER('t'), LOWER('u'), LOWER('v'), LOWER('w'),
    LOWER('x'), LOWER('y'), LOWER('z')};

static bool is_token(char c) {
  return tokens[(unsigned char)c];
}

static size_t token_len(const char *s) {
  size_t len = 0;
  while (is_token(s[len]))
    len++;
  return len;
}

/* Puts it in lower case. Most have nothing but what blocks know. */
static size_t lower_token(char *s) {
  char *p = s;
  size_t n;
  do
    p += n = ac_block_lower(p);
  while (n == AC_BLOCK);
  for (char c; (c = tokens[(unsigned char)*p]); p++)
    *p = c;
  return (size_t)(p - s);
}

static bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

/* What may stand in a field's value. */
static bool is_text(char c) {
  unsigned char byte = (unsigned char)c;
  return byte >= 0x20 ? byte != 0x7f : byte == '\t';
}

/* To the first byte that is none, of a head. */
static char *skip_text(char *p) {
  do {
    ac_block_mask others;
    while (!(others = ac_block_not_text(p)))
      p += AC_BLOCK;
    p += ac_block_first(others);
  } while (is_text(*p) && p++);
  return p;
}

/* --- the request line ----------------------------------------------------- */

/* "/path" out of that, of "*", or of "http://host/path"; without its query. */
static int read_target(struct ac_http_exchange *exchange, char *target,
                       size_t len) {
  static const anycable_str schemes[] = {ANYCABLE_STR_INIT("http://"),
                                         ANYCABLE_STR_INIT("https://")};
  for (size_t i = 0; i < len; i++)
    if (target[i] <= 0x20 || target[i] == 0x7f)
      return 400; /* bytes beyond ASCII too */
  for (size_t i = 0; i < 2; i++) {
    size_t n = schemes[i].len;
    if (len > n && ac_str_equal_nocase(ac_str(target, n), schemes[i])) {
      char *slash = memchr(target + n, '/', len - n);
      len = slash ? len - (size_t)(slash - target) : 0;
      target = slash;
      break;
    }
  }
  if (len == 0) { /* nothing behind the host is the root */
    exchange->path = ac_str("/", 1);
    return 0;
  }
  if (*target != '/' && !(len == 1 && *target == '*'))
    return 400;
  char *query = memchr(target, '?', len);
  if (query)
    len = (size_t)(query - target);
  target[len] = '\0';
  exchange->path = ac_str(target, len);
  return 0;
}

static int read_version(struct ac_http_reader *reader, const char *version) {
  if (strcmp(version, "HTTP/1.1") == 0)
    return 0;
  reader->close = true;
  reader->old = strcmp(version, "HTTP/1.0") == 0;
  if (reader->old)
    return 0;
  bool is_version = strlen(version) == 8 && memcmp(version, "HTTP/", 5) == 0 &&
                    version[5] >= '0' && version[5] <= '9' &&
                    version[6] == '.' && version[7] >= '0' && version[7] <= '9';
  return is_version ? 505 : 400;
}

/* |line| ends at its NUL. */
static int read_request_line(struct ac_http_reader *reader, char *line) {
  struct ac_http_exchange *exchange = reader->exchange;
  size_t len = token_len(line);
  if (len == 0 || line[len] != ' ')
    return 400;
  char *target = line + len + 1;
  char *version = strchr(target, ' ');
  if (!version || version == target)
    return 400;
  line[len] = '\0';
  exchange->method = ac_str(line, len);
  int status = read_version(reader, version + 1);
  return status ? status
                : read_target(exchange, target, (size_t)(version - target));
}

/* --- fields --------------------------------------------------------------- */

/* What the fields have said of the body. */
struct framing {
  anycable_str length;
  anycable_str encoding;
  int hosts;
  bool expects;
};

/* Digits alone; false also for more of them than any length has. */
static bool read_length(anycable_str text, size_t *out) {
  size_t length = 0;
  if (text.len == 0 || text.len > 18)
    return false;
  for (size_t i = 0; i < text.len; i++) {
    if (text.ptr[i] < '0' || text.ptr[i] > '9')
      return false;
    length = length * 10 + (size_t)(text.ptr[i] - '0');
  }
  *out = length;
  return true;
}

/* Is |word| in a list with commas? */
static bool lists(anycable_str list, anycable_str word) {
  while (list.len > 0) {
    const char *comma = memchr(list.ptr, ',', list.len);
    size_t len = comma ? (size_t)(comma - list.ptr) : list.len;
    anycable_str one = ac_str(list.ptr, len);
    while (one.len > 0 && is_blank(*one.ptr))
      one.ptr++, one.len--;
    while (one.len > 0 && is_blank(one.ptr[one.len - 1]))
      one.len--;
    if (ac_str_equal_nocase(one, word))
      return true;
    len += comma ? 1 : 0;
    list = ac_str(list.ptr + len, list.len - len);
  }
  return false;
}

/* Those that concern the connection. */
static int note(struct ac_http_reader *reader, struct framing *framing,
                anycable_str name, anycable_str value) {
  if (IS(name, "host")) {
    framing->hosts++;
  } else if (IS(name, "content-length")) {
    if (framing->length.ptr)
      return 400;
    framing->length = value;
  } else if (IS(name, "transfer-encoding")) {
    if (framing->encoding.ptr)
      return 400;
    framing->encoding = value;
  } else if (IS(name, "connection")) {
    if (lists(value, ANYCABLE_STR("close")))
      reader->close = true;
  } else if (IS(name, "expect")) {
    if (!IS_NOCASE(value, "100-continue"))
      return 417;
    framing->expects = true;
  }
  return 0;
}

/* "name: value", of which both get a NUL; |*line| is moved on to the next. */
static int read_field(char **line, struct ac_pair *out) {
  char *name = *line;
  size_t len = lower_token(name);
  if (len == 0 || name[len] != ':')
    return 400;
  char *value = name + len + 1;
  char *end = skip_text(value);
  if (end[0] != '\r' || end[1] != '\n')
    return 400;
  *line = end + 2;
  while (is_blank(*value))
    value++;
  while (end > value && is_blank(end[-1]))
    end--;
  name[len] = '\0';
  *end = '\0';
  out->key = ac_str(name, len);
  out->value = ac_str(value, (size_t)(end - value));
  return 0;
}

static int read_fields(struct ac_http_reader *reader, char *line,
                       struct framing *framing) {
  struct ac_http_exchange *exchange = reader->exchange;
  struct ac_pair *fields = NULL;
  size_t room = 0, n = 0;
  for (; *line != '\r'; n++) {
    if (n == reader->limits->fields)
      return 431;
    struct ac_pair *grown = ac_arena_grow(exchange->arena, fields, n, &room,
                                          FIRST_FIELDS, sizeof(*fields));
    if (!grown)
      return 503;
    fields = grown;
    int status = read_field(&line, &fields[n]);
    if (!status)
      status = note(reader, framing, fields[n].key, fields[n].value);
    if (status)
      return status;
  }
  exchange->headers = fields;
  exchange->n_headers = n;
  return line[1] == '\n' ? 0 : 400;
}

/* --- the body ------------------------------------------------------------- */

/* How the body comes, from what the fields have said. */
static int begin_body(struct ac_http_reader *reader,
                      const struct framing *framing) {
  reader->phase = AC_HTTP_COMPLETE;
  if (framing->encoding.ptr) {
    if (framing->length.ptr || reader->old)
      return 400;
    if (!IS_NOCASE(framing->encoding, "chunked"))
      return 501;
    reader->phase = AC_HTTP_CHUNK_SIZE;
  } else if (framing->length.ptr) {
    if (!read_length(framing->length, &reader->left))
      return 400;
    if (reader->left > 0)
      reader->phase = AC_HTTP_BODY;
  }
  reader->continues = framing->expects && reader->phase != AC_HTTP_COMPLETE;
  return reader->left > 0 ? ac_http_body_reserve(reader->exchange, reader->left,
                                                 reader->limits->body)
                          : 0;
}

/* Takes bytes of the body, or of the chunk at hand. */
static int take_body(struct ac_http_reader *reader, const char *data,
                     size_t len, size_t *taken) {
  size_t n = len < reader->left ? len : reader->left;
  int status =
      ac_http_body_append(reader->exchange, data, n, reader->limits->body);
  if (status)
    return status;
  reader->left -= n;
  *taken += n;
  return 0;
}

/* --- chunks --------------------------------------------------------------- */

/* One digit more. */
static int take_digit(struct ac_http_reader *reader, char c) {
  int digit = ac_hex_digit(c);
  if (digit < 0 || reader->digits == 8)
    return 400;
  reader->digits++;
  reader->left = reader->left << 4 | (size_t)digit;
  return reader->exchange->body_len + reader->left > reader->limits->body ? 413
                                                                          : 0;
}

/* The byte |c|, which must be |expected|, and what follows it. */
static int step(struct ac_http_reader *reader, char c, char expected,
                enum ac_http_phase next) {
  if (c != expected)
    return 400;
  reader->phase = next;
  return 0;
}

/* One byte of what is around chunks. */
static int take_frame(struct ac_http_reader *reader, char c) {
  switch (reader->phase) {
  case AC_HTTP_CHUNK_SIZE:
    if (c == '\r' && reader->digits > 0)
      return step(reader, c, c, AC_HTTP_CHUNK_SIZE_LF);
    return take_digit(reader, c);
  case AC_HTTP_CHUNK_SIZE_LF:
    reader->digits = 0;
    return step(reader, c, '\n',
                reader->left > 0 ? AC_HTTP_CHUNK_DATA : AC_HTTP_TRAILER);
  case AC_HTTP_CHUNK_CR:
    return step(reader, c, '\r', AC_HTTP_CHUNK_LF);
  case AC_HTTP_CHUNK_LF:
    return step(reader, c, '\n', AC_HTTP_CHUNK_SIZE);
  case AC_HTTP_TRAILER:
    if (c == '\r')
      return step(reader, c, c, AC_HTTP_LAST_LF);
    return is_token(c) ? step(reader, c, c, AC_HTTP_TRAILER_LINE) : 400;
  case AC_HTTP_TRAILER_LINE:
    if (c == '\r')
      return step(reader, c, c, AC_HTTP_TRAILER_LF);
    return is_text(c) ? 0 : 400;
  case AC_HTTP_TRAILER_LF:
    return step(reader, c, '\n', AC_HTTP_TRAILER);
  default:
    return step(reader, c, '\n', AC_HTTP_COMPLETE);
  }
}

static int take_framed(struct ac_http_reader *reader, char c) {
  if (reader->phase >= AC_HTTP_TRAILER &&
      ++reader->trailer_len > reader->limits->head)
    return 431;
  return take_frame(reader, c);
}

/* --- the head ------------------------------------------------------------- */

/* All of it is here. It begins with its line, and ends with an empty one;
 * behind that is a block of NULs. */
static int read_head(struct ac_http_reader *reader) {
  struct framing framing = {{NULL, 0}, {NULL, 0}, 0, false};
  char *end = strchr(reader->head, '\r');
  if (!end || end[1] != '\n') /* a NUL, or a bare CR */
    return 400;
  *end = '\0';
  int status = read_request_line(reader, reader->head);
  if (!status)
    status = read_fields(reader, end + 2, &framing);
  if (!status && (framing.hosts > 1 || (framing.hosts == 0 && !reader->old)))
    status = 400;
  return status ? status : begin_body(reader, &framing);
}

static bool grow_head(struct ac_http_reader *reader, size_t need) {
  if (need + AC_BLOCK <= reader->head_room)
    return true;
  size_t room = reader->head_room ? 4 * reader->head_room : FIRST_HEAD;
  room = room >= need + AC_BLOCK ? room : need + AC_BLOCK;
  char *head = ac_arena_alloc(reader->exchange->arena, room);
  if (!head)
    return false;
  if (reader->head_len > 0)
    memcpy(head, reader->head, reader->head_len);
  reader->head = head;
  reader->head_room = room;
  return true;
}

/* Where the head's lines end in the next |len| bytes. 1 if it is complete with
 * the first |*n| of them; 0 if it goes on; or what is wrong. */
static int find_end(struct ac_http_reader *reader, const char *data, size_t len,
                    size_t *n) {
  char before = reader->head_len > 0 ? reader->head[reader->head_len - 1] : 0;
  const char *lf;
  for (*n = 0; (lf = memchr(data + *n, '\n', len - *n));) {
    *n = (size_t)(lf - data) + 1;
    size_t end = reader->head_len + *n;
    bool empty = end - reader->line == 2;
    if ((lf > data ? lf[-1] : before) != '\r')
      return 400; /* a bare LF */
    if (end == 2)
      return 400; /* no request at all */
    reader->line = end;
    if (empty)
      return 1;
  }
  *n = len;
  return 0;
}

/* Takes bytes up to the end of the head. */
static int take_head(struct ac_http_reader *reader, const char *data,
                     size_t len, size_t *taken) {
  size_t most = reader->limits->head - reader->head_len;
  size_t n;
  int end = find_end(reader, data, len < most ? len : most, &n);
  if (end == 400)
    return 400;
  if (end == 0 && len > most)
    return reader->line == 0 ? 414 : 431;
  if (!grow_head(reader, reader->head_len + n))
    return 503;
  memcpy(reader->head + reader->head_len, data, n);
  reader->head_len += n;
  memset(reader->head + reader->head_len, 0, AC_BLOCK);
  *taken += n;
  if (end == 0)
    return 0;
  return ac_arena_charge(reader->exchange->arena, reader->head_len)
             ? read_head(reader)
             : 503;
}

/* --- all of it ------------------------------------------------------------ */

static int read_some(struct ac_http_reader *reader, const char *data,
                     size_t len, size_t *taken) {
  int status;
  switch (reader->phase) {
  case AC_HTTP_HEAD:
    return take_head(reader, data, len, taken);
  case AC_HTTP_BODY:
    status = take_body(reader, data, len, taken);
    if (reader->left == 0)
      reader->phase = AC_HTTP_COMPLETE;
    return status;
  case AC_HTTP_CHUNK_DATA:
    status = take_body(reader, data, len, taken);
    if (reader->left == 0)
      reader->phase = AC_HTTP_CHUNK_CR;
    return status;
  default:
    ++*taken;
    return take_framed(reader, *data);
  }
}

int ac_http_read(struct ac_http_reader *reader, const char *data, size_t len,
                 size_t *taken) {
  int status = 0;
  *taken = 0;
  while (!status && *taken < len && reader->phase != AC_HTTP_COMPLETE)
    status = read_some(reader, data + *taken, len - *taken, taken);
  return status;
}
