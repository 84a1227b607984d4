/* UTF-8, for what goes out and comes in, and for the terminal. */
#include "text.h"
#include "command.h"

#include <stdlib.h>

/* The length of the character that begins at |s|, 0 if it is not one: RFC 3629,
 * so nothing overlong, no surrogates, nothing above U+10FFFF. */
static int utf8_length(const unsigned char *s) {
  unsigned char low = 0x80, high = 0xbf;
  int len;

  if (s[0] < 0x80)
    return 1;
  if (s[0] < 0xc2 || s[0] > 0xf4)
    return 0;
  len = s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
  if (s[0] == 0xe0)
    low = 0xa0;
  else if (s[0] == 0xed)
    high = 0x9f;
  else if (s[0] == 0xf0)
    low = 0x90;
  else if (s[0] == 0xf4)
    high = 0x8f;
  if (s[1] < low || s[1] > high)
    return 0;
  /* The NUL at the end is no continuation, so this stops there. */
  for (int i = 2; i < len; i++)
    if ((s[i] & 0xc0) != 0x80)
      return 0;
  return len;
}

bool text_is_utf8(const char *text) {
  const unsigned char *s = (const unsigned char *)text;

  while (*s) {
    int len = utf8_length(s);
    if (len == 0)
      return false;
    s += len;
  }
  return true;
}

void text_print_safe(FILE *out, const char *text) {
  const unsigned char *s = (const unsigned char *)text;

  while (*s) {
    int len = utf8_length(s);
    /* U+0080 to U+009F are control characters, too. */
    bool control = *s < 0x20 || *s == 0x7f || (*s == 0xc2 && s[1] < 0xa0);
    if (len == 0 || (control && len == 1))
      fprintf(out, "\\x%02x", *s++);
    else if (control)
      fprintf(out, "\\u%04x", s[1]), s += 2;
    else
      fwrite(s, 1, (size_t)len, out), s += len;
  }
}

void *text_must(void *memory) {
  if (memory)
    return memory;
  fputs("anycable: out of memory\n", stderr);
  exit(EXIT_NO_ANSWER);
}
