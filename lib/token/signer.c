/* Signers: the secret that signs, and those that are accepted besides. */
#include "token/signer.h"

#include <stdlib.h>

#include "token/text.h"

/* A token is decoded once as base64, and its strings once as JSON. */
#define ARENA_BLOCK 2048
#define ARENA_CAP (8 * AC_TOKEN_MAX)
#define ARENAS_KEPT 4

int anycable_signer_new(anycable_signer **out, anycable_str secret) {
  *out = NULL;
  struct ac_secret *first;
  int result = ac_secret_new(&first, secret);
  if (result != ANYCABLE_OK)
    return result;
  anycable_signer *signer = calloc(1, sizeof(*signer));
  if (signer)
    signer->pool = ac_arena_pool_new(ARENA_BLOCK, ARENAS_KEPT);
  if (!signer || !signer->pool) {
    free(signer);
    ac_secret_free(first);
    return ANYCABLE_ERR_NOMEM;
  }
  signer->secrets = first;
  *out = signer;
  return ANYCABLE_OK;
}

int anycable_signer_accept(anycable_signer *signer, anycable_str secret) {
  struct ac_secret *another;
  int result = ac_secret_new(&another, secret);
  if (result != ANYCABLE_OK)
    return result;
  another->next = signer->secrets->next;
  signer->secrets->next = another;
  return ANYCABLE_OK;
}

void anycable_signer_free(anycable_signer *signer) {
  if (!signer)
    return;
  struct ac_secret *secret = signer->secrets;
  while (secret) {
    struct ac_secret *next = secret->next;
    ac_secret_free(secret);
    secret = next;
  }
  ac_arena_pool_release(signer->pool);
  free(signer);
}

struct ac_arena *ac_signer_arena(const anycable_signer *signer) {
  return ac_arena_new(signer->pool, ARENA_CAP);
}

bool ac_signer_sign(const anycable_signer *signer, anycable_str text,
                    struct ac_mac *out) {
  return ac_secret_sign(signer->secrets, text, out);
}

int ac_signer_check(const anycable_signer *signer, anycable_str text,
                    const struct ac_mac *mac) {
  bool signed_by_one = false;
  /* No early end: that would tell which secret it was. */
  for (const struct ac_secret *s = signer->secrets; s; s = s->next) {
    struct ac_mac expected;
    if (!ac_secret_sign(s, text, &expected))
      return ANYCABLE_ERR_NOMEM;
    signed_by_one |= ac_mac_equal(&expected, mac);
  }
  return signed_by_one ? ANYCABLE_OK : ANYCABLE_ERR_SIGNATURE;
}
