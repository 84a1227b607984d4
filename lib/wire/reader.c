/* The less travelled parts of the reader. Numbers may be read past the end of
 * what they belong to, though never past the spare byte: there the NUL ends
 * any varint. */
#include "wire/reader.h"

#include <anycable/error.h>
#include <string.h>

#include "base/utf8.h"
#include "wire/text.h"

size_t ac_wire_fail(struct ac_wire_reader *r, int error, const char *reason) {
  if (!r->error) {
    r->error = error;
    r->reason = reason;
  }
  return AC_WIRE_NOWHERE;
}

size_t ac_wire_truncated(struct ac_wire_reader *r) {
  return ac_wire_fail(r, ANYCABLE_ERR_PROTO, "message is truncated");
}

bool ac_wire_check_text(struct ac_wire_reader *r, anycable_str s) {
  if (ac_wire_is_plain(s.ptr, s.len, r->last))
    return true;
  if (!ac_utf8_valid(s))
    ac_wire_fail(r, ANYCABLE_ERR_ENCODING, "a string is not valid UTF-8");
  else if (memchr(s.ptr, '\0', s.len))
    ac_wire_fail(r, ANYCABLE_ERR_PROTO, "a string has a NUL inside");
  else
    return true;
  return false;
}

void ac_wire_end_span(struct ac_wire_reader *r, size_t at) {
  size_t begin = r->span;
  r->span = at;
  if (ac_wire_is_plain(r->data + begin, at - begin, r->last))
    return;
  if (r->doubt_from > begin)
    r->doubt_from = begin;
  if (r->doubt_to < at)
    r->doubt_to = at;
}

/* NOWHERE for one of more than |max| bytes. */
static size_t read_varint(const struct ac_wire_reader *r, size_t at,
                          unsigned max, uint64_t *out) {
  uint64_t value = 0;
  for (unsigned i = 0; i < max; i++) {
    unsigned byte = ac_wire_byte(r, at++);
    value |= (uint64_t)(byte & 0x7f) << (7 * i);
    if (byte < 0x80) {
      *out = value;
      return at;
    }
  }
  *out = 0;
  return AC_WIRE_NOWHERE;
}

size_t ac_wire_read_long_tag(struct ac_wire_reader *r, size_t at, size_t end,
                             uint32_t *tag) {
  uint64_t value;
  at = read_varint(r, at, 5, &value);
  *tag = (uint32_t)value; /* as in Google's, what is above 32 bits is lost */
  if (at <= end)
    return at;
  ac_wire_truncated(r);
  *tag = 0;
  return end;
}

size_t ac_wire_read_odd_length(struct ac_wire_reader *r, size_t at,
                               size_t *out) {
  ac_wire_end_span(r, at);
  uint64_t len = ac_wire_byte(r, at++);
  if (len >= 0x80) {
    unsigned second = ac_wire_byte(r, at++);
    len = (len & 0x7f) | (uint64_t)second << 7;
    if (second >= 0x80)
      at = read_varint(r, at - 2, 5, &len);
  }
  if (at > r->len || len > r->len) {
    ac_wire_truncated(r);
    at = r->len;
    len = AC_WIRE_NOWHERE;
  }
  r->span = at;
  *out = (size_t)len;
  return at;
}

/* Skips what follows a tag that is not a group's. */
static size_t skip_value(struct ac_wire_reader *r, uint32_t tag, size_t at) {
  uint64_t value;
  size_t len;
  switch (tag & 7) {
  case AC_WIRE_VARINT:
    return read_varint(r, at, 10, &value);
  case AC_WIRE_FIXED64:
    return at + 8;
  case AC_WIRE_FIXED32:
    return at + 4;
  case AC_WIRE_LEN:
    at = ac_wire_read_length(r, at, &len);
    return at + len;
  default:
    return ac_wire_fail(r, ANYCABLE_ERR_PROTO, "wire type does not exist");
  }
}

size_t ac_wire_skip_field(struct ac_wire_reader *r, uint32_t tag, size_t at,
                          size_t end) {
  uint32_t open[AC_WIRE_MAX_DEPTH]; /* the numbers of open groups */
  unsigned n = 0;
  for (;;) {
    uint32_t number = tag >> 3;
    if (number == 0)
      return ac_wire_fail(r, ANYCABLE_ERR_PROTO, "field number is 0");
    if ((tag & 7) == AC_WIRE_END_GROUP) {
      if (n == 0 || open[--n] != number)
        return ac_wire_fail(r, ANYCABLE_ERR_PROTO,
                            "a group ends that is not open");
    } else if (r->unknown_left-- == 0) {
      return ac_wire_fail(r, ANYCABLE_ERR_LIMIT, "too many unknown fields");
    } else if ((tag & 7) == AC_WIRE_START_GROUP) {
      if (n == r->depth)
        return ac_wire_fail(r, ANYCABLE_ERR_PROTO,
                            "groups are nested too deeply");
      open[n++] = number;
    } else {
      at = skip_value(r, tag, at);
    }
    if (n == 0)
      return at;
    if (at >= end)
      return ac_wire_truncated(r);
    at = ac_wire_read_tag(r, at, end, &tag);
  }
}
