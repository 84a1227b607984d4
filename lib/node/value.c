/* Texts are checked once, by the scanner of base; what follows relies on it. */
#include "node/value.h"

#include <float.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/utf8.h"

/* --- finding the way in valid JSON ---------------------------------------- */

static const char *skip_space(const char *p) {
  while (*p == ' ' || *p == '\t' || *p == '\r' || *p == '\n')
    p++;
  return p;
}

static const char *skip_string(const char *p) {
  for (p++; *p != '"'; p++)
    p += *p == '\\';
  return p + 1;
}

static bool ends_scalar(char c) {
  return c == ',' || c == ']' || c == '}' || c == ' ' || c == '\t' ||
         c == '\r' || c == '\n';
}

/* Behind the value at |p|. */
static const char *skip_value(const char *p, const char *end) {
  size_t level = 0;
  do {
    if (*p == '"') {
      p = skip_string(p);
      continue;
    }
    if (*p == '{' || *p == '[')
      level++;
    else if (*p == '}' || *p == ']')
      level--;
    else if (level == 0) {
      while (p < end && !ends_scalar(*p))
        p++;
      return p;
    }
    p++;
  } while (level > 0);
  return p;
}

bool ac_value_next(anycable_str array, const char **at, anycable_str *element) {
  const char *end = array.ptr + array.len;
  const char *p = skip_space(*at ? *at : array.ptr + 1);
  if (*at && *p == ',')
    p = skip_space(p + 1);
  if (*p == ']')
    return false;
  *at = skip_value(p, end);
  *element = ac_str(p, (size_t)(*at - p));
  return true;
}

/* --- strings -------------------------------------------------------------- */

static unsigned hex4(const char *p) {
  unsigned code = 0;
  for (int i = 0; i < 4; i++)
    code = code << 4 | (unsigned)ac_hex_digit(p[i]);
  return code;
}

static void put_code(struct ac_text *out, unsigned code) {
  char bytes[4];
  size_t len = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  static const unsigned char lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
  for (size_t i = len - 1; i > 0; i--) {
    bytes[i] = (char)(0x80 | (code & 0x3f));
    code >>= 6;
  }
  bytes[0] = (char)(lead[len] | code);
  ac_text_put(out, ac_str(bytes, len));
}

/* Half a surrogate pair alone becomes U+FFFD. |p| is behind the u. */
static const char *put_unicode(struct ac_text *out, const char *p) {
  unsigned code = hex4(p);
  p += 4;
  if (code < 0xd800 || code > 0xdfff) {
    put_code(out, code);
    return p;
  }
  unsigned low = p[0] == '\\' && p[1] == 'u' ? hex4(p + 2) : 0;
  if (code > 0xdbff || low < 0xdc00 || low > 0xdfff) {
    put_code(out, 0xfffd);
    return p;
  }
  put_code(out, 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00));
  return p + 6;
}

static const char *put_escape(struct ac_text *out, const char *p) {
  static const char controls[] = {
      ['b'] = '\b', ['f'] = '\f', ['n'] = '\n', ['r'] = '\r', ['t'] = '\t'};
  unsigned char c = (unsigned char)*p++;
  if (c == 'u')
    return put_unicode(out, p);
  char plain = c < sizeof(controls) && controls[c] ? controls[c] : (char)c;
  ac_text_put(out, ac_str(&plain, 1));
  return p;
}

void ac_value_decode(struct ac_text *out, anycable_str value) {
  const char *p = value.ptr + 1;
  const char *end = value.ptr + value.len - 1;
  while (p < end) {
    if (*p == '\\') {
      p = put_escape(out, p + 1);
      continue;
    }
    size_t n = ac_utf8_char_len(ac_str(p, (size_t)(end - p)));
    if (n == 0)
      put_code(out, 0xfffd);
    else
      ac_text_put(out, ac_str(p, n));
    p += n > 0 ? n : 1;
  }
}

static void put_string(struct ac_text *out, anycable_str value) {
  struct ac_text decoded = {0};
  ac_value_decode(&decoded, value);
  ac_text_quote(out, ac_text_str(&decoded));
  out->failed |= decoded.failed;
  ac_text_deinit(&decoded);
}

/* --- numbers -------------------------------------------------------------- */

/* A double in decimal: 0.DIGITS * 10^|point|. */
struct decimal {
  char digits[20];
  int n;
  int point;
};

enum { EXPONENT_STOP = 100000 };

/* The number's digits as an integer with an exponent, as neither strtod nor
 * printf must see a point: which one they know depends on the locale. */
static bool read_double(anycable_str number, double *out) {
  struct ac_text text = {0};
  char exponent[16];
  const char *end = number.ptr + number.len;
  long shift = 0;
  const char *p = number.ptr;
  for (bool fraction = false; p < end && *p != 'e' && *p != 'E'; p++) {
    if (*p == '.') {
      fraction = true;
      continue;
    }
    ac_text_put(&text, ac_str(p, 1));
    shift -= fraction;
  }
  if (p < end) {
    bool negative = p[1] == '-';
    long n = 0;
    for (p += 1 + (p[1] == '-' || p[1] == '+'); p < end; p++)
      n = n < EXPONENT_STOP ? n * 10 + (*p - '0') : n;
    shift += negative ? -n : n;
  }
  int len = snprintf(exponent, sizeof(exponent), "e%ld", shift);
  ac_text_put(&text, ac_str(exponent, (size_t)len));
  *out = strtod(ac_text_str(&text).ptr, NULL);
  bool read = !text.failed;
  ac_text_deinit(&text);
  return read;
}

/* The digits of |value|, which is not negative, with |n| of them. */
static void write_digits(double value, int n, struct decimal *out) {
  char text[40];
  const char *p = text;
  snprintf(text, sizeof(text), "%.*e", n - 1, value);
  for (out->n = 0; *p != 'e'; p++)
    if (*p >= '0' && *p <= '9')
      out->digits[out->n++] = *p;
  out->digits[out->n] = '\0';
  out->point = atoi(p + 1) + 1;
}

/* The fewest digits that are read as |value| again. */
static void shortest(double value, struct decimal *out) {
  char text[40];
  for (int n = 1; n <= 17; n++) {
    write_digits(value, n, out);
    snprintf(text, sizeof(text), "%se%d", out->digits, out->point - n);
    if (strtod(text, NULL) == value)
      return;
  }
}

static void put_zeros(struct ac_text *out, int n) {
  while (n-- > 0)
    ac_text_puts(out, "0");
}

static void put_plain(struct ac_text *out, const struct decimal *d) {
  int whole = d->point < 0 ? 0 : d->point < d->n ? d->point : d->n;
  if (whole == 0)
    ac_text_puts(out, "0");
  ac_text_put(out, ac_str(d->digits, (size_t)whole));
  put_zeros(out, d->point - d->n);
  if (whole == d->n)
    return;
  ac_text_puts(out, ".");
  put_zeros(out, -d->point);
  ac_text_put(out, ac_str(d->digits + whole, (size_t)(d->n - whole)));
}

static void put_scientific(struct ac_text *out, const struct decimal *d) {
  char exponent[16];
  ac_text_put(out, ac_str(d->digits, 1));
  if (d->n > 1)
    ac_text_puts(out, ".");
  ac_text_put(out, ac_str(d->digits + 1, (size_t)d->n - 1));
  int len = snprintf(exponent, sizeof(exponent), "e%+d", d->point - 1);
  ac_text_put(out, ac_str(exponent, (size_t)len));
}

static void put_number(struct ac_text *out, anycable_str number) {
  struct decimal d;
  double value;
  if (!read_double(number, &value)) {
    out->failed = true;
    return;
  }
  if (*number.ptr == '-') {
    value = -value;
    if (value <= DBL_MAX)
      ac_text_puts(out, "-");
  }
  if (value > DBL_MAX) { /* Go leaves nothing there */
    ac_text_puts(out, "null");
    return;
  }
  shortest(value, &d);
  if (value == 0)
    ac_text_puts(out, "0");
  else if (value < 1e-6 || value >= 1e21)
    put_scientific(out, &d);
  else
    put_plain(out, &d);
}

/* --- values --------------------------------------------------------------- */

struct member {
  size_t key; /* where it is in |keys|, and how long */
  size_t key_len;
  size_t order; /* as it came */
  anycable_str value;
};

struct members {
  struct member *items;
  size_t n;
  size_t room;
  struct ac_text keys; /* decoded */
};

static bool add_member(struct members *members, anycable_str key,
                       anycable_str value) {
  if (members->n == members->room) {
    size_t room = members->room * 2 + 8;
    struct member *more = realloc(members->items, room * sizeof(*more));
    if (!more)
      return false;
    members->items = more;
    members->room = room;
  }
  size_t at = ac_buffer_len(&members->keys.buffer);
  ac_value_decode(&members->keys, key);
  members->items[members->n] = (struct member){
      at, ac_buffer_len(&members->keys.buffer) - at, members->n, value};
  members->n++;
  return !members->keys.failed;
}

static bool read_members(struct members *members, anycable_str object) {
  const char *end = object.ptr + object.len;
  const char *p = skip_space(object.ptr + 1);
  while (*p != '}') {
    const char *key_end = skip_string(p);
    const char *value = skip_space(skip_space(key_end) + 1);
    const char *value_end = skip_value(value, end);
    if (!add_member(members, ac_str(p, (size_t)(key_end - p)),
                    ac_str(value, (size_t)(value_end - value))))
      return false;
    p = skip_space(value_end);
    if (*p == ',')
      p = skip_space(p + 1);
  }
  return true;
}

static int compare_keys(const struct member *a, const struct member *b,
                        const char *keys) {
  size_t len = a->key_len < b->key_len ? a->key_len : b->key_len;
  int order = len > 0 ? memcmp(keys + a->key, keys + b->key, len) : 0;
  return order ? order : (a->key_len > b->key_len) - (a->key_len < b->key_len);
}

static int compare_members(const void *left, const void *right, void *keys) {
  const struct member *a = left, *b = right;
  int order = compare_keys(a, b, keys);
  return order ? order : (a->order > b->order) - (a->order < b->order);
}

static void put_value(struct ac_text *out, anycable_str json);

static void put_object(struct ac_text *out, anycable_str json) {
  struct members members = {0};
  bool first = true;
  if (!read_members(&members, json))
    out->failed = true;
  const char *keys = ac_text_str(&members.keys).ptr;
  out->failed |= members.keys.failed;
  if (members.n > 1)
    qsort_r(members.items, members.n, sizeof(*members.items), compare_members,
            (void *)keys);
  ac_text_puts(out, "{");
  for (size_t i = 0; i < members.n && !out->failed; i++) {
    const struct member *member = &members.items[i];
    if (i + 1 < members.n && compare_keys(member, member + 1, keys) == 0)
      continue;
    if (!first)
      ac_text_puts(out, ",");
    first = false;
    ac_text_quote(out, ac_str(keys + member->key, member->key_len));
    ac_text_puts(out, ":");
    put_value(out, member->value);
  }
  ac_text_puts(out, "}");
  ac_text_deinit(&members.keys);
  free(members.items);
}

static void put_array(struct ac_text *out, anycable_str json) {
  const char *at = NULL;
  anycable_str element;
  ac_text_puts(out, "[");
  for (bool first = true; ac_value_next(json, &at, &element); first = false) {
    if (!first)
      ac_text_puts(out, ",");
    put_value(out, element);
  }
  ac_text_puts(out, "]");
}

/* No deeper than the scanner's limit. */
static void put_value(struct ac_text *out, anycable_str json) {
  switch (*json.ptr) {
  case '{':
    put_object(out, json);
    break;
  case '[':
    put_array(out, json);
    break;
  case '"':
    put_string(out, json);
    break;
  case 't':
  case 'f':
  case 'n':
    ac_text_put(out, json);
    break;
  default:
    put_number(out, json);
  }
}

anycable_str ac_value_trim(anycable_str json) {
  const char *p = skip_space(json.ptr);
  const char *end = skip_value(p, json.ptr + json.len);
  return ac_str(p, (size_t)(end - p));
}

int ac_value_put(struct ac_text *out, anycable_str json) {
  int error = ac_json_check(json, AC_JSON_MAX_DEPTH);
  if (!error)
    put_value(out, ac_value_trim(json));
  return error;
}

/* --- objects -------------------------------------------------------------- */

static bool is_of_type(anycable_str value, char type) {
  char first = *value.ptr;
  return !type || first == type || (type == 't' && first == 'f');
}

int ac_value_fields(anycable_str json, struct ac_field *fields, size_t n) {
  struct members members = {0};
  int error = ac_json_check(json, AC_JSON_MAX_DEPTH);
  if (!error && *(json = ac_value_trim(json)).ptr != '{')
    error = ANYCABLE_ERR_PROTO;
  if (!error && !read_members(&members, json))
    error = ANYCABLE_ERR_NOMEM;
  const char *keys = ac_text_str(&members.keys).ptr;
  if (!error && members.keys.failed)
    error = ANYCABLE_ERR_NOMEM;
  for (size_t i = 0; i < n; i++)
    fields[i].value = ac_str_empty();
  for (size_t i = 0; !error && i < members.n * n; i++) {
    const struct member *member = &members.items[i / n];
    struct ac_field *field = &fields[i % n];
    if (*member->value.ptr == 'n' ||
        !ac_str_equal_nocase(ac_str(keys + member->key, member->key_len),
                             anycable_str_of(field->name)))
      continue;
    if (!is_of_type(member->value, field->type))
      error = ANYCABLE_ERR_PROTO;
    field->value = member->value;
  }
  ac_text_deinit(&members.keys);
  free(members.items);
  return error;
}
