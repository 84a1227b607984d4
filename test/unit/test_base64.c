/* Base64: the vectors of RFC 4648, both alphabets, and all that is no base64.
 */
#include "token/base64.h"

#include "token_fixture.h"

static void assert_encodes(const char *bytes, size_t len, const char *text,
                           enum ac_base64 form) {
  char out[64];
  anycable_str in = exact(bytes, len);
  char *end = ac_base64_encode(out, in, form);
  drop(in);
  *end = '\0';
  assert_string_equal(out, text);
  assert_int_equal(strlen(text), ac_base64_len(len, form));
}

static bool decode(const char *text, enum ac_base64 form, char *out,
                   size_t *len) {
  anycable_str in = exact(text, strlen(text));
  char *room = malloc(in.len / 4 * 3 + 2);
  assert_non_null(room);
  bool ok = ac_base64_decode(room, len, in, form);
  if (ok)
    memcpy(out, room, *len);
  free(room);
  drop(in);
  return ok;
}

static void assert_decodes(const char *text, const char *bytes, size_t len,
                           enum ac_base64 form) {
  char out[64];
  size_t got;
  assert_true(decode(text, form, out, &got));
  assert_int_equal(got, len);
  assert_memory_equal(out, bytes, len);
}

/* RFC 4648, section 10; and bytes that the alphabets write differently. */
static void test_vectors(void **state) {
  static const struct {
    const char *bytes, *padded, *url;
  } vectors[] = {{"", "", ""},
                 {"f", "Zg==", "Zg"},
                 {"fo", "Zm8=", "Zm8"},
                 {"foo", "Zm9v", "Zm9v"},
                 {"foob", "Zm9vYg==", "Zm9vYg"},
                 {"fooba", "Zm9vYmE=", "Zm9vYmE"},
                 {"foobar", "Zm9vYmFy", "Zm9vYmFy"},
                 {"\xff\xff\xff", "////", "____"},
                 {"\xfb\xef\xbe", "++++", "----"},
                 {"\xff\xfe", "//4=", "__4"},
                 {"\xfa", "+g==", "-g"}};
  (void)state;
  for (size_t i = 0; i < LENGTH(vectors); i++) {
    const char *bytes = vectors[i].bytes;
    size_t len = strlen(bytes);
    assert_encodes(bytes, len, vectors[i].padded, AC_BASE64_PADDED);
    assert_encodes(bytes, len, vectors[i].url, AC_BASE64_URL);
    assert_decodes(vectors[i].padded, bytes, len, AC_BASE64_PADDED);
    assert_decodes(vectors[i].url, bytes, len, AC_BASE64_URL);
  }
}

static void test_padded_is_read_in_either_alphabet(void **state) {
  (void)state;
  assert_decodes("__4=", "\xff\xfe", 2, AC_BASE64_PADDED);
  assert_decodes("-g==", "\xfa", 1, AC_BASE64_PADDED);
  assert_decodes("+-/_", "\xfb\xef\xff", 3, AC_BASE64_PADDED);
}

static void test_refused(void **state) {
  static const char *const neither[] = {
      "A",        "AAAAA", "Zg=",   "=",       "==",    "===",
      "====",     "Zg=a",  "=AAA",  "Z===",    "Zm9 v", "Zm9v ",
      " Zm9v",    "\n",    "Zm9\n", "Zm.v",    "Zm9,",  "Zm9\xc3",
      "Zm8=Zm8=", "Zh==",  "Zm9=",  "Zg==Zg=="};
  /* The last three have bits that no byte needs. */
  static const char *const not_url[] = {"Zg==", "Zm8=",   "////", "++++",
                                        "Zh",   "Zm9vYh", "Zm9"};
  static const char *const not_padded[] = {"Zg", "Zm8", "Zm9vYg", "Zm9vYmE"};
  char out[64];
  size_t len;
  (void)state;
  for (size_t i = 0; i < LENGTH(neither); i++) {
    assert_false(decode(neither[i], AC_BASE64_URL, out, &len));
    assert_false(decode(neither[i], AC_BASE64_PADDED, out, &len));
  }
  for (size_t i = 0; i < LENGTH(not_url); i++)
    assert_false(decode(not_url[i], AC_BASE64_URL, out, &len));
  for (size_t i = 0; i < LENGTH(not_padded); i++)
    assert_false(decode(not_padded[i], AC_BASE64_PADDED, out, &len));
}

/* Every character is either in the alphabet, or refused; and what is read was
 * written in one way only. */
static void test_every_character(void **state) {
  (void)state;
  for (int form = AC_BASE64_URL; form <= AC_BASE64_PADDED; form++) {
    int accepted = 0;
    for (int c = 1; c < 256; c++) {
      char text[] = {'A', 'A', 'A', (char)c, '\0'};
      char out[3];
      size_t len;
      accepted += decode(text, (enum ac_base64)form, out, &len);
    }
    /* With padding, also "AAA=", and - and _ of the other alphabet. */
    assert_int_equal(accepted, form == AC_BASE64_URL ? 64 : 67);
  }
}

static void test_one_way_only(void **state) {
  (void)state;
  for (int i = 0; i < 256 * 256; i++) {
    char text[] = {'A', (char)(i / 256), (char)(i % 256), '\0'};
    char out[4], again[5];
    size_t len;
    if (i % 256 == 0 || i < 256 || !decode(text, AC_BASE64_URL, out, &len))
      continue;
    *ac_base64_encode(again, ac_str(out, len), AC_BASE64_URL) = '\0';
    assert_string_equal(again, text);
  }
}

static void test_random_bytes_come_back(void **state) {
  (void)state;
  for (int i = 0; i < 2000; i++) {
    char bytes[40], text[64], out[64];
    size_t len = next_random(sizeof(bytes));
    for (size_t j = 0; j < len; j++)
      bytes[j] = (char)next_random(256);
    for (int form = AC_BASE64_URL; form <= AC_BASE64_PADDED; form++) {
      size_t got;
      *ac_base64_encode(text, ac_str(bytes, len), (enum ac_base64)form) = '\0';
      assert_true(decode(text, (enum ac_base64)form, out, &got));
      assert_int_equal(got, len);
      assert_memory_equal(out, bytes, len);
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_vectors),
      cmocka_unit_test(test_padded_is_read_in_either_alphabet),
      cmocka_unit_test(test_refused),
      cmocka_unit_test(test_every_character),
      cmocka_unit_test(test_one_way_only),
      cmocka_unit_test(test_random_bytes_come_back),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
