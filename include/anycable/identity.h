/* Who a client is, outside its calls: the identifiers by which it is
 * disconnected from afar, or which go into its token.
 *
 *     anycable_identity *jack = anycable_identity_new();
 *     anycable_identity_set(jack, "user", ANYCABLE_STR("jack"));
 *     anycable_app_disconnect(app, anycable_identity_json(jack), false);
 *     anycable_identity_free(jack);
 *
 * The text is a JSON object of strings, its names in the order of their bytes,
 * without white space: the same bytes that anycable_connection_identify() makes
 * of the same values, whatever order they are given in. AnyCable compares
 * bytes, not values. */
#ifndef ANYCABLE_IDENTITY_H
#define ANYCABLE_IDENTITY_H

#include <anycable/error.h>
#include <anycable/str.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct anycable_identity anycable_identity;

/** Makes an identity without any value: "{}".
 *  Returns: the identity; NULL without memory, which all functions tolerate.
 *  Threads: any, one at a time, as all functions here.
 *  Ownership: yours, until anycable_identity_free(). */
ANYCABLE_EXTERN anycable_identity *
anycable_identity_new(void) ANYCABLE_WARN_UNUSED;

/** Frees the identity and its text. NULL is fine.
 *  Threads: any. */
ANYCABLE_EXTERN void anycable_identity_free(anycable_identity *identity);

/** Says that |name| is |value|; the last value of a name counts.
 *  Returns: ANYCABLE_OK; ANYCABLE_ERR_INVALID for an empty name;
 *  ANYCABLE_ERR_ENCODING if one is not UTF-8 or has a NUL; ANYCABLE_ERR_NOMEM.
 *  An error is remembered: the text is empty then, and no client's.
 *  Threads: any.
 *  Ownership: both copied. */
ANYCABLE_EXTERN int anycable_identity_set(anycable_identity *identity,
                                          const char *name, anycable_str value);

/** The identifiers as AnyCable knows them.
 *  Returns: the text; empty after an error, and without memory.
 *  Threads: any.
 *  Ownership: borrowed until the next call with |identity|. */
ANYCABLE_EXTERN anycable_str
anycable_identity_json(anycable_identity *identity);

#ifdef __cplusplus
}
#endif

#endif
