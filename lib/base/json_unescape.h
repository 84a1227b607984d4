/* Escapes in JSON strings, for the readers. */
#ifndef AC_BASE_JSON_UNESCAPE_H
#define AC_BASE_JSON_UNESCAPE_H

#include <stddef.h>

/* From behind a backslash to behind the escape; NULL if it is none. */
const unsigned char *ac_json_scan_escape(const unsigned char *p,
                                         const unsigned char *end);

/* Decodes the escape at |*at|, behind its backslash, and of good form, to 1 to
 * 4 bytes; 0 if it stands for nothing that a string can hold. */
size_t ac_json_decode_escape(const unsigned char **at, const unsigned char *end,
                             char out[4]);

#endif
