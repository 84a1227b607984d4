/* A block of a JSON text at a time: 16 bytes where the processor has vectors
 * for them (SSE2, as every x86-64), else 8, as in base/word.h. */
#ifndef AC_BASE_BLOCK_H
#define AC_BASE_BLOCK_H

#include "base/word.h"

#ifdef __SSE2__

#include <emmintrin.h>

#define AC_BLOCK 16
#define AC_BLOCK_EXACT true /* all bits of a mask are right */

/* A bit for each byte that was looked for. */
typedef uint32_t ac_block_mask;

static inline __m128i ac_block_load(const void *p) {
  return _mm_loadu_si128((const __m128i *)p);
}

static inline __m128i ac_block_is(__m128i block, int byte) {
  return _mm_cmpeq_epi8(block, _mm_set1_epi8((char)byte));
}

/* What cannot stand for itself in a string: quotes, backslashes, controls. */
static inline __m128i ac_block_special_bytes(__m128i block) {
  __m128i control =
      _mm_cmpeq_epi8(_mm_min_epu8(block, _mm_set1_epi8(0x1f)), block);
  return _mm_or_si128(
      control, _mm_or_si128(ac_block_is(block, '"'), ac_block_is(block, '\\')));
}

static inline ac_block_mask ac_block_special(const void *p) {
  return (ac_block_mask)_mm_movemask_epi8(
      ac_block_special_bytes(ac_block_load(p)));
}

/* And what a writer looks at: E2, with which U+2028 begins. */
static inline ac_block_mask ac_block_escaped(const void *p) {
  __m128i block = ac_block_load(p);
  return (ac_block_mask)_mm_movemask_epi8(
      _mm_or_si128(ac_block_special_bytes(block), ac_block_is(block, 0xe2)));
}

/* The special ones of the last |left| bytes before |end|, less than a block, of
 * a text that is one or more long. Without any there may be a bit behind. */
static inline ac_block_mask ac_block_special_tail(const char *end,
                                                  size_t left) {
  return ac_block_special(end - AC_BLOCK) >> (AC_BLOCK - left);
}

static inline unsigned ac_block_first(ac_block_mask mask) {
  return (unsigned)__builtin_ctz(mask);
}

/* A bit for each quote; |*others| gets bits where there are special bytes that
 * are none. */
static inline ac_block_mask ac_block_quotes(const void *p,
                                            ac_block_mask *others) {
  __m128i block = ac_block_load(p);
  __m128i quotes = ac_block_is(block, '"');
  __m128i control =
      _mm_cmpeq_epi8(_mm_min_epu8(block, _mm_set1_epi8(0x1f)), block);
  *others |= (ac_block_mask)_mm_movemask_epi8(
      _mm_or_si128(control, ac_block_is(block, '\\')));
  return (ac_block_mask)_mm_movemask_epi8(quotes);
}

#else

#define AC_BLOCK 8
#define AC_BLOCK_EXACT false /* the lowest one is */

/* The top bit of each byte that was looked for; the lowest bit set is exact. */
typedef uint64_t ac_block_mask;

/* It is ac_word_below and twice ac_word_equal, which for ASCII look at the same
 * top bits. */
static inline ac_block_mask ac_block_special_word(uint64_t word) {
  uint64_t control = word - AC_WORD_ONES * 0x20;
  uint64_t quote = (word ^ AC_WORD_ONES * '"') - AC_WORD_ONES;
  uint64_t backslash = (word ^ AC_WORD_ONES * '\\') - AC_WORD_ONES;
  return (control | quote | backslash) & ~word & AC_WORD_TOPS;
}

static inline ac_block_mask ac_block_special(const void *p) {
  return ac_block_special_word(ac_word_load(p));
}

static inline ac_block_mask ac_block_escaped(const void *p) {
  uint64_t word = ac_word_load(p);
  return ac_block_special_word(word) | ac_word_equal(word, 0xe2);
}

static inline ac_block_mask ac_block_special_tail(const char *end,
                                                  size_t left) {
  return ac_block_special_word(ac_word_load(end - AC_BLOCK) >>
                               (8 * (AC_BLOCK - left)));
}

static inline unsigned ac_block_first(ac_block_mask mask) {
  return ac_word_first(mask);
}

#endif

/* Copies |n| bytes, less than a block, down or to somewhere else. */
static inline void ac_block_copy_part(void *out, const void *from, size_t n) {
  char *to = out;
  const char *p = from;
  if (n >= 8) {
    uint64_t first, last;
    memcpy(&first, p, 8);
    memcpy(&last, p + n - 8, 8);
    memcpy(to, &first, 8);
    memcpy(to + n - 8, &last, 8);
  } else if (n >= 4) {
    uint32_t first, last;
    memcpy(&first, p, 4);
    memcpy(&last, p + n - 4, 4);
    memcpy(to, &first, 4);
    memcpy(to + n - 4, &last, 4);
  } else {
    while (n-- > 0)
      *to++ = *p++;
  }
}

#endif
