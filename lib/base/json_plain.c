/* The form that most JSON texts have: an object of strings without escapes and
 * white space, of one to four blocks, {"channel":"ChatChannel","room":"1"}.
 * There, a look at the quotes is all. */
#include "base/json.h"

#include "base/block.h"

#ifdef __SSE2__

/* The quotes of |text|, a bit each; 0 where there are other special bytes. */
static inline uint64_t find_quotes(const char *text, size_t len) {
  uint64_t quotes = 0;
  ac_block_mask others = 0;
  size_t at = 0;
  for (; len - at >= AC_BLOCK; at += AC_BLOCK)
    quotes |= (uint64_t)ac_block_quotes(text + at, &others) << at;
  if (at < len) /* once more what was seen, and the rest */
    quotes |= (uint64_t)ac_block_quotes(text + len - AC_BLOCK, &others)
              << (len - AC_BLOCK);
  return others ? 0 : quotes;
}

/* The place of the next quote; where there are no more 63, at which none can be
 * in a text of 64 bytes that ends as it must. */
static inline unsigned next_quote(uint64_t *quotes) {
  unsigned at = (unsigned)__builtin_ctzll(*quotes | UINT64_C(1) << 63);
  *quotes &= *quotes - 1;
  return at;
}

int ac_json_plain_object(anycable_str text, struct ac_json_item *items,
                         size_t stride, int max) {
  const char *p = text.ptr;
  if (text.len < AC_BLOCK || text.len > 4 * AC_BLOCK || *p != '{')
    return -1;
  uint64_t quotes = find_quotes(p, text.len);
  unsigned at = 0; /* of the byte before a key */
  for (int n = 0; n < max; n++) {
    unsigned key = next_quote(&quotes), colon = next_quote(&quotes) + 1;
    unsigned value = next_quote(&quotes), end = next_quote(&quotes) + 1;
    if (key != at + 1 || value != colon + 1 || end >= text.len ||
        p[colon] != ':')
      return -1;
    if (items) {
      *items = (struct ac_json_item){.value = p + value,
                                     .key = p + key + 1,
                                     .value_len = end - value,
                                     .key_len = colon - key - 2};
      items = (struct ac_json_item *)(void *)((char *)items + stride);
    }
    at = end;
    if (p[at] == '}')
      return at == text.len - 1 ? n + 1 : -1;
    if (p[at] != ',')
      return -1;
  }
  return -1;
}

#else

int ac_json_plain_object(anycable_str text, struct ac_json_item *items,
                         size_t stride, int max) {
  (void)text, (void)items, (void)stride, (void)max;
  return -1;
}

#endif
