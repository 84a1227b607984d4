/* Texts that grow. */
#ifndef AC_CURL_TEXT_H
#define AC_CURL_TEXT_H

#include <anycable/str.h>

struct ac_text {
  char *ptr; /* ends with a NUL, if anything was added; free() it */
  size_t len;
  size_t size;
  bool failed; /* there was no memory for it */
};

void ac_text_add(struct ac_text *text, anycable_str more);

/* Adds |more| as a JSON string. */
void ac_text_quote(struct ac_text *text, anycable_str more);

#endif
