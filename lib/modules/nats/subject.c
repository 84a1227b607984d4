#include "modules/nats/subject.h"

#include <stddef.h>
#include <string.h>

enum { SUBJECT_LENGTH = 255 };

/* One word between dots. */
static const char *check_token(const char *token, size_t len) {
  if (len == 0)
    return "has an empty part";
  if (len == 1 && (token[0] == '*' || token[0] == '>'))
    return "has a wildcard";
  for (size_t i = 0; i < len; i++) {
    if (token[i] < '!' || token[i] > '~')
      return "has a character that is not printable ASCII";
  }
  return NULL;
}

const char *ac_nats_subject_check(const char *subject) {
  if (strlen(subject) > SUBJECT_LENGTH)
    return "is longer than 255 bytes";
  for (;;) {
    size_t len = strcspn(subject, ".");
    const char *wrong = check_token(subject, len);
    if (wrong || subject[len] == '\0')
      return wrong;
    subject += len + 1;
  }
}
