/* Secrets and HMAC. OpenSSL is asked for one HMAC at a time, and keeps nothing
 * in between, so that any thread may sign. */
#include "token/secret.h"

#include <anycable/token.h>

#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>

#include "io/tls.h"
#include "token/text.h"

int ac_secret_new(struct ac_secret **out, anycable_str bytes) {
  *out = NULL;
  /* OpenSSL counts a key's bytes in an int. */
  if (bytes.len == 0 || bytes.len > INT_MAX)
    return ANYCABLE_ERR_INVALID;
  /* The first use of HMAC() would set OpenSSL up, with its exit handler: behind
   * that, there are no algorithms, and threads that still sign would fail. */
  struct ac_secret *secret =
      ac_tls_init() ? malloc(sizeof(*secret) + bytes.len) : NULL;
  if (!secret)
    return ANYCABLE_ERR_NOMEM;
  secret->next = NULL;
  secret->len = bytes.len;
  memcpy(secret->bytes, bytes.ptr, bytes.len);
  *out = secret;
  return ANYCABLE_OK;
}

void ac_secret_free(struct ac_secret *secret) {
  if (!secret)
    return;
  OPENSSL_cleanse(secret->bytes, secret->len);
  free(secret);
}

bool ac_secret_sign(const struct ac_secret *secret, anycable_str text,
                    struct ac_mac *out) {
  unsigned len = 0;
  return HMAC(EVP_sha256(), secret->bytes, (int)secret->len,
              (const unsigned char *)text.ptr, text.len, out->bytes,
              &len) != NULL &&
         len == AC_MAC_SIZE;
}

bool ac_mac_equal(const struct ac_mac *a, const struct ac_mac *b) {
  return CRYPTO_memcmp(a->bytes, b->bytes, AC_MAC_SIZE) == 0;
}

char *ac_mac_to_hex(char *out, const struct ac_mac *mac) {
  static const char digits[] = "0123456789abcdef";
  for (int i = 0; i < AC_MAC_SIZE; i++) {
    *out++ = digits[mac->bytes[i] >> 4];
    *out++ = digits[mac->bytes[i] & 15];
  }
  return out;
}

static int lower_hex_digit(char c) {
  return c >= 'A' && c <= 'F' ? -1 : ac_hex_digit(c);
}

bool ac_mac_from_hex(struct ac_mac *out, anycable_str hex) {
  if (hex.len != AC_MAC_HEX_LEN)
    return false;
  for (int i = 0; i < AC_MAC_SIZE; i++) {
    int high = lower_hex_digit(hex.ptr[2 * i]);
    int low = lower_hex_digit(hex.ptr[2 * i + 1]);
    if (high < 0 || low < 0)
      return false;
    out->bytes[i] = (unsigned char)(high << 4 | low);
  }
  return true;
}

int anycable_secret_derive(anycable_str secret, anycable_str phrase,
                           char **out) {
  *out = NULL;
  if (phrase.len == 0)
    return ANYCABLE_ERR_INVALID;
  struct ac_secret *base;
  int result = ac_secret_new(&base, secret);
  if (result != ANYCABLE_OK)
    return result;
  struct ac_mac key;
  char hex[AC_MAC_HEX_LEN];
  if (ac_secret_sign(base, phrase, &key)) {
    ac_mac_to_hex(hex, &key);
    *out = ac_text_copy(ac_str(hex, sizeof(hex)));
  }
  OPENSSL_cleanse(&key, sizeof(key));
  OPENSSL_cleanse(hex, sizeof(hex));
  ac_secret_free(base);
  return *out ? ANYCABLE_OK : ANYCABLE_ERR_NOMEM;
}
