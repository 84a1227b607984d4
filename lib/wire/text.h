/* A quick look at text, most of which is plain ASCII. */
#ifndef AC_WIRE_TEXT_H
#define AC_WIRE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef signed char ac_wire_block __attribute__((vector_size(16)));
typedef uint64_t ac_wire_halves __attribute__((vector_size(16)));

static inline ac_wire_block ac_wire_load(const void *p) {
  ac_wire_block block;
  memcpy(&block, p, sizeof(block));
  return block;
}

/* Are these |len| bytes all ASCII and none of them NUL? True is certain; false
 * may also mean that it was not worth looking. Up to |last|, that included,
 * memory can be read. */
static inline bool ac_wire_is_plain(const char *p, size_t len,
                                    const char *last) {
  static const signed char ignore[32] = {
      0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,
      -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1};
  const ac_wire_block zero = {0};
  ac_wire_block good; /* -1 for each byte that is */
  if (len < 16) {
    if (last - p < 15)
      return false;
    good = (ac_wire_load(p) > zero) | ac_wire_load(ignore + 16 - len);
  } else {
    const char *tail = p + len - 16;
    good = ac_wire_load(tail) > zero;
    for (; tail - p > 48; p += 64)
      good &= (ac_wire_load(p) > zero) & (ac_wire_load(p + 16) > zero) &
              (ac_wire_load(p + 32) > zero) & (ac_wire_load(p + 48) > zero);
    for (; p < tail; p += 16)
      good &= ac_wire_load(p) > zero;
  }
  ac_wire_halves halves = (ac_wire_halves)good;
  return (halves[0] & halves[1]) == UINT64_MAX;
}

#endif
