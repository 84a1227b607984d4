/* What all commands do alike that sign something, or check what was signed:
 * they take the secret from the settings, and the text from an operand or from
 * standard input. */
#ifndef TOOL_SIGNING_H
#define TOOL_SIGNING_H

#include "args.h"

#include <anycable/token.h>

struct signing {
  /* What makes the signer, one of the library, and the variable that is to be
   * set where there is no secret. */
  int (*new_signer)(anycable_signer **out, const anycable_config *config);
  const char *variable;

  const char *operand; /* the text, or "-" for standard input */

  /* Signs or checks the text, and prints what comes of it. Returns the exit
   * status. */
  int (*act)(struct args *args, const anycable_signer *signer,
             anycable_str text, void *ctx);
  void *ctx;
};

/* Returns the exit status: that of |act|, or of the mistake that was told. */
int signing_run(struct args *args, const anycable_config *config,
                const struct signing *signing);

#endif
