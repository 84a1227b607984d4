/* What needs libcurl: the adapter "http", and a client of AnyCable's REST API.
 * In a library of its own, libanycable-curl.
 *
 *     cc program.c $(pkg-config --cflags --libs anycable-curl)
 *
 *     anycable_config_add_adapter(config, anycable_curl_adapter(), NULL);
 *     anycable_config_set(config, ANYCABLE_SETTING_BROADCAST_ADAPTER, "http");
 *
 * A program that does not link it gets the adapter all the same where a
 * configuration names it: libanycable.so loads it from its own directory. A
 * program that has the core linked statically must link it. */
#ifndef ANYCABLE_CURL_H
#define ANYCABLE_CURL_H

#include <anycable/adapter.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The table for anycable_config_add_adapter(), whose ctx is NULL.
 *
 *  The adapter makes one request a message, over a connection that is kept. A
 *  message is PUBLISHED when AnyCable has answered with a status of 200 to 299.
 *  (It does so for malformed ones, too.) One that cannot be sent, as nobody
 *  listens, waits, and is tried again for ever. One that is answered with 401,
 *  for a wrong key, with 422, or with a redirect has FAILED; with anything else
 *  from 400 on, it is tried three times more, for ten seconds at most, and has
 *  FAILED then. One that was sent and not answered, or answered with 504 by a
 *  proxy, is UNKNOWN and not sent again. But where a kept connection is closed
 *  without a word just as a message goes out on it, libcurl sends that once
 *  more on another one.
 *
 *  Certificates are checked against those that the system trusts. No proxy is
 *  taken from the environment. libcurl starts a thread for a name lookup,
 *  and leaves it behind where that takes too long.
 *  Returns: a constant table.
 *  Threads: any. */
ANYCABLE_EXTERN const anycable_adapter *anycable_curl_adapter(void);

/* A client of the REST API that AnyCable has since 1.6.9, at /api, where there
 * is a secret or an API key. Its functions block. */
typedef struct anycable_api anycable_api;

/** Makes a client of the API at |url|, such as "http://localhost:8080/api".
 *  |key| is what AnyCable has as its API key; where it only has a secret, that
 *  is anycable_secret_derive() with ANYCABLE_PHRASE_API; NULL for none.
 *  Returns: ANYCABLE_OK; ANYCABLE_ERR_INVALID for a URL that is not of http or
 *  https, or has a user beside a key, and for a key that no header can hold;
 *  ANYCABLE_ERR_NOMEM. Then |*out| is NULL.
 *  Threads: any.
 *  Ownership: |*out| is yours, until anycable_api_free(); |url| and |key| are
 *  copied. */
ANYCABLE_EXTERN int anycable_api_new(anycable_api **out, const char *url,
                                     const char *key) ANYCABLE_WARN_UNUSED;

/** Frees the client. NULL is fine.
 *  Threads: any, while no other function is called with |api|. */
ANYCABLE_EXTERN void anycable_api_free(anycable_api *api);

/** Sets how long one request may take. The default is 5 seconds; connecting
 *  takes 2 seconds of them at most.
 *  Returns: ANYCABLE_OK; ANYCABLE_ERR_INVALID if |ms| is not positive.
 *  Threads: one at a time with |api|. */
ANYCABLE_EXTERN int anycable_api_set_timeout(anycable_api *api, int64_t ms);

/** Publishes a JSON text to |stream|, and waits until AnyCable has taken it. It
 *  is sent as it is, once: a text that is not JSON reaches clients as a string.
 *  Both must be UTF-8, which is not checked here.
 *  Returns: ANYCABLE_OK; ANYCABLE_ERR_INVALID if either is empty;
 *  ANYCABLE_ERR_FAILED if AnyCable refuses it, as for a wrong key;
 *  ANYCABLE_ERR_TIMEOUT, ANYCABLE_ERR_UNAVAILABLE, and then it may have been
 *  taken; ANYCABLE_ERR_NOMEM.
 *  Threads: one at a time with |api|. */
ANYCABLE_EXTERN int anycable_api_publish(anycable_api *api, anycable_str stream,
                                         anycable_str json);

/** Asks who is present in |stream|. AnyCable cannot be asked about a stream
 *  whose name has a slash.
 *  Returns: ANYCABLE_OK, and AnyCable's answer in |*out|, JSON;
 *  ANYCABLE_ERR_INVALID for an empty name or a slash; ANYCABLE_ERR_FAILED if
 *  AnyCable refuses, as for a wrong key, or does not keep presence;
 *  ANYCABLE_ERR_LIMIT for an answer of more than 4 MiB; ANYCABLE_ERR_TIMEOUT;
 *  ANYCABLE_ERR_UNAVAILABLE; ANYCABLE_ERR_NOMEM. Then |*out| is NULL.
 *  Threads: one at a time with |api|.
 *  Ownership: |*out| is yours, until anycable_free(). */
ANYCABLE_EXTERN int anycable_api_users(anycable_api *api, anycable_str stream,
                                       char **out);

/** Says in words what went wrong last.
 *  Returns: the text, never NULL, empty if the last request went well.
 *  Threads: one at a time with |api|.
 *  Ownership: borrowed until the next call with |api|. */
ANYCABLE_EXTERN const char *anycable_api_error(const anycable_api *api);

#ifdef __cplusplus
}
#endif

#endif
