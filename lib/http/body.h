/* A request's body, as it comes. It lives in the exchange's arena, between the
 * margins of AC_JSON_MARGIN bytes that its readers need, and is charged for
 * byte by byte: room that a client has only announced is nobody's memory yet.
 */
#ifndef AC_HTTP_BODY_H
#define AC_HTTP_BODY_H

#include "base/json_cursor.h"
#include "http/http.h"

/* Room for a body of |need| bytes in all, of at most |max|: 0, or the status
 * that the request is refused with. */
int ac_http_body_reserve(struct ac_http_exchange *exchange, size_t need,
                         size_t max);

/* Appends bytes, likewise. */
int ac_http_body_append(struct ac_http_exchange *exchange, const char *bytes,
                        size_t len, size_t max);

#endif
