/* Requests over HTTP, whatever brings them: HTTP/1.1 on a connection of ours,
 * an HTTP/2 stream, or a server of the host's. What brings one is its bearer:
 * it fills an exchange in, has it served, and is told the answer once.
 *
 * Belongs to the loop's thread. */
#ifndef AC_HTTP_HTTP_H
#define AC_HTTP_HTTP_H

#include "base/arena.h"
#include "base/pair.h"
#include "base/str.h"

struct ac_http_exchange;

struct ac_http_response {
  int status;
  const char *reason;       /* "OK", a constant */
  const char *content_type; /* a constant; NULL: none, as there is no body */
  const char *allow;        /* the methods that a 405 names, or NULL */
  bool challenge;           /* a 401 names its scheme: Bearer */
  anycable_str body;        /* lives as long as the exchange's arena */
};

struct ac_http_bearer {
  /* The answer, once, on the loop's thread: inside ac_http_serve or later.
   * What it borrows lives until ac_http_closed. */
  void (*respond)(struct ac_http_exchange *exchange,
                  const struct ac_http_response *response);
};

/* Embedded in what the bearer keeps for a request. All of the request lives in
 * |arena|, which is the bearer's to free unless |lent|. */
struct ac_http_exchange {
  const struct ac_http_bearer *bearer;
  struct ac_arena *arena;
  bool lent; /* the arena was handed over, and is freed by who has it */

  anycable_str method;           /* as sent: "POST" */
  anycable_str path;             /* as sent, up to "?" */
  const struct ac_pair *headers; /* names in lower case */
  size_t n_headers;
  char *body; /* as body.h has it */
  size_t body_len;
  size_t body_room;

  void *call; /* of whoever serves it */
};

struct ac_http_service;

/* Serves a complete request. */
void ac_http_serve(struct ac_http_service *service,
                   struct ac_http_exchange *exchange);

/* The bearer lets go of an exchange that was served: the answer is sent, or
 * nobody waits for it any more. */
void ac_http_closed(struct ac_http_exchange *exchange);

/* The first value of a header, by its name in lower case; without a ptr if it
 * is not there. */
anycable_str ac_http_header(const struct ac_http_exchange *exchange,
                            const char *name);

#endif
