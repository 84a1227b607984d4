/* Texts on the heap. Most of them let somebody in, so none is left behind. */
#include "token/text.h"

#include <anycable/token.h>

#include <openssl/crypto.h>
#include <stdlib.h>

char *ac_text_new(size_t len) {
  char *text = malloc(len + 1);
  if (text)
    text[len] = '\0';
  return text;
}

char *ac_text_copy(anycable_str s) {
  char *text = ac_text_new(s.len);
  if (text && s.len > 0)
    memcpy(text, s.ptr, s.len);
  return text;
}

void anycable_free(char *text) {
  if (!text)
    return;
  OPENSSL_cleanse(text, strlen(text));
  free(text);
}
