/* Base64 (RFC 4648) as tokens have it: nothing but the alphabet, and bits that
 * no byte needs are zero, so that what decodes was written in one way only. */
#ifndef AC_TOKEN_BASE64_H
#define AC_TOKEN_BASE64_H

#include "base/str.h"

enum ac_base64 {
  AC_BASE64_URL,    /* the alphabet for URLs, without padding: JWT */
  AC_BASE64_PADDED, /* the standard one, with padding; read with either */
};

/* How long the text of |len| bytes is. */
size_t ac_base64_len(size_t len, enum ac_base64 form);

/* Writes that text; returns its end, where no NUL is set. */
char *ac_base64_encode(char *out, anycable_str bytes, enum ac_base64 form);

/* Decodes to |out|, which has room for |text.len| / 4 * 3 + 2 bytes. False if
 * |text| is not of that form. */
bool ac_base64_decode(char *out, size_t *len, anycable_str text,
                      enum ac_base64 form);

#endif
