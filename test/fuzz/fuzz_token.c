/* Tokens: any bytes, as a token, as what a token says under a signature that
 * is right, and as what is to be signed. What is signed must come back as it
 * was, and nothing else may be taken for it. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "token/base64.h"
#include "token/jwt.h"
#include "token/signer.h"
#include "token/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOW INT64_C(1700000000)

static void require(int condition, const char *what) {
  if (condition)
    return;
  fprintf(stderr, "fuzz_token: %s\n", what);
  abort();
}

static void require_text(const char *text, int result) {
  require((text != NULL) == (result == ANYCABLE_OK), "neither text nor error");
  if (text)
    require(ac_utf8_valid(anycable_str_of(text)), "not UTF-8");
}

/* Base64 that decodes was written in one way only. */
static void check_base64(anycable_str text) {
  char *bytes = malloc(text.len / 4 * 3 + 2);
  char *again = malloc(text.len + 1);
  size_t len;
  require(bytes && again, "no memory");
  if (ac_base64_decode(bytes, &len, text, AC_BASE64_URL)) {
    require(ac_base64_len(len, AC_BASE64_URL) == text.len, "another length");
    ac_base64_encode(again, ac_str(bytes, len), AC_BASE64_URL);
    require(text.len == 0 || memcmp(again, text.ptr, text.len) == 0,
            "base64 written in another way");
  }
  /* Here there are two ways to write 62 and 63. */
  if (ac_base64_decode(bytes, &len, text, AC_BASE64_PADDED))
    require(ac_base64_len(len, AC_BASE64_PADDED) == text.len,
            "another length with padding");
  free(bytes);
  free(again);
}

static void check_unsigned(const anycable_signer *signer, anycable_str text) {
  char *out;
  int64_t ends;
  int result = ac_jwt_decode(signer, text, NOW, &out, &ends);
  require(result != ANYCABLE_OK && result != ANYCABLE_ERR_EXPIRED,
          "a token that nobody signed");
  require(!out, "what nobody signed is given back");
  require(anycable_stream_verify(signer, text, &out) != ANYCABLE_OK,
          "a name that nobody signed");
  require(!out, "a name that nobody signed is given back");
}

/* |header| and |claims| in a token with a signature that is right. */
static void check_signed(const anycable_signer *signer, anycable_str header,
                         anycable_str claims) {
  char *token = malloc(2 * (header.len + claims.len) + 128);
  struct ac_mac mac;
  require(token != NULL, "no memory");
  char *end = ac_base64_encode(token, header, AC_BASE64_URL);
  *end++ = '.';
  end = ac_base64_encode(end, claims, AC_BASE64_URL);
  require(ac_signer_sign(signer, ac_str(token, (size_t)(end - token)), &mac),
          "no signature");
  *end++ = '.';
  end = ac_base64_encode(end, ac_str((char *)mac.bytes, AC_MAC_SIZE),
                         AC_BASE64_URL);
  char *out;
  int64_t ends;
  int result = ac_jwt_decode(signer, ac_str(token, (size_t)(end - token)), NOW,
                             &out, &ends);
  require(result != ANYCABLE_ERR_SIGNATURE, "our own signature is refused");
  require_text(out, result);
  anycable_free(out);
  free(token);
}

/* Signs |encoded| as the first part of a name. */
static void check_signed_name(const anycable_signer *signer,
                              anycable_str encoded) {
  char *name = malloc(encoded.len + 2 + AC_MAC_HEX_LEN);
  struct ac_mac mac;
  require(name && ac_signer_sign(signer, encoded, &mac), "no signature");
  if (encoded.len > 0)
    memcpy(name, encoded.ptr, encoded.len);
  memcpy(name + encoded.len, "--", 2);
  ac_mac_to_hex(name + encoded.len + 2, &mac);
  char *out;
  int result = anycable_stream_verify(
      signer, ac_str(name, encoded.len + 2 + AC_MAC_HEX_LEN), &out);
  require(result != ANYCABLE_ERR_SIGNATURE, "our own signature is refused");
  require_text(out, result);
  anycable_free(out);
  free(name);
}

static void check_jwt(const anycable_signer *signer, anycable_str identifiers) {
  char *token, *again;
  int64_t ends;
  int result = ac_jwt_encode(signer, identifiers, 60, NOW, &token);
  require_text(token, result);
  if (!token)
    return;
  require(ac_jwt_decode(signer, anycable_str_of(token), NOW, &again, &ends) ==
              ANYCABLE_OK,
          "our own token is refused");
  require(anycable_str_equal(identifiers, anycable_str_of(again)) &&
              ends == NOW + 60,
          "a token says something else");
  anycable_free(again);
  anycable_free(token);
}

static void check_stream(const anycable_signer *signer, anycable_str stream) {
  char *name, *again;
  int result = anycable_stream_sign(signer, stream, &name);
  require_text(name, result);
  if (!name)
    return;
  require(anycable_stream_verify(signer, anycable_str_of(name), &again) ==
              ANYCABLE_OK,
          "our own name is refused");
  require(anycable_str_equal(stream, anycable_str_of(again)),
          "a name is another one");
  anycable_free(again);
  anycable_free(name);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  anycable_str text = ac_str((const char *)data, size);
  char json[256];
  anycable_signer *signer;
  require(anycable_signer_new(&signer, ANYCABLE_STR("secret")) == ANYCABLE_OK,
          "no signer");
  check_base64(text);
  check_unsigned(signer, text);
  check_signed(signer, text, ANYCABLE_STR("{\"ext\":\"x\"}"));
  check_signed(signer, ANYCABLE_STR("{\"alg\":\"HS256\"}"), text);
  /* A member that is not looked at, or a time, or trash. */
  int n = snprintf(json, sizeof(json), "{\"ext\":\"x\",\"exp\":%.*s}",
                   (int)(size < 200 ? size : 200), text.ptr);
  check_signed(signer, ANYCABLE_STR("{\"alg\":\"HS256\"}"),
               ac_str(json, (size_t)n));
  check_signed_name(signer, text);
  check_jwt(signer, text);
  check_stream(signer, text);
  anycable_signer_free(signer);
  return 0;
}
