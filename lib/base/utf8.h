/* Is a text valid UTF-8? Overlong forms, surrogates and code points beyond
 * U+10FFFF are not, as in Go and in protobuf. NUL is. */
#ifndef AC_BASE_UTF8_H
#define AC_BASE_UTF8_H

#include "base/str.h"

bool ac_utf8_valid(anycable_str s);

/* The length of the first character of |s|, 1 to 4, or 0 where |s| is empty or
 * does not begin with a valid one. */
size_t ac_utf8_char_len(anycable_str s);

/* The length of the longest prefix of |s| that is at most |max| bytes and does
 * not end inside a character. |s| is valid UTF-8. */
size_t ac_utf8_cut(anycable_str s, size_t max);

/* Makes the |len| bytes at |text| valid: each that is not becomes a '?'. */
void ac_utf8_scrub(char *text, size_t len);

#endif
