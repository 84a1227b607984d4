/* A signer with the secret of all vectors, for a group of tests. */
#ifndef SIGNER_FIXTURE_H
#define SIGNER_FIXTURE_H

#include "token_fixture.h"

static anycable_signer *signer;

static int set_up(void **state) {
  (void)state;
  signer = signer_with(SECRET);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  anycable_signer_free(signer);
  return 0;
}

#endif
