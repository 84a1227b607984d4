/* Parts of an http URL, as views, and percent-decoding. The views end where
 * the URL goes on, not at a NUL. */
#ifndef AC_BASE_URI_H
#define AC_BASE_URI_H

#include "base/arena.h"
#include "base/str.h"

/* The path, still encoded, "/" where there is none: between the authority and
 * the first '?' or '#'. A URL that starts with '/' is its own path; in another
 * one without a scheme, all before the first '/' counts as authority. */
anycable_str ac_uri_path(anycable_str url);

/* What stands between the first '?' and '#', still encoded. */
anycable_str ac_uri_query(anycable_str url);

/* Decodes %XX, and '+' as a space if |plus|, into a NUL-terminated string. A
 * '%' that is not followed by two hex digits stays as it is. False without
 * memory, or where the result has a NUL or is not UTF-8; |*out| is then as it
 * was. */
bool ac_uri_decode(struct ac_arena *arena, anycable_str text, bool plus,
                   anycable_str *out);

/* The decoded value of the first |name| in a query, '+' being a space, empty
 * for a name without '='; false as above, or where there is none. Names are
 * compared decoded. */
bool ac_uri_param(struct ac_arena *arena, anycable_str query, anycable_str name,
                  anycable_str *out);

#endif
