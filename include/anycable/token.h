/* Tokens: what clients carry, signed, so that AnyCable lets them in and
 * subscribes them without asking a backend.
 *
 *     anycable_signer *signer;
 *     if (anycable_signer_new_jwt(&signer, config) != ANYCABLE_OK)
 *       die("there is no secret");
 *     char *token;
 *     int rc = anycable_jwt_encode(
 *         signer, ANYCABLE_STR("{\"user\":\"jack\"}"), 3600, &token);
 *     if (rc == ANYCABLE_OK)
 *       give_to_client(token);         // who comes with ws://...?jid=TOKEN
 *     anycable_free(token);
 *     anycable_signer_free(signer);
 *
 * The secrets are those of AnyCable: ANYCABLE_JWT_SECRET for JWT,
 * ANYCABLE_STREAMS_SECRET for streams, each ANYCABLE_SECRET if it is not set.
 *
 * Every text that is given back is NUL-terminated and freed by anycable_free().
 * Functions that return an error set what they would give back to NULL. */
#ifndef ANYCABLE_TOKEN_H
#define ANYCABLE_TOKEN_H

#include <anycable/config.h>
#include <anycable/error.h>
#include <anycable/str.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Secrets: one signs, and others are accepted as well. Read-only once set up,
 * and then for any thread. */
typedef struct anycable_signer anycable_signer;

/** Makes a signer with |secret|.
 *  Returns: ANYCABLE_OK; ANYCABLE_ERR_INVALID if |secret| is empty;
 *  ANYCABLE_ERR_NOMEM.
 *  Threads: any.
 *  Ownership: |*out| is yours, until anycable_signer_free(); |secret| is
 *  copied, and wiped when it is freed. */
ANYCABLE_EXTERN int
anycable_signer_new(anycable_signer **out,
                    anycable_str secret) ANYCABLE_WARN_UNUSED;

/** Makes a signer with the secret for JWT of |config|.
 *  Returns: as anycable_signer_new(); ANYCABLE_ERR_STATE if there is none.
 *  Threads: the one that owns |config|.
 *  Ownership: as anycable_signer_new(). */
ANYCABLE_EXTERN int
anycable_signer_new_jwt(anycable_signer **out,
                        const anycable_config *config) ANYCABLE_WARN_UNUSED;

/** Makes a signer with the secret for signed streams of |config|.
 *  Returns: as anycable_signer_new(); ANYCABLE_ERR_STATE if there is none.
 *  Threads: the one that owns |config|.
 *  Ownership: as anycable_signer_new(). */
ANYCABLE_EXTERN int
anycable_signer_new_streams(anycable_signer **out,
                            const anycable_config *config) ANYCABLE_WARN_UNUSED;

/** Accepts what |secret| has signed as well: the one before, while it is
 *  replaced. Each costs the time of one more signature when something is
 *  checked.
 *  Returns: ANYCABLE_OK; ANYCABLE_ERR_INVALID if it is empty;
 *  ANYCABLE_ERR_NOMEM.
 *  Threads: the one that sets |signer| up.
 *  Ownership: |secret| is copied. */
ANYCABLE_EXTERN int anycable_signer_accept(anycable_signer *signer,
                                           anycable_str secret);

/** Frees the signer, and wipes its secrets. NULL is fine.
 *  Threads: any. */
ANYCABLE_EXTERN void anycable_signer_free(anycable_signer *signer);

/** Wipes and frees a text that a function of this header gave: most of them let
 *  somebody in. NULL is fine.
 *  Threads: any. */
ANYCABLE_EXTERN void anycable_free(char *text);

/** Writes a JWT (HS256) for a client with |identifiers|: the very text that
 *  later calls and remote disconnects know it by, JSON. It is valid for
 *  |ttl_seconds|, for ever if that is 0; see ANYCABLE_SETTING_JWT_TTL.
 *  Returns: ANYCABLE_OK; ANYCABLE_ERR_PROTO if |identifiers| is not JSON;
 *  ANYCABLE_ERR_ENCODING if it is not UTF-8; ANYCABLE_ERR_INVALID for a
 *  negative time, or one that ends beyond 2^53; ANYCABLE_ERR_LIMIT if the token
 *  would be longer than 8 KiB, or is nested deeper than 64;
 *  ANYCABLE_ERR_NOMEM.
 *  Threads: any.
 *  Ownership: |*out| is yours, until anycable_free(). */
ANYCABLE_EXTERN int anycable_jwt_encode(const anycable_signer *signer,
                                        anycable_str identifiers,
                                        int64_t ttl_seconds, char **out);

/** Checks a JWT and takes the identifiers out of it: the string "ext", which
 *  need not be JSON. HS256 only; a header with "crit" is refused. "exp" and
 *  "nbf" may be missing; fractions of a second are cut off, exponents (1e9)
 *  refused, and there is no leeway, as in AnyCable. Signatures are compared in
 *  constant time. |expires_at|, if not NULL, is when it expires, in seconds
 *  since 1970, 0 for never; it is set for an expired token too.
 *  Returns: ANYCABLE_OK; ANYCABLE_ERR_EXPIRED if its time is over or has not
 *  begun; ANYCABLE_ERR_SIGNATURE if none of the secrets has signed it;
 *  ANYCABLE_ERR_PROTO if it is no such token; ANYCABLE_ERR_LIMIT if it is
 *  longer than 8 KiB, or nested deeper than 64; ANYCABLE_ERR_NOMEM.
 *  Threads: any.
 *  Ownership: |*identifiers| is yours, until anycable_free(). */
ANYCABLE_EXTERN int
anycable_jwt_decode(const anycable_signer *signer, anycable_str token,
                    char **identifiers,
                    int64_t *expires_at) ANYCABLE_WARN_UNUSED;

/** Signs the name of a stream, as clients show it to AnyCable.
 *  Returns: ANYCABLE_OK; ANYCABLE_ERR_INVALID for an empty name;
 *  ANYCABLE_ERR_ENCODING if it is not UTF-8 or has a NUL; ANYCABLE_ERR_LIMIT if
 *  the signed name would be longer than 8 KiB; ANYCABLE_ERR_NOMEM.
 *  Threads: any.
 *  Ownership: |*out| is yours, until anycable_free(). */
ANYCABLE_EXTERN int anycable_stream_sign(const anycable_signer *signer,
                                         anycable_str stream, char **out);

/** Checks a signed name, and takes the stream out of it. Both alphabets of
 *  base64 are accepted, with padding: the Ruby SDK uses the one for URLs, which
 *  AnyCable itself refuses for some names. Signatures are compared in constant
 *  time, before anything is decoded.
 *  Returns: ANYCABLE_OK; ANYCABLE_ERR_SIGNATURE if none of the secrets has
 *  signed it; ANYCABLE_ERR_PROTO if it is no signed name; ANYCABLE_ERR_LIMIT if
 *  it is longer than 8 KiB; ANYCABLE_ERR_NOMEM.
 *  Threads: any.
 *  Ownership: |*stream| is yours, until anycable_free(). */
ANYCABLE_EXTERN int anycable_stream_verify(const anycable_signer *signer,
                                           anycable_str signed_name,
                                           char **stream) ANYCABLE_WARN_UNUSED;

/* Channels that AnyCable serves by itself, if it knows the secret. */
enum anycable_stream_channel {
  ANYCABLE_STREAM_PUBSUB = 0,     /* "$pubsub" */
  ANYCABLE_STREAM_TURBO = 1,      /* "Turbo::StreamsChannel" */
  ANYCABLE_STREAM_CABLE_READY = 2 /* "CableReady::Stream" */
};

/** Writes the identifier by which a client subscribes to |stream| without a
 *  backend: {"channel":"$pubsub","signed_stream_name":"..."}.
 *  Returns: as anycable_stream_sign(); ANYCABLE_ERR_INVALID for a |channel|
 *  that is no anycable_stream_channel.
 *  Threads: any.
 *  Ownership: |*out| is yours, until anycable_free(). */
ANYCABLE_EXTERN int anycable_stream_identifier(const anycable_signer *signer,
                                               int channel, anycable_str stream,
                                               char **out);

/* Phrases for anycable_secret_derive(). */
#define ANYCABLE_PHRASE_BROADCAST "broadcast-cable" /* HTTP broadcasting */
#define ANYCABLE_PHRASE_RPC "rpc-cable"             /* RPC over HTTP */
#define ANYCABLE_PHRASE_API "api-cable"             /* the server's REST API */

/** Derives a key from the application's secret, as AnyCable does where only
 *  that is configured: HMAC-SHA256, in hex.
 *  Returns: ANYCABLE_OK; ANYCABLE_ERR_INVALID if |secret| or |phrase| is empty;
 *  ANYCABLE_ERR_NOMEM.
 *  Threads: any.
 *  Ownership: |*out| is yours, until anycable_free(). */
ANYCABLE_EXTERN int anycable_secret_derive(anycable_str secret,
                                           anycable_str phrase, char **out);

#ifdef __cplusplus
}
#endif

#endif
