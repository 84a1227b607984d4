/* Eight bytes at a time: how texts are scanned without a branch per byte.
 * Each mask has the top bit of every byte that it speaks of. */
#ifndef AC_BASE_WORD_H
#define AC_BASE_WORD_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define AC_WORD_ONES UINT64_C(0x0101010101010101)
#define AC_WORD_TOPS UINT64_C(0x8080808080808080)

/* The first byte in memory is the lowest of the result, everywhere. */
static inline uint64_t ac_word_load(const void *ptr) {
  uint64_t word;
  memcpy(&word, ptr, sizeof(word));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
  word = __builtin_bswap64(word);
#endif
  return word;
}

/* The |len| bytes at |ptr|, less than 8, with zeros behind them. Where reads
 * overlap, the same bytes meet in the same place. */
static inline uint64_t ac_word_load_tail(const void *ptr, size_t len) {
  const unsigned char *p = ptr;
  if (len >= 4) {
    uint32_t first, last;
    memcpy(&first, p, 4);
    memcpy(&last, p + len - 4, 4);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    first = __builtin_bswap32(first);
    last = __builtin_bswap32(last);
#endif
    return first | (uint64_t)last << (8 * (len - 4));
  }
  if (len == 0)
    return 0;
  return p[0] | (uint64_t)p[len / 2] << (8 * (len / 2)) |
         (uint64_t)p[len - 1] << (8 * (len - 1));
}

/* Bytes of 0x80 and above. */
static inline uint64_t ac_word_not_ascii(uint64_t word) {
  return word & AC_WORD_TOPS;
}

/* Bytes below |n|, which is 0x80 at most. The lowest bit set is right, those
 * above it may be borrowed. */
static inline uint64_t ac_word_below(uint64_t word, uint8_t n) {
  return (word - AC_WORD_ONES * n) & ~word & AC_WORD_TOPS;
}

/* Bytes equal to |byte|; exact up to the lowest bit set, as above. */
static inline uint64_t ac_word_equal(uint64_t word, uint8_t byte) {
  return ac_word_below(word ^ (AC_WORD_ONES * byte), 1);
}

/* The index of the first byte in |mask|, which is not 0. */
static inline unsigned ac_word_first(uint64_t mask) {
  return (unsigned)__builtin_ctzll(mask) / 8;
}

#endif
