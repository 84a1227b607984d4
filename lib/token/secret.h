/* A secret, and what is signed with it: HMAC-SHA256. */
#ifndef AC_TOKEN_SECRET_H
#define AC_TOKEN_SECRET_H

#include "base/str.h"

#define AC_MAC_SIZE 32

struct ac_mac {
  unsigned char bytes[AC_MAC_SIZE];
};

struct ac_secret {
  struct ac_secret *next;
  size_t len;
  char bytes[];
};

/* A copy of |bytes|. ANYCABLE_OK; ANYCABLE_ERR_INVALID if it is empty;
 * ANYCABLE_ERR_NOMEM. */
int ac_secret_new(struct ac_secret **out, anycable_str bytes);

/* Wipes and frees; NULL is fine. */
void ac_secret_free(struct ac_secret *secret);

/* Signs |text|. False without memory. */
bool ac_secret_sign(const struct ac_secret *secret, anycable_str text,
                    struct ac_mac *out);

/* In constant time. */
bool ac_mac_equal(const struct ac_mac *a, const struct ac_mac *b);

/* As 64 lower-case hex digits; returns their end, where no NUL is set. */
#define AC_MAC_HEX_LEN (2 * AC_MAC_SIZE)
char *ac_mac_to_hex(char *out, const struct ac_mac *mac);

/* From just those; false for anything else. */
bool ac_mac_from_hex(struct ac_mac *out, anycable_str hex);

#endif
