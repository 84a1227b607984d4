/* Signers, their secrets, and keys that are derived from one. */
#include "token/signer.h"

#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "token_fixture.h"

static void assert_derives(anycable_str secret, const char *phrase,
                           const char *expected) {
  char *hex;
  assert_int_equal(
      anycable_secret_derive(secret, anycable_str_of(phrase), &hex),
      ANYCABLE_OK);
  assert_string_equal(hex, expected);
  anycable_free(hex);
}

/* RFC 4231, test cases 1, 2 and 6: a short key, words, and a key longer than
 * SHA-256's block. */
static void test_vectors(void **state) {
  char key[131];
  (void)state;
  memset(key, 0x0b, 20);
  assert_derives(
      ac_str(key, 20), "Hi There",
      "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  assert_derives(
      ANYCABLE_STR("Jefe"), "what do ya want for nothing?",
      "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  memset(key, 0xaa, sizeof(key));
  assert_derives(
      ac_str(key, sizeof(key)),
      "Test Using Larger Than Block-Size Key - Hash Key First",
      "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

/* Made by: echo -n broadcast-cable | openssl dgst -sha256 -hmac s3Krit */
static void test_phrases(void **state) {
  (void)state;
  assert_derives(
      ANYCABLE_STR(SECRET), ANYCABLE_PHRASE_BROADCAST,
      "a239a7ca182c90fc32bdedf73703d271388cf433843affffd3a5e757041fc716");
  assert_derives(
      ANYCABLE_STR(SECRET), ANYCABLE_PHRASE_RPC,
      "08ac56f1562c6377ddd5d2d55cee2e35e117a55959d6a6ea3a63548ef0a7e559");
  assert_derives(
      ANYCABLE_STR(SECRET), ANYCABLE_PHRASE_API,
      "1db397202b5bd68b12665b638515c3aeac9100f721fd7c4fcb6f29c69f32c886");
}

static void test_empty(void **state) {
  anycable_str empty = {NULL, 0};
  char *out;
  anycable_signer *signer;
  (void)state;
  assert_int_equal(anycable_secret_derive(empty, ANYCABLE_STR("x"), &out),
                   ANYCABLE_ERR_INVALID);
  assert_null(out);
  assert_int_equal(anycable_secret_derive(ANYCABLE_STR("x"), empty, &out),
                   ANYCABLE_ERR_INVALID);
  assert_null(out);
  assert_int_equal(anycable_signer_new(&signer, empty), ANYCABLE_ERR_INVALID);
  assert_null(signer);
  signer = signer_with(SECRET);
  assert_int_equal(anycable_signer_accept(signer, empty), ANYCABLE_ERR_INVALID);
  anycable_signer_free(signer);
  anycable_signer_free(NULL);
  anycable_free(NULL);
}

/* OpenSSL counts in int: a secret that long is none. It is not looked at. */
static void test_huge(void **state) {
  anycable_signer *signer;
  (void)state;
  assert_int_equal(
      anycable_signer_new(&signer, ac_str("x", (size_t)INT32_MAX + 1)),
      ANYCABLE_ERR_INVALID);
}

static void test_secret_is_copied(void **state) {
  char secret[] = SECRET;
  anycable_signer *signer, *same = signer_with(SECRET);
  struct ac_mac a, b;
  (void)state;
  assert_int_equal(anycable_signer_new(&signer, anycable_str_of(secret)),
                   ANYCABLE_OK);
  memset(secret, 'x', sizeof(secret));
  assert_true(ac_signer_sign(signer, ANYCABLE_STR("text"), &a));
  assert_true(ac_signer_sign(same, ANYCABLE_STR("text"), &b));
  assert_true(ac_mac_equal(&a, &b));
  anycable_signer_free(signer);
  anycable_signer_free(same);
}

/* A signer with three secrets checks what each of them has signed, and signs
 * with the first. */
static void test_accept(void **state) {
  static const char *const secrets[] = {"new", "old", "older"};
  anycable_signer *signer = signer_with("new");
  struct ac_mac mac, own;
  (void)state;
  for (int i = 1; i < 3; i++)
    assert_int_equal(
        anycable_signer_accept(signer, anycable_str_of(secrets[i])),
        ANYCABLE_OK);
  assert_true(ac_signer_sign(signer, ANYCABLE_STR("text"), &own));
  for (int i = 0; i < 3; i++) {
    anycable_signer *other = signer_with(secrets[i]);
    assert_true(ac_signer_sign(other, ANYCABLE_STR("text"), &mac));
    assert_int_equal(ac_signer_check(signer, ANYCABLE_STR("text"), &mac),
                     ANYCABLE_OK);
    assert_int_equal(ac_mac_equal(&mac, &own), i == 0);
    assert_int_equal(ac_signer_check(signer, ANYCABLE_STR("texT"), &mac),
                     ANYCABLE_ERR_SIGNATURE);
    mac.bytes[31] ^= 1;
    assert_int_equal(ac_signer_check(signer, ANYCABLE_STR("text"), &mac),
                     ANYCABLE_ERR_SIGNATURE);
    anycable_signer_free(other);
  }
  anycable_signer_free(signer);
}

static void test_hex(void **state) {
  struct ac_mac mac, again;
  char hex[AC_MAC_HEX_LEN + 2];
  (void)state;
  for (int i = 0; i < AC_MAC_SIZE; i++)
    mac.bytes[i] = (unsigned char)(i * 8 + i % 8);
  assert_ptr_equal(ac_mac_to_hex(hex, &mac), hex + AC_MAC_HEX_LEN);
  assert_true(ac_mac_from_hex(&again, ac_str(hex, AC_MAC_HEX_LEN)));
  assert_true(ac_mac_equal(&mac, &again));
  assert_false(ac_mac_from_hex(&again, ac_str(hex, AC_MAC_HEX_LEN - 1)));
  hex[AC_MAC_HEX_LEN] = '0';
  assert_false(ac_mac_from_hex(&again, ac_str(hex, AC_MAC_HEX_LEN + 1)));
  for (int c = 0; c < 256; c++) {
    bool digit = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
    for (int at = 0; at < 2; at++) {
      char before = hex[at];
      hex[at] = (char)c;
      assert_int_equal(ac_mac_from_hex(&again, ac_str(hex, AC_MAC_HEX_LEN)),
                       digit);
      hex[at] = before;
    }
  }
}

/* --- threads, and the end of the host ------------------------------------- */

static void *sign_and_verify(void *arg) {
  const anycable_signer *signer = arg;
  for (int i = 0; i < 200; i++) {
    char name[32], *text, *stream;
    snprintf(name, sizeof(name), "stream %d", i);
    if (anycable_stream_sign(signer, anycable_str_of(name), &text) !=
            ANYCABLE_OK ||
        anycable_stream_verify(signer, anycable_str_of(text), &stream) !=
            ANYCABLE_OK ||
        strcmp(name, stream) != 0)
      return arg;
    anycable_free(text);
    anycable_free(stream);
  }
  return NULL;
}

static void test_threads(void **state) {
  anycable_signer *signer = signer_with(SECRET);
  pthread_t threads[4];
  (void)state;
  for (int i = 0; i < 4; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, sign_and_verify, signer),
                     0);
  for (int i = 0; i < 4; i++) {
    void *failed;
    pthread_join(threads[i], &failed);
    assert_null(failed);
  }
  anycable_signer_free(signer);
}

static anycable_signer *last_signer;

/* Behind OpenSSL's own exit handler, were there one. */
static void sign_at_the_end(void) {
  _exit(sign_and_verify(last_signer) ? 1 : 0);
}

/* The host exits, and a thread still signs. In a process that has not used
 * OpenSSL before, which is why this test is the first. */
static void test_exit(void **state) {
  (void)state;
  pid_t child = fork();
  if (child == 0) {
    atexit(sign_at_the_end);
    last_signer = signer_with(SECRET);
    exit(sign_and_verify(last_signer) ? 2 : 3);
  }
  int status;
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_true(WIFEXITED(status));
  assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_exit),    cmocka_unit_test(test_vectors),
      cmocka_unit_test(test_phrases), cmocka_unit_test(test_empty),
      cmocka_unit_test(test_huge),    cmocka_unit_test(test_secret_is_copied),
      cmocka_unit_test(test_accept),  cmocka_unit_test(test_hex),
      cmocka_unit_test(test_threads),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
