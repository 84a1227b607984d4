/* Signed names of streams: those of other implementations, both alphabets, and
 * all that must be refused. */
#include <anycable/token.h>

#include "base/json.h"
#include "token/base64.h"
#include "token/signer.h"
#include "token/text.h"
#include "signer_fixture.h"

static char *sign(const char *stream) {
  char *text;
  assert_int_equal(anycable_stream_sign(signer, anycable_str_of(stream), &text),
                   ANYCABLE_OK);
  return text;
}

static int verify(const char *text, size_t len, char **stream) {
  anycable_str copy = exact(text, len);
  *stream = (char *)"not set";
  int result = anycable_stream_verify(signer, copy, stream);
  drop(copy);
  assert_int_equal(*stream == NULL, result != ANYCABLE_OK);
  return result;
}

static void assert_verifies(const char *text, const char *expected) {
  char *stream;
  assert_int_equal(verify(text, strlen(text), &stream), ANYCABLE_OK);
  assert_string_equal(stream, expected);
  anycable_free(stream);
}

static void assert_refused(const char *text, int error) {
  char *stream;
  assert_int_equal(verify(text, strlen(text), &stream), error);
}

/* Signs |encoded| as it is: in memory that the next call uses again. */
static const char *signed_text(const char *encoded) {
  static char text[256];
  struct ac_mac mac;
  assert_true(ac_signer_sign(signer, anycable_str_of(encoded), &mac));
  char *end = stpcpy(stpcpy(text, encoded), "--");
  *ac_mac_to_hex(end, &mac) = '\0';
  return text;
}

/* Made by Ruby with the secret s3Krit: encoded is Base64.urlsafe_encode64 (as
 * in the SDK's lib/anycable/streams.rb) or strict_encode64 (what AnyCable
 * reads) of JSON.dump(name), the signature OpenSSL::HMAC.hexdigest("SHA256",
 * secret, encoded). */
static const struct {
  const char *stream, *sdk, *standard;
} vectors[] = {
    {"news",
     "Im5ld3Mi--"
     "d5ab2d4a60fb3f741d9cde5a316071c1fc8d167bf180219ff2624eb3f7859533",
     "Im5ld3Mi--"
     "d5ab2d4a60fb3f741d9cde5a316071c1fc8d167bf180219ff2624eb3f7859533"},
    {"a?b",
     "ImE_YiI=--"
     "d480e9d2aa1e91eebbded68adf28e4a8eb8321f460c924200b979142779536a7",
     "ImE/YiI=--"
     "4486499f69adc05a8b77796b376fced1d8072a976e40097a44aa9c50025e9a8c"},
    {"user~1",
     "InVzZXJ-MSI=--"
     "be2af5b10eaa1ceb359d5f833d547dd3c54d2a71f45ec39db45cfe7a1d296467",
     "InVzZXJ+MSI=--"
     "89c6809eca50678c4ca9d840d89c254f270a9b8b43570912ca7561d08e23ba49"},
    {"room>1",
     "InJvb20-MSI=--"
     "b28a7a396a78cfe6d9a91d0f12804f8a32d22aaa3c8cd4b6df02c3ea53856d96",
     "InJvb20+MSI=--"
     "627e6dbd1ccd6028d27dacd8b63f8ce554615a462ae112cd488107bc3b64e8ac"},
    {"chat/\xc3\xa9\xf0\x9f\x98\x80",
     "ImNoYXQvw6nwn5iAIg==--"
     "552a85077fac335c081c4b990e2745f487ffed34eeffce213eee8132378ec17e",
     "ImNoYXQvw6nwn5iAIg==--"
     "552a85077fac335c081c4b990e2745f487ffed34eeffce213eee8132378ec17e"},
    {"q\"\\\n",
     "InFcIlxcXG4i--"
     "8a462af537dd386f137aeca50c2c0edd9cc31f5b304e57c3a41d921cd554e984",
     "InFcIlxcXG4i--"
     "8a462af537dd386f137aeca50c2c0edd9cc31f5b304e57c3a41d921cd554e984"},
    {"x",
     "Ingi--2027dd89088b48caffe94327c55f59ccfed87551e510c96b14174a54f0e7a86b",
     "Ingi--2027dd89088b48caffe94327c55f59ccfed87551e510c96b14174a54f0e7a86b"}};

static void test_ruby(void **state) {
  (void)state;
  for (size_t i = 0; i < LENGTH(vectors); i++) {
    char *text = sign(vectors[i].stream);
    assert_string_equal(text, vectors[i].standard);
    anycable_free(text);
    assert_verifies(vectors[i].standard, vectors[i].stream);
    assert_verifies(vectors[i].sdk, vectors[i].stream);
  }
}

/* Made by Turbo, as it stands in the tests of AnyCable's server: the stream
 * "chat:2021" and the key "s3Krit". */
static void test_turbo(void **state) {
  (void)state;
  assert_verifies(
      "ImNoYXQ6MjAyMSI=--"
      "f9ee45dbccb1da04d8ceb99cc820207804370ba0d06b46fc3b8b373af1315628",
      "chat:2021");
}

#define A_B                                                                    \
  "ImE/YiI=--4486499f69adc05a8b77796b376fced1d8072a976e40097a44aa9c50025e9a8c"

static void test_identifiers(void **state) {
  static const char *const expected[] = {
      [ANYCABLE_STREAM_PUBSUB] =
          "{\"channel\":\"$pubsub\",\"signed_stream_name\":\"" A_B "\"}",
      [ANYCABLE_STREAM_TURBO] = "{\"channel\":\"Turbo::StreamsChannel\","
                                "\"signed_stream_name\":\"" A_B "\"}",
      [ANYCABLE_STREAM_CABLE_READY] =
          "{\"channel\":\"CableReady::Stream\",\"identifier\":\"" A_B "\"}"};
  (void)state;
  for (int channel = 0; channel < 3; channel++) {
    char *identifier;
    assert_int_equal(anycable_stream_identifier(
                         signer, channel, ANYCABLE_STR("a?b"), &identifier),
                     ANYCABLE_OK);
    assert_string_equal(identifier, expected[channel]);
    anycable_free(identifier);
  }
}

static void test_no_channel(void **state) {
  static const int channels[] = {-1, 3, INT32_MAX, INT32_MIN};
  char *identifier;
  (void)state;
  for (size_t i = 0; i < LENGTH(channels); i++) {
    assert_int_equal(anycable_stream_identifier(signer, channels[i],
                                                ANYCABLE_STR("x"), &identifier),
                     ANYCABLE_ERR_INVALID);
    assert_null(identifier);
  }
}

static void test_names(void **state) {
  static const struct {
    anycable_str name;
    int error;
  } bad[] = {{{NULL, 0}, ANYCABLE_ERR_INVALID},
             {ANYCABLE_STR_INIT("a\0b"), ANYCABLE_ERR_ENCODING},
             {ANYCABLE_STR_INIT("\0"), ANYCABLE_ERR_ENCODING},
             {ANYCABLE_STR_INIT("\xff"), ANYCABLE_ERR_ENCODING},
             {ANYCABLE_STR_INIT("\xc3"), ANYCABLE_ERR_ENCODING}};
  char *text;
  (void)state;
  for (size_t i = 0; i < LENGTH(bad); i++) {
    assert_int_equal(anycable_stream_sign(signer, bad[i].name, &text),
                     bad[i].error);
    assert_null(text);
    assert_int_equal(anycable_stream_identifier(signer, ANYCABLE_STREAM_TURBO,
                                                bad[i].name, &text),
                     bad[i].error);
    assert_null(text);
  }
}

/* Two parts, and the second 64 digits. */
static void test_parts(void **state) {
  static const char *const bad[] = {
      "", "-", "--", "---", "----", "Ingi", "Ingi--", "--Ingi", "Ingi--x",
      /* nothing signed */
      "--2027dd89088b48caffe94327c55f59ccfed87551e510c96b14174a54f0e7a86b",
      /* a third part; one dash too many, or too few */
      "Ingi--2027dd89088b48caffe94327c55f59ccfed87551e510c96b14174a54f0e7a86b"
      "--",
      "x--Ingi--"
      "2027dd89088b48caffe94327c55f59ccfed87551e510c96b14174a54f0e7a86b",
      "Ingi---2027dd89088b48caffe94327c55f59ccfed87551e510c96b14174a54f0e7a86b",
      "Ingi-2027dd89088b48caffe94327c55f59ccfed87551e510c96b14174a54f0e7a86b",
      /* upper case; a digit too many, or too few; none */
      "Ingi--2027DD89088B48CAFFE94327C55F59CCFED87551E510C96B14174A54F0E7A86B",
      "Ingi--2027dd89088b48caffe94327c55f59ccfed87551e510c96b14174a54f0e7a86b0",
      "Ingi--2027dd89088b48caffe94327c55f59ccfed87551e510c96b14174a54f0e7a86",
      "Ingi--2027dd89088b48caffe94327c55f59ccfed87551e510c96b14174a54f0e7a86g",
      /* white space */
      "Ingi--"
      "2027dd89088b48caffe94327c55f59ccfed87551e510c96b14174a54f0e7a86b "};
  (void)state;
  for (size_t i = 0; i < LENGTH(bad); i++)
    assert_refused(bad[i], ANYCABLE_ERR_PROTO);
}

/* The signature is looked at first: no word on what was not signed by us. */
static void test_not_signed(void **state) {
  static const char digits[] =
      "0000000000000000000000000000000000000000000000000000000000000000";
  static const char *const encoded[] = {"Ingi", "InV", "!",
                                        "e30=", " ",   "\xff"};
  char text[128];
  (void)state;
  for (size_t i = 0; i < LENGTH(encoded); i++) {
    snprintf(text, sizeof(text), "%s--%s", encoded[i], digits);
    assert_refused(text, ANYCABLE_ERR_SIGNATURE);
  }
}

/* Signed by us, and no stream all the same: no base64, no JSON string, none
 * that names a stream. */
static void test_signed_but_no_stream(void **state) {
  static const char *const encoded[] = {
      "Ing",   /* padding is missing: "x without its quote */
      "ImEi!", /* not of the alphabet */
      " Ingi", /* white space */
      "Ingi\n",       "Ingj=", "e30=", /* {} */
      "bnVsbA==",                      /* null */
      "MQ==",                          /* 1 */
      "IiI=",                          /* "" */
      "WyJ4Il0=",                      /* ["x"] */
      "eA==",                          /* x */
      "InhcdTAwMDAi",                  /* "x\u0000" */
      "Ilx1ZDgwMCI=",                  /* "\ud800" */
      "Iv8i",                          /* "\xff" */
      "ICJ4Ig==",                      /* a space, "x" */
  };
  (void)state;
  for (size_t i = 0; i < LENGTH(encoded); i++)
    assert_refused(signed_text(encoded[i]), ANYCABLE_ERR_PROTO);
  assert_verifies(signed_text("Ingi"), "x");
  assert_verifies(signed_text("Ilx1MDA3OCI="), "x"); /* "\u0078" */
}

/* A name whose text in the alphabet for URLs has two dashes is no name in two
 * parts, neither here nor in AnyCable nor in the Ruby SDK. */
static void test_dashes_inside(void **state) {
  (void)state;
  assert_refused(signed_text("Iu--viI="), ANYCABLE_ERR_PROTO);
}

static void test_every_byte_counts(void **state) {
  char *text = sign("chat/1"), *stream;
  size_t len = strlen(text);
  (void)state;
  for (size_t i = 0; i < len; i++) {
    char before = text[i];
    for (int c = 0; c < 256; c++) {
      text[i] = (char)c;
      if (text[i] == before)
        continue;
      int result = verify(text, len, &stream);
      assert_true(result == ANYCABLE_ERR_PROTO ||
                  result == ANYCABLE_ERR_SIGNATURE);
    }
    text[i] = before;
  }
  for (size_t i = 0; i < len; i++)
    assert_true(verify(text, i, &stream) != ANYCABLE_OK);
  assert_verifies(text, "chat/1");
  anycable_free(text);
}

static void test_accept(void **state) {
  anycable_signer *next = signer_with("next");
  char *stream;
  (void)state;
  assert_int_equal(anycable_stream_verify(
                       next, anycable_str_of(vectors[0].standard), &stream),
                   ANYCABLE_ERR_SIGNATURE);
  assert_null(stream);
  assert_int_equal(anycable_signer_accept(next, ANYCABLE_STR(SECRET)),
                   ANYCABLE_OK);
  assert_int_equal(anycable_stream_verify(
                       next, anycable_str_of(vectors[0].standard), &stream),
                   ANYCABLE_OK);
  assert_string_equal(stream, "news");
  anycable_free(stream);
  anycable_signer_free(next);
}

static void test_length(void **state) {
  static char name[AC_TOKEN_MAX + 2];
  size_t longest = (AC_TOKEN_MAX - 66) / 4 * 3 - 2;
  char *text, *stream;
  (void)state;
  memset(name, 'x', sizeof(name) - 1);
  assert_int_equal(anycable_stream_sign(signer, ac_str(name, longest), &text),
                   ANYCABLE_OK);
  assert_int_equal(verify(text, strlen(text), &stream), ANYCABLE_OK);
  assert_int_equal(strlen(stream), longest);
  anycable_free(stream);
  anycable_free(text);
  for (size_t len = longest + 1; len < sizeof(name); len += 500)
    assert_int_equal(anycable_stream_sign(signer, ac_str(name, len), &text),
                     ANYCABLE_ERR_LIMIT);
  assert_int_equal(verify(name, AC_TOKEN_MAX + 1, &stream), ANYCABLE_ERR_LIMIT);
  assert_int_equal(verify(name, AC_TOKEN_MAX, &stream), ANYCABLE_ERR_PROTO);
  /* Not looked at: they end long before. */
  assert_int_equal(anycable_stream_sign(signer, ac_str("x", SIZE_MAX), &text),
                   ANYCABLE_ERR_LIMIT);
  assert_int_equal(
      anycable_stream_verify(signer, ac_str("x", SIZE_MAX), &stream),
      ANYCABLE_ERR_LIMIT);
}

static void test_random_names(void **state) {
  (void)state;
  for (int i = 0; i < 3000; i++) {
    char name[256];
    random_text(name, 50);
    char *text = sign(name);
    assert_verifies(text, name);
    assert_null(strpbrk(text, "_\"\\"));
    anycable_free(text);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_ruby),
      cmocka_unit_test(test_turbo),
      cmocka_unit_test(test_identifiers),
      cmocka_unit_test(test_no_channel),
      cmocka_unit_test(test_names),
      cmocka_unit_test(test_parts),
      cmocka_unit_test(test_not_signed),
      cmocka_unit_test(test_signed_but_no_stream),
      cmocka_unit_test(test_dashes_inside),
      cmocka_unit_test(test_every_byte_counts),
      cmocka_unit_test(test_accept),
      cmocka_unit_test(test_length),
      cmocka_unit_test(test_random_names),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
