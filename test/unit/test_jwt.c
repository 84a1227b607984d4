/* JWT: tokens of other implementations, times, and all that must be refused. */
#include "token/jwt.h"

#include "base/json.h"
#include "token/base64.h"
#include "token/signer.h"
#include "token/text.h"
#include "signer_fixture.h"

#define NOW INT64_C(1700000000)
#define JACK "{\"user\":\"jack\"}"

/* {"alg":"HS256"} */
#define HEADER "eyJhbGciOiJIUzI1NiJ9"

static int decode_at(const char *token, size_t len, int64_t now,
                     char **identifiers, int64_t *expires_at) {
  anycable_str copy = exact(token, len);
  *identifiers = (char *)"not set";
  *expires_at = INT64_MIN;
  int result = ac_jwt_decode(signer, copy, now, identifiers, expires_at);
  drop(copy);
  assert_int_equal(*identifiers == NULL, result != ANYCABLE_OK);
  assert_int_not_equal(*expires_at, INT64_MIN);
  return result;
}

static void assert_reads(const char *token, int64_t now,
                         const char *identifiers, int64_t expires_at) {
  char *got;
  int64_t ends;
  assert_int_equal(decode_at(token, strlen(token), now, &got, &ends),
                   ANYCABLE_OK);
  assert_string_equal(got, identifiers);
  assert_int_equal(ends, expires_at);
  anycable_free(got);
}

static void assert_refused(const char *token, int64_t now, int error) {
  char *got;
  int64_t ends;
  assert_int_equal(decode_at(token, strlen(token), now, &got, &ends), error);
}

/* A token of any header and claims, both JSON, with a signature that is right:
 * in memory that the next call uses again. */
static const char *made_of(const char *header, size_t header_len,
                           const char *claims, size_t claims_len) {
  static char token[2 * AC_TOKEN_MAX];
  struct ac_mac mac;
  char *end =
      ac_base64_encode(token, ac_str(header, header_len), AC_BASE64_URL);
  *end++ = '.';
  end = ac_base64_encode(end, ac_str(claims, claims_len), AC_BASE64_URL);
  assert_true(
      ac_signer_sign(signer, ac_str(token, (size_t)(end - token)), &mac));
  *end++ = '.';
  end = ac_base64_encode(end, ac_str((char *)mac.bytes, AC_MAC_SIZE),
                         AC_BASE64_URL);
  *end = '\0';
  return token;
}

static const char *with_header(const char *header) {
  const char *claims = "{\"ext\":\"x\"}";
  return made_of(header, strlen(header), claims, strlen(claims));
}

static const char *with_claims(const char *claims) {
  const char *header = "{\"alg\":\"HS256\"}";
  return made_of(header, strlen(header), claims, strlen(claims));
}

/* --- what others make ----------------------------------------------------- */

/* Made with the secret s3Krit as the Ruby SDK does in lib/anycable/jwt.rb: the
 * segments by Base64.urlsafe_encode64(text, padding: false), the signature of
 * OpenSSL::HMAC.digest("SHA256", ...). Its texts are ours, too. */
static void test_ruby(void **state) {
  static const struct {
    const char *identifiers, *token;
    int64_t ttl, ends;
  } vectors[] = {
      {JACK,
       HEADER ".eyJleHQiOiJ7XCJ1c2VyXCI6XCJqYWNrXCJ9In0"
              ".11LWFSbJ6Qrf_QUmJFBlvucZbRHwTIM_WrYxasNCOKo",
       0, 0},
      {JACK,
       HEADER ".eyJleHQiOiJ7XCJ1c2VyXCI6XCJqYWNrXCJ9IiwiZXhwIjoyMDAwMDAwMDAwfQ"
              ".Z3w236P9ZKJjVNfeM-PRj6CM_f-cy2yEwGkE7vaFTZQ",
       2000000000 - NOW, 2000000000},
      {"{\"user\":\"j\xc3\xa9\xf0\x9f\x98\x80\"}",
       HEADER ".eyJleHQiOiJ7XCJ1c2VyXCI6XCJqw6nwn5iAXCJ9IiwiZXhwIjoyMDAwMDAwMDA"
              "wfQ.40M0Jqzu5oCEks9I7-CtO7pQDSLu1Ft7tKD1KUN9RaA",
       2000000000 - NOW, 2000000000}};
  (void)state;
  for (size_t i = 0; i < LENGTH(vectors); i++) {
    char *token;
    assert_reads(vectors[i].token, NOW, vectors[i].identifiers,
                 vectors[i].ends);
    assert_int_equal(ac_jwt_encode(signer,
                                   anycable_str_of(vectors[i].identifiers),
                                   vectors[i].ttl, NOW, &token),
                     ANYCABLE_OK);
    assert_string_equal(token, vectors[i].token);
    anycable_free(token);
  }
}

/* Made by PyJWT 2.15.1: jwt.encode({"ext": '{"user":"jack"}', ...}, "s3Krit",
 * "HS256"); the second with "exp": 2000000000.75, "nbf": 1000000000 and claims
 * that mean nothing to us. */
static void test_pyjwt(void **state) {
  (void)state;
  assert_reads("eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."
               "eyJleHQiOiJ7XCJ1c2VyXCI6XCJqYWNrXCJ9IiwiZXhwIjoyMDAwMDAwMDAwfQ."
               "DnTpyZS0rVTirKot17UVEWkI_EGwAxAeLNqJNcDxhGQ",
               NOW, JACK, 2000000000);
  assert_reads("eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."
               "eyJleHQiOiJ7XCJ1c2VyXCI6XCJqYWNrXCJ9IiwiZXhwIjoyMDAwMDAwMDAwLjc"
               "1LCJuYmYiOjEwMDAwMDAwMDAsImlhdCI6MSwieCI6eyJ5IjpbMV19fQ."
               "p1_majqFM6jK2ncpIAhi2FpvmY08_BkDGB00N-QQPS4",
               NOW, JACK, 2000000000);
}

/* Also by PyJWT: HS512, "none", a header with crit, and an "ext" that is an
 * object. AnyCable takes the first: we do not, see RFC 8725, 3.1. */
static void test_pyjwt_refused(void **state) {
  static const char *const tokens[] = {
      "eyJhbGciOiJIUzUxMiIsInR5cCI6IkpXVCJ9."
      "eyJleHQiOiJ7XCJ1c2VyXCI6XCJqYWNrXCJ9In0."
      "7EZSJGaAPeEzWj5FoD9ZxcUUzAxSQ4zAD4vINFT0WzBzAoTPRoKo3qE-xXB8BN5FoX2VD23"
      "zaVblDqfaotdcGg",
      "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0."
      "eyJleHQiOiJ7XCJ1c2VyXCI6XCJqYWNrXCJ9In0.",
      "eyJhbGciOiJIUzI1NiIsImNyaXQiOlsieCJdLCJ0eXAiOiJKV1QiLCJ4IjoxfQ."
      "eyJleHQiOiJ7XCJ1c2VyXCI6XCJqYWNrXCJ9In0."
      "2-pv_j2Gu5c7E-pk6PtbPwKwGEPqNMfWjJoffh-SL0s",
      "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."
      "eyJleHQiOnsidXNlciI6ImphY2sifX0."
      "4J60Xnlgb5YXxIhn05k7ew0ZmoncmHE6mvyhMOF9c0U"};
  (void)state;
  for (size_t i = 0; i < LENGTH(tokens); i++)
    assert_refused(tokens[i], NOW, ANYCABLE_ERR_PROTO);
}

/* --- times ---------------------------------------------------------------- */

static void test_expires(void **state) {
  char *token, *identifiers;
  int64_t ends;
  (void)state;
  assert_int_equal(ac_jwt_encode(signer, ANYCABLE_STR(JACK), 60, NOW, &token),
                   ANYCABLE_OK);
  assert_reads(token, NOW, JACK, NOW + 60);
  assert_reads(token, NOW + 59, JACK, NOW + 60);
  for (int i = 60; i < 1000; i += 100) {
    assert_int_equal(
        decode_at(token, strlen(token), NOW + i, &identifiers, &ends),
        ANYCABLE_ERR_EXPIRED);
    assert_int_equal(ends, NOW + 60);
  }
  anycable_free(token);
}

static void test_times(void **state) {
  static const struct {
    const char *claims;
    int64_t ends; /* or an error */
  } times[] = {{"", 0},
               {",\"exp\":1700000001", NOW + 1},
               {",\"exp\":1700000001.999", NOW + 1},
               {",\"exp\":9007199254740993", INT64_C(9007199254740993)},
               {",\"nbf\":1700000000", 0},
               {",\"nbf\":1700000000.999", 0},
               {",\"nbf\":-1", 0},
               {",\"nbf\":0,\"exp\":1700000001", NOW + 1},
               {",\"iat\":1800000000", 0},
               {",\"iat\":\"yesterday\"", 0},
               {",\"exp\":1700000000", ANYCABLE_ERR_EXPIRED},
               {",\"exp\":1700000000.999", ANYCABLE_ERR_EXPIRED},
               {",\"exp\":0", 0},
               {",\"exp\":0.5", ANYCABLE_ERR_EXPIRED},
               {",\"exp\":-1", ANYCABLE_ERR_EXPIRED},
               {",\"exp\":-0.5", ANYCABLE_ERR_EXPIRED},
               {",\"nbf\":1700000001", ANYCABLE_ERR_EXPIRED},
               {",\"nbf\":1700000001,\"exp\":1800000000", ANYCABLE_ERR_EXPIRED},
               {",\"exp\":\"1800000000\"", ANYCABLE_ERR_PROTO},
               {",\"exp\":null", ANYCABLE_ERR_PROTO},
               {",\"exp\":true", ANYCABLE_ERR_PROTO},
               {",\"exp\":[1800000000]", ANYCABLE_ERR_PROTO},
               {",\"exp\":{\"a\":1.5}", ANYCABLE_ERR_PROTO},
               {",\"exp\":\"1.5\"", ANYCABLE_ERR_PROTO},
               {",\"exp\":1.8e9", ANYCABLE_ERR_PROTO},
               {",\"exp\":18E8", ANYCABLE_ERR_PROTO},
               {",\"exp\":99999999999999999999", ANYCABLE_ERR_PROTO},
               {",\"exp\":1800000000,\"exp\":1800000000", ANYCABLE_ERR_PROTO},
               {",\"exp\":1800000000,\"e\\u0078p\":1", ANYCABLE_ERR_PROTO},
               {",\"nbf\":\"1\"", ANYCABLE_ERR_PROTO},
               {",\"nbf\":1,\"nbf\":2", ANYCABLE_ERR_PROTO}};
  (void)state;
  for (size_t i = 0; i < LENGTH(times); i++) {
    char claims[128];
    snprintf(claims, sizeof(claims), "{\"ext\":\"x\"%s}", times[i].claims);
    if (times[i].ends < 0)
      assert_refused(with_claims(claims), NOW, (int)times[i].ends);
    else
      assert_reads(with_claims(claims), NOW, "x", times[i].ends);
  }
}

static void test_ttl(void **state) {
  char *token;
  (void)state;
  assert_int_equal(ac_jwt_encode(signer, ANYCABLE_STR("{}"), -1, NOW, &token),
                   ANYCABLE_ERR_INVALID);
  assert_null(token);
  int64_t longest = (INT64_C(1) << 53) - NOW;
  assert_int_equal(
      ac_jwt_encode(signer, ANYCABLE_STR("{}"), longest + 1, NOW, &token),
      ANYCABLE_ERR_INVALID);
  assert_int_equal(
      ac_jwt_encode(signer, ANYCABLE_STR("{}"), longest, NOW, &token),
      ANYCABLE_OK);
  assert_reads(token, NOW, "{}", INT64_C(1) << 53);
  anycable_free(token);
}

static void test_wall_clock(void **state) {
  char *token, *identifiers;
  int64_t ends;
  (void)state;
  assert_int_equal(anycable_jwt_encode(signer, ANYCABLE_STR(JACK), 100, &token),
                   ANYCABLE_OK);
  assert_int_equal(
      anycable_jwt_decode(signer, anycable_str_of(token), &identifiers, &ends),
      ANYCABLE_OK);
  assert_string_equal(identifiers, JACK);
  assert_true(ends > NOW + 100);
  anycable_free(identifiers);
  assert_int_equal(
      anycable_jwt_decode(signer, anycable_str_of(token), &identifiers, NULL),
      ANYCABLE_OK);
  anycable_free(identifiers);
  anycable_free(token);
}

/* --- what is no token ----------------------------------------------------- */

static void test_headers(void **state) {
  static const char *const good[] = {
      "{\"alg\":\"HS256\"}", "{\"typ\":\"JWT\",\"alg\":\"HS256\"}",
      " { \"alg\" : \"HS256\" } ", "{\"\\u0061lg\":\"HS\\u003256\"}",
      "{\"alg\":\"HS256\",\"kid\":null,\"x\":[{}]}"};
  static const char *const bad[] = {
      "",
      "{}",
      "x",
      "\"HS256\"",
      "[\"HS256\"]",
      "{\"alg\":\"HS256\"",
      "{\"alg\":\"HS256\"}}",
      "{\"alg\":\"hs256\"}",
      "{\"alg\":\"HS384\"}",
      "{\"alg\":\"HS512\"}",
      "{\"alg\":\"RS256\"}",
      "{\"alg\":\"none\"}",
      "{\"alg\":\"None\"}",
      "{\"alg\":\"\"}",
      "{\"alg\":null}",
      "{\"alg\":256}",
      "{\"alg\":[\"HS256\"]}",
      "{\"Alg\":\"HS256\"}",
      "{\"alg\":\"HS256 \"}",
      "{\"alg\":\"HS256\\u0000\"}",
      "{\"alg\":\"HS256\",\"alg\":\"HS256\"}",
      "{\"alg\":\"none\",\"alg\":\"HS256\"}",
      "{\"alg\":\"HS256\",\"a\\u006cg\":\"none\"}",
      "{\"alg\":\"HS256\",\"crit\":[\"exp\"]}",
      "{\"alg\":\"HS256\",\"crit\":[]}",
      "{\"alg\":\"HS256\",\"crit\":null}",
      "{\"alg\":\"HS256\",\"crit\":1,\"crit\":1}",
      "{\"alg\":\"HS256\",\"x\":\"\xff\"}"};
  (void)state;
  for (size_t i = 0; i < LENGTH(good); i++)
    assert_reads(with_header(good[i]), NOW, "x", 0);
  for (size_t i = 0; i < LENGTH(bad); i++)
    assert_refused(with_header(bad[i]), NOW, ANYCABLE_ERR_PROTO);
}

static void test_claims(void **state) {
  static const char *const bad[] = {"",
                                    "{}",
                                    "null",
                                    "\"ext\"",
                                    "[]",
                                    "{\"ext\":\"x\"",
                                    "{\"ext\":\"x\"} x",
                                    "{\"ext\":null}",
                                    "{\"ext\":1}",
                                    "{\"ext\":{}}",
                                    "{\"ext\":[\"x\"]}",
                                    "{\"Ext\":\"x\"}",
                                    "{\"ext\":\"x\",\"ext\":\"x\"}",
                                    "{\"ext\":\"\\u0000\"}",
                                    "{\"ext\":\"\\ud800\"}",
                                    "{\"ext\":\"\n\"}",
                                    "{\"ext\":\"\xff\"}",
                                    "{\"ext\":\"x\",\"y\":\"\xc0\x80\"}"};
  (void)state;
  for (size_t i = 0; i < LENGTH(bad); i++)
    assert_refused(with_claims(bad[i]), NOW, ANYCABLE_ERR_PROTO);
  assert_reads(with_claims("{\"ext\":\"\"}"), NOW, "", 0);
  assert_reads(with_claims("{\"ext\":\"not JSON\"}"), NOW, "not JSON", 0);
  assert_reads(with_claims("{\"e\\u0078t\":\"\\u00e9\\ud83d\\ude00\"}"), NOW,
               "\xc3\xa9\xf0\x9f\x98\x80", 0);
}

static void test_segments(void **state) {
  static const char *const bad[] = {
      "",          ".",           "..",
      "...",       HEADER,        HEADER ".",
      HEADER "..", "e30.e30.e30", HEADER ".e30.e30",
      "x.y.z"};
  char token[256], *right = NULL;
  (void)state;
  for (size_t i = 0; i < LENGTH(bad); i++)
    assert_refused(bad[i], NOW, ANYCABLE_ERR_PROTO);
  assert_int_equal(ac_jwt_encode(signer, ANYCABLE_STR(JACK), 0, NOW, &right),
                   ANYCABLE_OK);
  static const char *const around[][2] = {
      {"", "."}, {".", ""},  {"", ".x"}, {"x.", ""}, {" ", ""},
      {"", " "}, {"", "\n"}, {"", "="},  {"", "=="}, {"Bearer ", ""}};
  for (size_t i = 0; i < LENGTH(around); i++) {
    snprintf(token, sizeof(token), "%s%s%s", around[i][0], right, around[i][1]);
    assert_refused(token, NOW, ANYCABLE_ERR_PROTO);
  }
  anycable_free(right);
}

static void test_another_secret(void **state) {
  anycable_signer *other = signer_with("another");
  char *token;
  (void)state;
  assert_int_equal(ac_jwt_encode(other, ANYCABLE_STR(JACK), 0, NOW, &token),
                   ANYCABLE_OK);
  assert_refused(token, NOW, ANYCABLE_ERR_SIGNATURE);
  /* Not even its time is told. */
  anycable_free(token);
  assert_int_equal(
      ac_jwt_encode(other, ANYCABLE_STR(JACK), 1, NOW - 100, &token),
      ANYCABLE_OK);
  assert_refused(token, NOW, ANYCABLE_ERR_SIGNATURE);
  anycable_free(token);
  anycable_signer_free(other);
}

/* Whatever byte becomes whichever other one: no token any more. */
static void test_every_byte_counts(void **state) {
  char *token, *identifiers;
  int64_t ends;
  (void)state;
  assert_int_equal(ac_jwt_encode(signer, ANYCABLE_STR(JACK), 60, NOW, &token),
                   ANYCABLE_OK);
  size_t len = strlen(token);
  for (size_t i = 0; i < len; i++) {
    char before = token[i];
    for (int c = 0; c < 256; c++) {
      token[i] = (char)c;
      if (token[i] == before)
        continue;
      int result = decode_at(token, len, NOW, &identifiers, &ends);
      assert_true(result == ANYCABLE_ERR_PROTO ||
                  result == ANYCABLE_ERR_SIGNATURE);
    }
    token[i] = before;
  }
  for (size_t i = 0; i < len; i++) {
    int result = decode_at(token, i, NOW, &identifiers, &ends);
    assert_true(result == ANYCABLE_ERR_PROTO);
  }
  assert_reads(token, NOW, JACK, NOW + 60);
  anycable_free(token);
}

/* --- limits --------------------------------------------------------------- */

/* Identifiers of |len| bytes. */
static anycable_str long_identifiers(size_t len) {
  char *text = malloc(len);
  assert_non_null(text);
  memset(text, 'x', len);
  text[0] = text[len - 1] = '"';
  return ac_str(text, len);
}

static void test_length(void **state) {
  /* HEADER, two dots, the signature, and base64 of {"ext":"\"...\""}. */
  size_t longest = (AC_TOKEN_MAX - strlen(HEADER) - 2 - 43) / 4 * 3 - 12;
  char *token, *got;
  int64_t ends;
  (void)state;
  for (size_t len = longest - 3; len < longest + 4; len++) {
    anycable_str identifiers = long_identifiers(len);
    int result = ac_jwt_encode(signer, identifiers, 0, NOW, &token);
    if (result == ANYCABLE_OK) {
      assert_true(strlen(token) <= AC_TOKEN_MAX);
      assert_int_equal(decode_at(token, strlen(token), NOW, &got, &ends),
                       ANYCABLE_OK);
      assert_memory_equal(got, identifiers.ptr, len);
      anycable_free(got);
      anycable_free(token);
    } else {
      assert_int_equal(result, ANYCABLE_ERR_LIMIT);
      assert_true(len > longest - 3);
    }
    drop(identifiers);
  }
}

static void test_too_long(void **state) {
  (void)state;
  char *token, *got;
  int64_t ends;
  for (size_t len = AC_TOKEN_MAX; len < 100000; len += 30000) {
    anycable_str identifiers = long_identifiers(len);
    assert_int_equal(ac_jwt_encode(signer, identifiers, 0, NOW, &token),
                     ANYCABLE_ERR_LIMIT);
    assert_null(token);
    int result = decode_at(identifiers.ptr, len, NOW, &got, &ends);
    assert_int_equal(result, len > AC_TOKEN_MAX ? ANYCABLE_ERR_LIMIT
                                                : ANYCABLE_ERR_PROTO);
    drop(identifiers);
  }
  /* Not looked at: it ends long before. */
  assert_int_equal(
      ac_jwt_decode(signer, ac_str("x", SIZE_MAX), NOW, &got, NULL),
      ANYCABLE_ERR_LIMIT);
}

static void test_depth(void **state) {
  char claims[512] = "{\"ext\":\"x\",\"y\":";
  char *end = claims + strlen(claims);
  (void)state;
  for (int depth = 62; depth < 67; depth++) {
    memset(end, '[', (size_t)depth);
    memset(end + depth, ']', (size_t)depth);
    strcpy(end + 2 * depth, "}");
    if (depth < 64)
      assert_reads(with_claims(claims), NOW, "x", 0);
    else
      assert_refused(with_claims(claims), NOW, ANYCABLE_ERR_LIMIT);
  }
}

static void test_identifiers(void **state) {
  static const struct {
    const char *text;
    int error;
  } bad[] = {{"", ANYCABLE_ERR_PROTO},
             {"jack", ANYCABLE_ERR_PROTO},
             {"{\"user\":jack}", ANYCABLE_ERR_PROTO},
             {JACK JACK, ANYCABLE_ERR_PROTO},
             {"\"\xff\"", ANYCABLE_ERR_ENCODING},
             {"\xed\xa0\x80", ANYCABLE_ERR_ENCODING}};
  char *token;
  (void)state;
  for (size_t i = 0; i < LENGTH(bad); i++) {
    anycable_str text = exact(bad[i].text, strlen(bad[i].text));
    assert_int_equal(ac_jwt_encode(signer, text, 0, NOW, &token), bad[i].error);
    assert_null(token);
    drop(text);
  }
  assert_int_equal(
      ac_jwt_encode(signer, ANYCABLE_STR("\"\0\""), 0, NOW, &token),
      ANYCABLE_ERR_PROTO);
}

/* Whatever is in the identifiers comes back, byte for byte. */
static void test_random_identifiers(void **state) {
  (void)state;
  for (int i = 0; i < 2000; i++) {
    char text[256], json[1600], *token;
    random_text(text, 50);
    *ac_json_quote(json, anycable_str_of(text)) = '\0';
    assert_int_equal(ac_jwt_encode(signer, anycable_str_of(json),
                                   next_random(2) ? next_random(99999) : 0, NOW,
                                   &token),
                     ANYCABLE_OK);
    char *got;
    int64_t ends;
    assert_int_equal(decode_at(token, strlen(token), NOW - 1, &got, &ends),
                     ANYCABLE_OK);
    assert_string_equal(got, json);
    anycable_free(got);
    anycable_free(token);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_ruby),
      cmocka_unit_test(test_pyjwt),
      cmocka_unit_test(test_pyjwt_refused),
      cmocka_unit_test(test_expires),
      cmocka_unit_test(test_times),
      cmocka_unit_test(test_ttl),
      cmocka_unit_test(test_wall_clock),
      cmocka_unit_test(test_headers),
      cmocka_unit_test(test_claims),
      cmocka_unit_test(test_segments),
      cmocka_unit_test(test_another_secret),
      cmocka_unit_test(test_every_byte_counts),
      cmocka_unit_test(test_length),
      cmocka_unit_test(test_too_long),
      cmocka_unit_test(test_depth),
      cmocka_unit_test(test_identifiers),
      cmocka_unit_test(test_random_identifiers),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
