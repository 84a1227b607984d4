/* The HTTP/1.1 reader: one request, from bytes as they come, in whatever
 * pieces, to an exchange. Whatever the pieces, the result is the same.
 *
 * It is strict: what two readers could understand in two ways is refused, as
 * RFC 9112 has it or stricter. There are no folded lines, no bare CR or LF, no
 * spaces before a colon; a Content-Length comes once, in digits; it and a
 * Transfer-Encoding do not come together; and chunks have no extensions. */
#ifndef AC_HTTP_READER_H
#define AC_HTTP_READER_H

#include "http/http.h"

struct ac_http_reader_limits {
  size_t head;   /* bytes of request line and fields, and of trailers */
  size_t fields; /* how many there may be */
  size_t body;   /* bytes, without those of its chunks' frames */
};

/* Where the reader is. */
enum ac_http_phase {
  AC_HTTP_HEAD,
  AC_HTTP_BODY, /* of a known length */
  AC_HTTP_CHUNK_SIZE,
  AC_HTTP_CHUNK_SIZE_LF,
  AC_HTTP_CHUNK_DATA,
  AC_HTTP_CHUNK_CR, /* behind its data */
  AC_HTTP_CHUNK_LF,
  AC_HTTP_TRAILER, /* at the beginning of a line */
  AC_HTTP_TRAILER_LINE,
  AC_HTTP_TRAILER_LF,
  AC_HTTP_LAST_LF,
  AC_HTTP_COMPLETE
};

struct ac_http_reader {
  const struct ac_http_reader_limits *limits;
  struct ac_http_exchange *exchange;
  enum ac_http_phase phase;
  char *head; /* in the arena: fields are views into it */
  size_t head_len;
  size_t head_room;
  size_t line;        /* where the current one begins */
  size_t left;        /* of the body, or the chunk */
  size_t trailer_len; /* bytes of trailers that were passed over */
  int digits;         /* of the chunk's size */
  bool old;           /* HTTP/1.0 */
  bool close;         /* the connection ends with this request */
  bool continues;     /* the client waits to be told so, before the body */
};

/* Begins with a request, whose arena |exchange| has. */
void ac_http_reader_init(struct ac_http_reader *reader,
                         const struct ac_http_reader_limits *limits,
                         struct ac_http_exchange *exchange);

/* Reads on, up to the request's end, and tells in |*taken| how far it came. 0;
 * or the status that the request is refused with, and then the connection is to
 * be closed: nobody knows where the next request begins. */
int ac_http_read(struct ac_http_reader *reader, const char *data, size_t len,
                 size_t *taken);

#endif
