/* JSON Web Tokens (RFC 7519) as AnyCable has them: signed with HMAC-SHA256,
 * the client's identifiers in the claim "ext". Whatever else a token says about
 * how it is to be read is not listened to. */
#include "token/jwt.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "base/json.h"
#include "base/utf8.h"
#include "token/base64.h"
#include "token/signer.h"
#include "token/text.h"

#define JSON_DEPTH 64

/* Readers take numbers for doubles, which are exact up to here. */
#define LAST_TIME (INT64_C(1) << 53)

/* {"alg":"HS256"} */
#define HEADER "eyJhbGciOiJIUzI1NiJ9"

/* --- writing -------------------------------------------------------------- */

/* {"ext":"...","exp":123}; its ptr is NULL without memory. |expires_at| is 0
 * for never. */
static anycable_str write_claims(struct ac_arena *arena,
                                 anycable_str identifiers, int64_t expires_at) {
  size_t room = ac_json_quoted_len(identifiers) + 64;
  char *text = ac_arena_alloc(arena, room);
  if (!text)
    return ac_str(NULL, 0);
  char *end = ac_json_quote(stpcpy(text, "{\"ext\":"), identifiers);
  size_t left = room - (size_t)(end - text);
  int n = expires_at ? snprintf(end, left, ",\"exp\":%" PRId64 "}", expires_at)
                     : snprintf(end, left, "}");
  return ac_str(text, (size_t)(end - text) + (size_t)n);
}

static int write_token(const anycable_signer *signer, anycable_str claims,
                       char **out) {
  size_t signed_len =
      strlen(HEADER ".") + ac_base64_len(claims.len, AC_BASE64_URL);
  size_t len = signed_len + 1 + ac_base64_len(AC_MAC_SIZE, AC_BASE64_URL);
  if (len > AC_TOKEN_MAX)
    return ANYCABLE_ERR_LIMIT;
  char *text = ac_text_new(len);
  if (!text)
    return ANYCABLE_ERR_NOMEM;
  char *dot = ac_base64_encode(stpcpy(text, HEADER "."), claims, AC_BASE64_URL);
  struct ac_mac mac;
  if (!ac_signer_sign(signer, ac_str(text, signed_len), &mac)) {
    anycable_free(text);
    return ANYCABLE_ERR_NOMEM;
  }
  *dot = '.';
  ac_base64_encode(dot + 1, ac_str((char *)mac.bytes, AC_MAC_SIZE),
                   AC_BASE64_URL);
  *out = text;
  return ANYCABLE_OK;
}

int ac_jwt_encode(const anycable_signer *signer, anycable_str identifiers,
                  int64_t ttl_seconds, int64_t now, char **out) {
  *out = NULL;
  if (ttl_seconds < 0 || ttl_seconds > LAST_TIME - now)
    return ANYCABLE_ERR_INVALID;
  if (identifiers.len > AC_TOKEN_MAX)
    return ANYCABLE_ERR_LIMIT;
  if (!ac_utf8_valid(identifiers))
    return ANYCABLE_ERR_ENCODING;
  int result = ac_json_check(identifiers, JSON_DEPTH);
  if (result != ANYCABLE_OK)
    return result;
  struct ac_arena *arena = ac_signer_arena(signer);
  if (!arena)
    return ANYCABLE_ERR_NOMEM;
  anycable_str claims =
      write_claims(arena, identifiers, ttl_seconds ? now + ttl_seconds : 0);
  result = claims.ptr ? write_token(signer, claims, out) : ANYCABLE_ERR_NOMEM;
  ac_arena_free(arena);
  return result;
}

/* --- reading -------------------------------------------------------------- */

/* The three segments, still as base64, and what is signed of it all. */
struct segments {
  anycable_str header;
  anycable_str claims;
  anycable_str signature;
  anycable_str signed_text;
};

static bool split(anycable_str token, struct segments *out) {
  const char *end = token.ptr + token.len;
  const char *dot = token.len > 0 ? memchr(token.ptr, '.', token.len) : NULL;
  if (!dot)
    return false;
  const char *claims = dot + 1;
  const char *second = memchr(claims, '.', (size_t)(end - claims));
  if (!second)
    return false;
  out->header = ac_str(token.ptr, (size_t)(dot - token.ptr));
  out->claims = ac_str(claims, (size_t)(second - claims));
  out->signed_text = ac_str(token.ptr, (size_t)(second - token.ptr));
  out->signature = ac_str(second + 1, (size_t)(end - second - 1));
  /* Base64 has no dot, so a third one is found there. */
  return true;
}

/* A segment's JSON. */
static int decode_segment(struct ac_arena *arena, anycable_str segment,
                          anycable_str *out) {
  char *text = ac_arena_alloc(arena, segment.len / 4 * 3 + 2);
  if (!text)
    return ANYCABLE_ERR_NOMEM;
  size_t len;
  if (!ac_base64_decode(text, &len, segment, AC_BASE64_URL))
    return ANYCABLE_ERR_PROTO;
  *out = ac_str(text, len);
  return ac_utf8_valid(*out) ? ANYCABLE_OK : ANYCABLE_ERR_PROTO;
}

static bool decode_signature(anycable_str segment, struct ac_mac *out) {
  char bytes[AC_MAC_SIZE + 2];
  size_t len;
  if (segment.len != ac_base64_len(AC_MAC_SIZE, AC_BASE64_URL) ||
      !ac_base64_decode(bytes, &len, segment, AC_BASE64_URL))
    return false;
  memcpy(out->bytes, bytes, AC_MAC_SIZE);
  return true;
}

/* The algorithm is ours, or the token is none: it has no say in that. Nor may
 * it demand that we understand more than we do ("crit"). */
static int check_header(anycable_str header) {
  anycable_str value;
  int found = ac_json_member(header, ANYCABLE_STR("alg"), JSON_DEPTH, &value);
  if (found < 0)
    return found;
  if (!found || !ac_json_string_is(value, ANYCABLE_STR("HS256")))
    return ANYCABLE_ERR_PROTO;
  found = ac_json_member(header, ANYCABLE_STR("crit"), JSON_DEPTH, &value);
  return found ? ANYCABLE_ERR_PROTO : ANYCABLE_OK;
}

/* The claims, if somebody signed them whom we know. */
static int verify(const anycable_signer *signer, struct ac_arena *arena,
                  anycable_str token, anycable_str *claims) {
  struct segments segments;
  struct ac_mac mac;
  anycable_str header;
  if (!split(token, &segments) || !decode_signature(segments.signature, &mac))
    return ANYCABLE_ERR_PROTO;
  int result = decode_segment(arena, segments.header, &header);
  if (result == ANYCABLE_OK)
    result = check_header(header);
  if (result == ANYCABLE_OK)
    result = ac_signer_check(signer, segments.signed_text, &mac);
  if (result == ANYCABLE_OK)
    result = decode_segment(arena, segments.claims, claims);
  return result;
}

/* A NumericDate: fractions are cut off, as in Go; exponents are refused. */
static int parse_time(anycable_str value, int64_t *out) {
  const char *point = memchr(value.ptr, '.', value.len);
  if (point) {
    if (memchr(value.ptr, 'e', value.len) || memchr(value.ptr, 'E', value.len))
      return ANYCABLE_ERR_PROTO;
    value.len = (size_t)(point - value.ptr);
  }
  return ac_json_int64(value, out) == ANYCABLE_OK ? ANYCABLE_OK
                                                  : ANYCABLE_ERR_PROTO;
}

/* A claim that may be missing, or zero, which is the same in Go: then |*out|
 * stays as it is. */
static int read_time(anycable_str claims, anycable_str name, int64_t *out) {
  anycable_str value;
  int found = ac_json_member(claims, name, JSON_DEPTH, &value);
  if (found != 1 || anycable_str_is(value, "0"))
    return found < 0 ? found : ANYCABLE_OK;
  return parse_time(value, out);
}

static int read_identifiers(struct ac_arena *arena, anycable_str claims,
                            anycable_str *out) {
  anycable_str value;
  int found = ac_json_member(claims, ANYCABLE_STR("ext"), JSON_DEPTH, &value);
  if (found < 0)
    return found;
  return found ? ac_json_string(arena, value, true, out) : ANYCABLE_ERR_PROTO;
}

struct times {
  int64_t begins;
  int64_t ends;
};

static int read_claims(struct ac_arena *arena, anycable_str claims,
                       anycable_str *identifiers, struct times *times) {
  int result = read_identifiers(arena, claims, identifiers);
  if (result == ANYCABLE_OK)
    result = read_time(claims, ANYCABLE_STR("exp"), &times->ends);
  if (result == ANYCABLE_OK)
    result = read_time(claims, ANYCABLE_STR("nbf"), &times->begins);
  return result;
}

static int decode(const anycable_signer *signer, struct ac_arena *arena,
                  anycable_str token, int64_t now, char **identifiers,
                  int64_t *expires_at) {
  anycable_str claims, text;
  struct times times = {INT64_MIN, INT64_MAX};
  int result = verify(signer, arena, token, &claims);
  if (result == ANYCABLE_OK)
    result = read_claims(arena, claims, &text, &times);
  if (result != ANYCABLE_OK)
    return result;
  *expires_at = times.ends == INT64_MAX ? 0 : times.ends;
  if (now < times.begins || now >= times.ends)
    return ANYCABLE_ERR_EXPIRED;
  *identifiers = ac_text_copy(text);
  return *identifiers ? ANYCABLE_OK : ANYCABLE_ERR_NOMEM;
}

int ac_jwt_decode(const anycable_signer *signer, anycable_str token,
                  int64_t now, char **identifiers, int64_t *expires_at) {
  int64_t unused;
  if (!expires_at)
    expires_at = &unused;
  *identifiers = NULL;
  *expires_at = 0;
  if (token.len > AC_TOKEN_MAX)
    return ANYCABLE_ERR_LIMIT;
  struct ac_arena *arena = ac_signer_arena(signer);
  if (!arena)
    return ANYCABLE_ERR_NOMEM;
  int result = decode(signer, arena, token, now, identifiers, expires_at);
  ac_arena_free(arena);
  return result;
}

/* --- now ------------------------------------------------------------------ */

int anycable_jwt_encode(const anycable_signer *signer, anycable_str identifiers,
                        int64_t ttl_seconds, char **out) {
  return ac_jwt_encode(signer, identifiers, ttl_seconds, time(NULL), out);
}

int anycable_jwt_decode(const anycable_signer *signer, anycable_str token,
                        char **identifiers, int64_t *expires_at) {
  return ac_jwt_decode(signer, token, time(NULL), identifiers, expires_at);
}
