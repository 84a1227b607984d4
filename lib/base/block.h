/* A block of a text at a time: 16 bytes where the processor has vectors
 * for them (SSE2, as every x86-64), else 8, as in base/word.h. */
#ifndef AC_BASE_BLOCK_H
#define AC_BASE_BLOCK_H

#include <stdbool.h>

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

/* Controls and DEL: what cannot stand in a line of text, and the tab. */
static inline ac_block_mask ac_block_not_text(const void *p) {
  __m128i block = ac_block_load(p);
  __m128i control =
      _mm_cmpeq_epi8(_mm_min_epu8(block, _mm_set1_epi8(0x1f)), block);
  return (ac_block_mask)_mm_movemask_epi8(
      _mm_or_si128(control, ac_block_is(block, 0x7f)));
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

/* Puts the letters of a block in lower case, up to what is neither a letter nor
 * a digit nor a hyphen. How many bytes that were. */
static inline size_t ac_block_lower(char *p) {
  static const char firsts[2 * AC_BLOCK] = {[0 ... AC_BLOCK - 1] = 0x20};
  __m128i block = ac_block_load(p);
  __m128i letter = _mm_sub_epi8(_mm_or_si128(block, _mm_set1_epi8(0x20)),
                                _mm_set1_epi8('a'));
  __m128i digit = _mm_sub_epi8(block, _mm_set1_epi8('0'));
  letter = _mm_cmpeq_epi8(_mm_min_epu8(letter, _mm_set1_epi8(25)), letter);
  digit = _mm_cmpeq_epi8(_mm_min_epu8(digit, _mm_set1_epi8(9)), digit);
  __m128i good =
      _mm_or_si128(_mm_or_si128(letter, digit), ac_block_is(block, '-'));
  size_t n = ac_block_first(~(ac_block_mask)_mm_movemask_epi8(good));
  __m128i bits = _mm_and_si128(letter, ac_block_load(firsts + AC_BLOCK - n));
  _mm_storeu_si128((__m128i *)(void *)p, _mm_or_si128(block, bits));
  return n;
}

/* Are four blocks all ASCII? */
static inline bool ac_block_four_ascii(const unsigned char *p) {
  __m128i one = _mm_or_si128(ac_block_load(p), ac_block_load(p + 16));
  __m128i two = _mm_or_si128(ac_block_load(p + 32), ac_block_load(p + 48));
  return _mm_movemask_epi8(_mm_or_si128(one, two)) == 0;
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

static inline ac_block_mask ac_block_not_text(const void *p) {
  uint64_t word = ac_word_load(p);
  return ac_word_below(word, 0x20) | ac_word_equal(word, 0x7f);
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

static inline size_t ac_block_lower(char *p) {
  size_t n = 0;
  for (; n < AC_BLOCK; n++) {
    if ((p[n] | 0x20) >= 'a' && (p[n] | 0x20) <= 'z')
      p[n] |= 0x20;
    else if (p[n] != '-' && !(p[n] >= '0' && p[n] <= '9'))
      break;
  }
  return n;
}

static inline bool ac_block_four_ascii(const unsigned char *p) {
  return !ac_word_not_ascii(ac_word_load(p) | ac_word_load(p + 8) |
                            ac_word_load(p + 16) | ac_word_load(p + 24));
}

#endif

#endif
