/* Signers with the secrets of a config. */
#include <anycable/token.h>

static int new_signer(anycable_signer **out, const anycable_config *config,
                      int setting) {
  *out = NULL;
  if (!config)
    return ANYCABLE_ERR_INVALID;
  anycable_str secret = anycable_str_of(anycable_config_get(config, setting));
  if (secret.len == 0)
    return ANYCABLE_ERR_STATE;
  return anycable_signer_new(out, secret);
}

int anycable_signer_new_jwt(anycable_signer **out,
                            const anycable_config *config) {
  return new_signer(out, config, ANYCABLE_SETTING_JWT_SECRET);
}

int anycable_signer_new_streams(anycable_signer **out,
                                const anycable_config *config) {
  return new_signer(out, config, ANYCABLE_SETTING_STREAMS_SECRET);
}
