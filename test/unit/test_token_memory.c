/* Tokens out of memory, at every point, ours and OpenSSL's: each function says
 * ANYCABLE_ERR_NOMEM, gives nothing back and leaks nothing, and all is well
 * when there is memory again. */
#include <openssl/crypto.h>

#include "failing_malloc.h"
#include "token_fixture.h"

/* --- OpenSSL's allocations ------------------------------------------------ */

static void *crypto_malloc(size_t size, const char *file, int line) {
  (void)file;
  (void)line;
  return malloc(size);
}

static void *crypto_realloc(void *p, size_t size, const char *file, int line) {
  (void)file;
  (void)line;
  return realloc(p, size);
}

static void crypto_free(void *p, const char *file, int line) {
  (void)file;
  (void)line;
  free(p);
}

/* --- what is tried -------------------------------------------------------- */

static anycable_signer *signer;
static char *token, *name;

static int new_signer(void) {
  anycable_signer *another;
  int result = anycable_signer_new(&another, ANYCABLE_STR("other"));
  assert_int_equal(another == NULL, result != ANYCABLE_OK);
  anycable_signer_free(another);
  return result;
}

static int derive(void) {
  char *key;
  int result =
      anycable_secret_derive(ANYCABLE_STR("a"), ANYCABLE_STR("b"), &key);
  assert_int_equal(key == NULL, result != ANYCABLE_OK);
  anycable_free(key);
  return result;
}

static int accept_another(void) {
  return anycable_signer_accept(signer, ANYCABLE_STR("other"));
}

static int encode(void) {
  char *text;
  int result = anycable_jwt_encode(signer, ANYCABLE_STR("{}"), 60, &text);
  assert_int_equal(text == NULL, result != ANYCABLE_OK);
  anycable_free(text);
  return result;
}

static int decode(void) {
  char *text;
  int result = anycable_jwt_decode(signer, anycable_str_of(token), &text, NULL);
  assert_int_equal(text == NULL, result != ANYCABLE_OK);
  anycable_free(text);
  return result;
}

static int sign(void) {
  char *text;
  int result = anycable_stream_identifier(signer, ANYCABLE_STREAM_PUBSUB,
                                          ANYCABLE_STR("news"), &text);
  assert_int_equal(text == NULL, result != ANYCABLE_OK);
  anycable_free(text);
  return result;
}

static int verify(void) {
  char *text;
  int result = anycable_stream_verify(signer, anycable_str_of(name), &text);
  assert_int_equal(text == NULL, result != ANYCABLE_OK);
  anycable_free(text);
  return result;
}

static void test_each(void **state) {
  static int (*const functions[])(void) = {
      new_signer, derive, encode, decode, sign, verify, accept_another};
  (void)state;
  for (size_t i = 0; i < LENGTH(functions); i++) {
    int failures = 0;
    for (int n = 1;; n++) {
      fail_at(n, false);
      int result = functions[i]();
      if (!fail_no_more()) {
        assert_int_equal(result, ANYCABLE_OK);
        break;
      }
      /* Some of OpenSSL's allocations it can do without. */
      failures += result == ANYCABLE_ERR_NOMEM;
      if (result != ANYCABLE_ERR_NOMEM)
        assert_int_equal(result, ANYCABLE_OK);
    }
    assert_true(failures > 0);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_each)};
  if (CRYPTO_set_mem_functions(crypto_malloc, crypto_realloc, crypto_free) != 1)
    return 1;
  signer = signer_with(SECRET);
  /* What OpenSSL keeps for ever, it allocates now. */
  if (anycable_jwt_encode(signer, ANYCABLE_STR("{\"a\":\"\\n\"}"), 0, &token) ||
      anycable_stream_sign(signer, ANYCABLE_STR("news"), &name))
    return 1;
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  anycable_free(token);
  anycable_free(name);
  anycable_signer_free(signer);
  return failed;
}
