/* JSON as views: a scanner that validates (RFC 8259) in one pass, without
 * recursion and without building a tree, and a writer for strings. */
#ifndef AC_BASE_JSON_H
#define AC_BASE_JSON_H

#include <anycable/error.h>

#include "base/arena.h"
#include "base/str.h"

/* Is |text| one JSON value and nothing else? ANYCABLE_OK; ANYCABLE_ERR_PROTO
 * if not; ANYCABLE_ERR_LIMIT where it is nested deeper than |depth|. Texts are
 * UTF-8 already. */
int ac_json_check(anycable_str text, unsigned depth);

/* Walks the members of an object: |*at| is 0 first and is moved on. The key is
 * raw, between its quotes; the value is its JSON text without white space
 * around it. Returns 1 for a member, 0 at the end, or an error as above, where
 * |text| is not an object or is wrong up to and including this member. */
int ac_json_next_member(anycable_str text, size_t *at, unsigned depth,
                        anycable_str *key, anycable_str *value);

/* Decodes the JSON string |value|, quotes included, into |arena|, or gives a
 * view into |value| where there is nothing to decode and |nul| is false (the
 * view then ends at a quote, not at a NUL). ANYCABLE_ERR_PROTO for another
 * type, a lone surrogate or \u0000; ANYCABLE_ERR_NOMEM. */
int ac_json_string(struct ac_arena *arena, anycable_str value, bool nul,
                   anycable_str *out);

/* The length of |text| as a JSON string, with quotes, and the string itself
 * written to |out|, which has that much room. |text| is UTF-8. U+2028 and
 * U+2029 are escaped too, as scripts cannot hold them. */
size_t ac_json_quoted_len(anycable_str text);
void ac_json_quote(char *out, anycable_str text);

#endif
