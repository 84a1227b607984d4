/* What tests of tokens share: a signer, and texts that end where their memory
 * ends. */
#ifndef TOKEN_FIXTURE_H
#define TOKEN_FIXTURE_H

#include <anycable/token.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"

#define LENGTH(array) (sizeof(array) / sizeof(*(array)))

/* The secret of all vectors here. */
#define SECRET "s3Krit"

static inline anycable_signer *signer_with(const char *secret) {
  anycable_signer *signer;
  assert_int_equal(anycable_signer_new(&signer, anycable_str_of(secret)),
                   ANYCABLE_OK);
  return signer;
}

/* A copy without a NUL behind it: reading too far is an error under
 * AddressSanitizer. */
static inline anycable_str exact(const char *text, size_t len) {
  char *copy = malloc(len ? len : 1);
  assert_non_null(copy);
  if (len > 0)
    memcpy(copy, text, len);
  return ac_str(copy, len);
}

static inline void drop(anycable_str s) {
  free((void *)(uintptr_t)s.ptr);
}

/* Numbers that are the same in every run. */
static inline unsigned next_random(unsigned below) {
  static uint64_t state = 88172645463325252u;
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return (unsigned)(state >> 20) % below;
}

/* A text of 1 to |max| characters, of up to four bytes each; |out| has room for
 * all of them. */
static inline void random_text(char *out, unsigned max) {
  static const char *const characters[] = {
      "a",    "b",   "?", "~", ">",        "\"",           "\\",
      "\n",   "/",   "-", "=", "\xc3\xa9", "\xe2\x80\xa8", "\xf0\x9f\x98\x80",
      "\x7f", "\x01"};
  for (unsigned n = 1 + next_random(max); n > 0; n--)
    out = stpcpy(out, characters[next_random(LENGTH(characters))]);
}

#endif
