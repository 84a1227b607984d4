/* A signer and a text, for the commands that do something with both. */
#include "signing.h"
#include "input.h"

/* NULL: the mistake has been told. */
static anycable_signer *new_signer(struct args *args,
                                   const anycable_config *config,
                                   const struct signing *signing) {
  anycable_signer *signer;
  int error = signing->new_signer(&signer, config);

  if (error == ANYCABLE_ERR_STATE)
    args_fail(args, "there is no secret: set %s or ANYCABLE_SECRET",
              signing->variable);
  else if (error != ANYCABLE_OK)
    args_fail(args, "the secret: %s", anycable_strerror(error));
  return signer;
}

int signing_run(struct args *args, const anycable_config *config,
                const struct signing *signing) {
  anycable_signer *signer = new_signer(args, config, signing);
  anycable_str text;

  if (!signer)
    return args->status;
  text = input_text(args, signing->operand);
  if (text.ptr)
    args->status = signing->act(args, signer, text, signing->ctx);
  anycable_signer_free(signer);
  return args->status;
}
