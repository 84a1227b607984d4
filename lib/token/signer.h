/* The inside of a signer: the secrets, and memory to read tokens in. */
#ifndef AC_TOKEN_SIGNER_H
#define AC_TOKEN_SIGNER_H

#include <anycable/token.h>

#include "base/arena.h"
#include "token/secret.h"

struct anycable_signer {
  struct ac_secret *secrets; /* a list: the first one signs */
  struct ac_arena_pool *pool;
};

/* Memory for one token, and for all that is read out of it; free it with
 * ac_arena_free(). NULL without memory. */
struct ac_arena *ac_signer_arena(const anycable_signer *signer);

/* Signs |text|. False without memory. */
bool ac_signer_sign(const anycable_signer *signer, anycable_str text,
                    struct ac_mac *out);

/* Has one of the secrets signed |text| with |mac|? ANYCABLE_OK;
 * ANYCABLE_ERR_SIGNATURE; ANYCABLE_ERR_NOMEM. It takes as long whichever of
 * them it was. */
int ac_signer_check(const anycable_signer *signer, anycable_str text,
                    const struct ac_mac *mac);

#endif
