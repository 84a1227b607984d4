/* Strings that know their length. */
#ifndef ANYCABLE_STR_H
#define ANYCABLE_STR_H

#include <anycable/version.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A view of |len| bytes at |ptr|; this layout is frozen for ever.
 *
 * Every one that the library hands out has ptr[len] == '\0', is never NULL, is
 * valid UTF-8 and has no NUL inside, so both printf("%s", s.ptr) and
 * std::string_view see all of it. (The one exception is binary metadata, see
 * anycable_request_metadata().) One that you hand in needs no NUL behind it;
 * { NULL, 0 } is the empty string. */
typedef struct anycable_str {
  const char *ptr;
  size_t len;
} anycable_str;

/* A string literal as an anycable_str, without counting at run time. */
#ifdef __cplusplus
#define ANYCABLE_STR(literal) (anycable_str{"" literal, sizeof(literal) - 1})
#else
#define ANYCABLE_STR(literal) ((anycable_str){"" literal, sizeof(literal) - 1})
#endif

/* The same for initialising static objects, which must be constant. */
#define ANYCABLE_STR_INIT(literal)                                             \
  { "" literal, sizeof(literal) - 1 }

/* A NUL-terminated string as an anycable_str; NULL gives the empty one. */
ANYCABLE_INLINE anycable_str anycable_str_of(const char *text) {
  anycable_str s;
  s.ptr = text ? text : "";
  s.len = text ? strlen(text) : 0;
  return s;
}

/* True where both hold the same bytes. */
ANYCABLE_INLINE bool anycable_str_equal(anycable_str a, anycable_str b) {
  return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* True where |s| holds the bytes of the NUL-terminated |text|. */
ANYCABLE_INLINE bool anycable_str_is(anycable_str s, const char *text) {
  return anycable_str_equal(s, anycable_str_of(text));
}

/* True where |s| begins with |prefix|. */
ANYCABLE_INLINE bool anycable_str_starts_with(anycable_str s,
                                              anycable_str prefix) {
  return s.len >= prefix.len &&
         (prefix.len == 0 || memcmp(s.ptr, prefix.ptr, prefix.len) == 0);
}

#ifdef __cplusplus
}
#endif

#endif
