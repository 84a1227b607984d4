/* Reads protobuf's wire format: tags, lengths, text, and what to skip.
 *
 * Positions are offsets into the message. A reader returns where it has come
 * to; what is beyond the end that it was given, or that its caller knows, says
 * that it failed or that the message is truncated. Nothing is read behind the
 * spare byte at the message's end. */
#ifndef AC_WIRE_READER_H
#define AC_WIRE_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

/* Messages and groups inside each other: protobuf's own limit. */
#define AC_WIRE_MAX_DEPTH 100
/* Beyond every end, and still there with a length added. */
#define AC_WIRE_NOWHERE (SIZE_MAX / 4)

enum ac_wire_type {
  AC_WIRE_VARINT,
  AC_WIRE_FIXED64,
  AC_WIRE_LEN,
  AC_WIRE_START_GROUP,
  AC_WIRE_END_GROUP,
  AC_WIRE_FIXED32
};

/* The tag of a string, a message or an entry. */
#define AC_WIRE_LEN_TAG(number) ((number) << 3 | AC_WIRE_LEN)

struct ac_wire_reader {
  const char *data;
  size_t len;
  const char *last;    /* the spare byte, which is NUL */
  size_t unknown_left; /* how many more fields may be skipped */
  unsigned depth;      /* levels that may still be opened */
  size_t span;         /* whether text is plain is not known from here on */
  size_t doubt_from;   /* between these two, some is not */
  size_t doubt_to;
  int error;
  const char *reason;
};

/* Keeps the first |reason|, as others follow from it. Returns NOWHERE. */
size_t ac_wire_fail(struct ac_wire_reader *r, int error, const char *reason);
size_t ac_wire_truncated(struct ac_wire_reader *r);

/* Text that is nothing but ASCII without NUL needs no other check, and nearly
 * all is. Tags are such bytes, too, and lengths from 1 to 127: so whole spans
 * of the message are looked at, from one odd length to the next. Where a span
 * is not plain, its strings must be looked at by themselves. */

/* Ends the span at |at|, and looks whether it was plain. */
void ac_wire_end_span(struct ac_wire_reader *r, size_t at);

/* Is |s| valid UTF-8, without a NUL? Fails otherwise. */
bool ac_wire_check_text(struct ac_wire_reader *r, anycable_str s);

/* The same for a string that is part of a span. */
static inline bool ac_wire_check_doubtful(struct ac_wire_reader *r,
                                          anycable_str s) {
  return s.ptr < r->data + r->doubt_from || s.ptr >= r->data + r->doubt_to ||
         ac_wire_check_text(r, s);
}

/* The slow halves of what is below. */
size_t ac_wire_read_long_tag(struct ac_wire_reader *r, size_t at, size_t end,
                             uint32_t *tag);
size_t ac_wire_read_odd_length(struct ac_wire_reader *r, size_t at,
                               size_t *out);

/* Skips a field whose |tag| has been read, a group with all that it holds. */
size_t ac_wire_skip_field(struct ac_wire_reader *r, uint32_t tag, size_t at,
                          size_t end);

static inline unsigned ac_wire_byte(const struct ac_wire_reader *r, size_t at) {
  return (unsigned char)r->data[at];
}

/* |at| is before |end|. A bad tag reads as 0, which no field has. */
static inline size_t ac_wire_read_tag(struct ac_wire_reader *r, size_t at,
                                      size_t end, uint32_t *tag) {
  *tag = ac_wire_byte(r, at);
  if (*tag < 0x80)
    return at + 1;
  uint32_t value;
  at = ac_wire_read_long_tag(r, at, end, &value);
  *tag = value;
  return at;
}

/* The length of what follows, of which not all may be there. */
static inline size_t ac_wire_read_length(struct ac_wire_reader *r, size_t at,
                                         size_t *out) {
  size_t len = ac_wire_byte(r, at);
  if (len - 1 < 0x7f) {
    *out = len;
    return at + 1;
  }
  size_t odd;
  at = ac_wire_read_odd_length(r, at, &odd);
  *out = odd;
  return at;
}

/* A view of text, which is not checked, nor that all of it is there. */
static inline size_t ac_wire_read_text(struct ac_wire_reader *r, size_t at,
                                       anycable_str *out) {
  size_t len;
  at = ac_wire_read_length(r, at, &len);
  *out = ac_str(r->data + at, len);
  return at + len;
}

#endif
