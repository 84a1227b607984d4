/* Signed names of streams:
 *
 *     BASE64 OF THE NAME AS JSON--SIGNATURE OF THAT BASE64 IN HEX
 *
 * AnyCable reads the standard alphabet only. The Ruby SDK writes the one for
 * URLs, so that AnyCable refuses some of its names; what it wrote is read here
 * all the same. */
#include <anycable/token.h>

#include "base/json.h"
#include "base/utf8.h"
#include "token/base64.h"
#include "token/signer.h"
#include "token/text.h"

#define SEPARATOR "--"
#define SEPARATOR_LEN 2
#define TAIL_LEN (SEPARATOR_LEN + AC_MAC_HEX_LEN)

/* --- signing -------------------------------------------------------------- */

static int check_name(anycable_str stream) {
  if (stream.len == 0)
    return ANYCABLE_ERR_INVALID;
  if (stream.len > AC_TOKEN_MAX)
    return ANYCABLE_ERR_LIMIT;
  if (memchr(stream.ptr, '\0', stream.len) || !ac_utf8_valid(stream))
    return ANYCABLE_ERR_ENCODING;
  return ANYCABLE_OK;
}

/* Writes the signed name; returns its end, NULL without memory. */
static char *write_signed(const anycable_signer *signer, char *out,
                          anycable_str json) {
  char *end = ac_base64_encode(out, json, AC_BASE64_PADDED);
  struct ac_mac mac;
  if (!ac_signer_sign(signer, ac_str(out, (size_t)(end - out)), &mac))
    return NULL;
  return ac_mac_to_hex(stpcpy(end, SEPARATOR), &mac);
}

/* The signed name, with a text before and behind it. */
static int sign_json(const anycable_signer *signer, const char *before,
                     anycable_str json, const char *behind, char **out) {
  size_t len = ac_base64_len(json.len, AC_BASE64_PADDED) + TAIL_LEN;
  if (len > AC_TOKEN_MAX)
    return ANYCABLE_ERR_LIMIT;
  char *text = ac_text_new(strlen(before) + len + strlen(behind));
  if (!text)
    return ANYCABLE_ERR_NOMEM;
  char *end = write_signed(signer, stpcpy(text, before), json);
  if (!end) {
    anycable_free(text);
    return ANYCABLE_ERR_NOMEM;
  }
  stpcpy(end, behind);
  *out = text;
  return ANYCABLE_OK;
}

static int sign(const anycable_signer *signer, const char *before,
                anycable_str stream, const char *behind, char **out) {
  *out = NULL;
  int result = check_name(stream);
  if (result != ANYCABLE_OK)
    return result;
  struct ac_arena *arena = ac_signer_arena(signer);
  if (!arena)
    return ANYCABLE_ERR_NOMEM;
  anycable_str json = ac_json_quoted(arena, stream);
  result = json.ptr ? sign_json(signer, before, json, behind, out)
                    : ANYCABLE_ERR_NOMEM;
  ac_arena_free(arena);
  return result;
}

int anycable_stream_sign(const anycable_signer *signer, anycable_str stream,
                         char **out) {
  return sign(signer, "", stream, "", out);
}

int anycable_stream_identifier(const anycable_signer *signer, int channel,
                               anycable_str stream, char **out) {
  /* A signed name has nothing that JSON would escape. */
  static const char *const before[] = {
      [ANYCABLE_STREAM_PUBSUB] =
          "{\"channel\":\"$pubsub\",\"signed_stream_name\":\"",
      [ANYCABLE_STREAM_TURBO] =
          "{\"channel\":\"Turbo::StreamsChannel\",\"signed_stream_name\":\"",
      [ANYCABLE_STREAM_CABLE_READY] =
          "{\"channel\":\"CableReady::Stream\",\"identifier\":\""};
  *out = NULL;
  if (channel < 0 || (size_t)channel >= sizeof(before) / sizeof(*before))
    return ANYCABLE_ERR_INVALID;
  return sign(signer, before[channel], stream, "\"}", out);
}

/* --- verifying ------------------------------------------------------------ */

/* Two parts, neither more nor less. */
static bool split(anycable_str name, anycable_str *encoded,
                  struct ac_mac *mac) {
  if (name.len <= TAIL_LEN)
    return false;
  *encoded = ac_str(name.ptr, name.len - TAIL_LEN);
  const char *separator = memmem(name.ptr, name.len, SEPARATOR, SEPARATOR_LEN);
  return separator == name.ptr + encoded->len &&
         ac_mac_from_hex(mac, ac_str(separator + SEPARATOR_LEN,
                                     name.len - encoded->len - SEPARATOR_LEN));
}

static int decode(struct ac_arena *arena, anycable_str encoded, char **stream) {
  char *json = ac_arena_alloc(arena, encoded.len / 4 * 3 + 2);
  if (!json)
    return ANYCABLE_ERR_NOMEM;
  size_t len;
  anycable_str name;
  if (!ac_base64_decode(json, &len, encoded, AC_BASE64_PADDED) ||
      !ac_utf8_valid(ac_str(json, len)))
    return ANYCABLE_ERR_PROTO;
  int result = ac_json_string(arena, ac_str(json, len), true, &name);
  if (result != ANYCABLE_OK)
    return result;
  if (name.len == 0)
    return ANYCABLE_ERR_PROTO;
  *stream = ac_text_copy(name);
  return *stream ? ANYCABLE_OK : ANYCABLE_ERR_NOMEM;
}

int anycable_stream_verify(const anycable_signer *signer,
                           anycable_str signed_name, char **stream) {
  *stream = NULL;
  if (signed_name.len > AC_TOKEN_MAX)
    return ANYCABLE_ERR_LIMIT;
  anycable_str encoded;
  struct ac_mac mac;
  if (!split(signed_name, &encoded, &mac))
    return ANYCABLE_ERR_PROTO;
  int result = ac_signer_check(signer, encoded, &mac);
  if (result != ANYCABLE_OK)
    return result;
  struct ac_arena *arena = ac_signer_arena(signer);
  if (!arena)
    return ANYCABLE_ERR_NOMEM;
  result = decode(arena, encoded, stream);
  ac_arena_free(arena);
  return result;
}
