/* What makes an HTTP/2 request well-formed (RFC 9113, sections 8.1 to 8.3).
 *
 * nghttp2 can check this too, but refuses requests without :authority, which
 * gRPC allows (gRFC A41), and takes four times the instructions. Anything that
 * breaks a rule is a stream error PROTOCOL_ERROR. */
#ifndef AC_H2_RULES_H
#define AC_H2_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct ac_h2_rules {
  unsigned seen;     /* pseudo headers and single headers, as bits */
  bool sized;        /* content-length was there */
  uint64_t length;   /* what it said */
  uint64_t received; /* bytes of body so far */
};

/* One field of the request's headers. */
bool ac_h2_rules_header(struct ac_h2_rules *rules, anycable_str name,
                        anycable_str value);

/* The end of the request's headers. */
bool ac_h2_rules_headers_end(const struct ac_h2_rules *rules);

/* One field of the trailers. */
bool ac_h2_rules_trailer(anycable_str name, anycable_str value);

/* |len| bytes of body came. */
static inline bool ac_h2_rules_body(struct ac_h2_rules *rules, size_t len) {
  rules->received += len;
  return !rules->sized || rules->received <= rules->length;
}

/* The request is over. */
static inline bool ac_h2_rules_end(const struct ac_h2_rules *rules) {
  return !rules->sized || rules->received == rules->length;
}

#endif
