/* Texts for errno values: in English whatever the host's locale, and safe in
 * any thread. */
#ifndef AC_IO_ERRORS_H
#define AC_IO_ERRORS_H

#include <string.h>

static inline const char *ac_errno_text(int error) {
#ifdef __GLIBC__
  const char *text = strerrordesc_np(error);
  return text ? text : "unknown error";
#else
  return strerror(error);
#endif
}

#endif
