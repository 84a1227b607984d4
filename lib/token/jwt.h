/* JWT at a given time, for who has a clock of their own. */
#ifndef AC_TOKEN_JWT_H
#define AC_TOKEN_JWT_H

#include <anycable/token.h>

/* As anycable_jwt_encode() and anycable_jwt_decode(), which ask the wall clock
 * for |now|: seconds since 1970. */
int ac_jwt_encode(const anycable_signer *signer, anycable_str identifiers,
                  int64_t ttl_seconds, int64_t now, char **out);
int ac_jwt_decode(const anycable_signer *signer, anycable_str token,
                  int64_t now, char **identifiers, int64_t *expires_at);

#endif
