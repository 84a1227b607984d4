/* Texts that users of token.h get, and free with anycable_free(). */
#ifndef AC_TOKEN_TEXT_H
#define AC_TOKEN_TEXT_H

#include "base/str.h"

/* How long a token or a signed name may be. Longer ones are not looked at. */
#define AC_TOKEN_MAX 8192

/* Room for |len| bytes, and the NUL behind them, which is set. NULL without
 * memory. */
char *ac_text_new(size_t len);

/* A copy of |s|. NULL without memory. */
char *ac_text_copy(anycable_str s);

#endif
