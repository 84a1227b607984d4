/* JSON as views: a scanner that validates (RFC 8259) in one linear pass,
 * without recursion and without building a tree, and a writer for strings.
 *
 * A value is the view of its text, as the scanner gave it: a string with its
 * quotes, no white space around. Its first character tells its type. Any value
 * can be read by any of the functions below: those that find another type say
 * so, and none looks beyond the view.
 *
 * |depth| is how many arrays and objects may lie within each other: 0 allows
 * none. AC_JSON_MAX_DEPTH is the most, whatever is asked.
 *
 * Texts are taken to be UTF-8; bytes beyond ASCII are not looked at.
 *
 * Lone surrogates ("\ud800" without its other half) are JSON by the grammar,
 * and a browser's JSON.stringify writes them. So they pass the check, in a text
 * that travels on as it is; but no UTF-8 can hold them, and such a string can
 * not be decoded.
 *
 * Errors are ANYCABLE_ERR_PROTO for what is not JSON or not of the right type,
 * and ANYCABLE_ERR_LIMIT for what is nested deeper than |depth|, whichever is
 * seen first. */
#ifndef AC_BASE_JSON_H
#define AC_BASE_JSON_H

#include <anycable/error.h>

#include "base/arena.h"
#include "base/str.h"

#define AC_JSON_MAX_DEPTH 512

/* Is |text| one JSON value, with white space around it at most? ANYCABLE_OK or
 * an error. */
int ac_json_check(anycable_str text, unsigned depth);

/* From the beginning of a value, at |p|, to behind it; NULL, and the error, if
 * there is none. */
const char *ac_json_scan(const char *p, const char *end, unsigned depth,
                         int *error);

/* A member of an object, or an element of an array, which has no key. */
struct ac_json_item {
  const char *value;
  const char *key; /* what stands between its quotes */
  uint32_t value_len;
  uint32_t key_len;
  bool value_escapes; /* it is a string with escapes */
  bool key_escapes;
};

/* A walk over all of them. */
struct ac_json_walk {
  anycable_str text; /* the value; its length is known at the end */
  const char *at;
  const char *end;
  unsigned depth; /* that is left inside */
  bool object;
  bool first;
  bool escapes; /* there are some in what was seen */
};

/* Begins with |text|, of at most 4 GiB: 1 for an object or an array, itself one
 * level of |depth|; 0 for another value, which is right then; or an error. */
int ac_json_walk(struct ac_json_walk *walk, anycable_str text, unsigned depth);

/* Goes on by |max| items, which it writes |stride| bytes from each other.
 * Returns how many there were: less, where that was the end and all of the text
 * is right; or an error. Keys may come twice. */
int ac_json_walk_on(struct ac_json_walk *walk, struct ac_json_item *items,
                    size_t stride, int max);

/* The same at once for the form that most texts have, in few instructions: an
 * object, of one to |max| members, of strings without escapes and white space,
 * of 16 to 64 bytes. How many there are, written to |items| if that is not
 * NULL; -1 if |text| has another form, is JSON or is not. */
int ac_json_plain_object(anycable_str text, struct ac_json_item *items,
                         size_t stride, int max);

/* Can all strings in |text|, which is JSON, be decoded? */
bool ac_json_decodable(anycable_str text);

/* Walks the members of an object, itself one level of |depth|: |*at| is 0
 * first and is moved on. Returns 1 for a member, its key being a string's JSON
 * text like any other; 0 at the end; or an error where |text| is not an object
 * or is wrong up to and including this member. A walk that came to its end has
 * seen that all of |text| is right. Keys may come twice. */
int ac_json_next_member(anycable_str text, size_t *at, unsigned depth,
                        anycable_str *key, anycable_str *value);

/* Finds the member of an object whose key decodes to |name|. Returns 1; 0 if
 * there is none; or an error as above, for the whole of |text|, and where the
 * key is there twice: readers differ on which of the two they take. */
int ac_json_member(anycable_str text, anycable_str name, unsigned depth,
                   anycable_str *value);

/* Decodes a string into |arena|, NUL-terminated; or gives a view into |value|
 * where there is nothing to decode and |nul| is false (the view then ends at a
 * quote, not at a NUL). ANYCABLE_OK; ANYCABLE_ERR_PROTO for another type, a
 * lone surrogate or \u0000; ANYCABLE_ERR_NOMEM. */
int ac_json_string(struct ac_arena *arena, anycable_str value, bool nul,
                   anycable_str *out);

/* Is |value| a string that decodes to |text|? */
bool ac_json_string_is(anycable_str value, anycable_str text);

/* Reads an integer. ANYCABLE_OK; ANYCABLE_ERR_PROTO for another type, also for
 * a number with a fraction or an exponent, whatever its value;
 * ANYCABLE_ERR_LIMIT for one that does not fit. */
int ac_json_int64(anycable_str value, int64_t *out);

/* |text| as a JSON string, quotes included, NUL-terminated. Its ptr is NULL
 * without memory. |text| is UTF-8. U+2028 and U+2029 are escaped too, as
 * scripts cannot hold them. */
anycable_str ac_json_quoted(struct ac_arena *arena, anycable_str text);

/* The same for who has memory: its length, and the string itself written to
 * |out|, which has that much room; returns its end, where no NUL is set. */
size_t ac_json_quoted_len(anycable_str text);
char *ac_json_quote(char *out, anycable_str text);

/* The same without the quotes: two bytes less. */
char *ac_json_escape(char *out, anycable_str text);

#endif
