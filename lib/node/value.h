/* JSON as Go reads and writes it, where that shows: AnyCable decodes frames
 * and publications by encoding/json, and encodes what it has decoded. */
#ifndef AC_NODE_VALUE_H
#define AC_NODE_VALUE_H

#include <anycable/error.h>

#include "node/text.h"

/* Writes |json| anew: members sorted by name, a name that is there twice with
 * its last value, numbers as doubles, white space gone. ANYCABLE_OK, or an
 * error where it is no JSON, and nothing is written. */
int ac_value_put(struct ac_text *out, anycable_str json);

/* Appends what the JSON string |value| stands for. */
void ac_value_decode(struct ac_text *out, anycable_str value);

/* A member that is looked for, by a name in lower case; the case of a member's
 * does not matter. The last one counts, null is none. */
struct ac_field {
  const char *name;
  char type;          /* '"', '{', 't' for a boolean, 0 for any */
  anycable_str value; /* its JSON; empty where there is none */
};

/* Fills fields in from the object |json|. ANYCABLE_OK; ANYCABLE_ERR_PROTO where
 * it is none, or one of them has another type; ANYCABLE_ERR_NOMEM. */
int ac_value_fields(anycable_str json, struct ac_field *fields, size_t n);

/* Valid JSON without the white space around it. */
anycable_str ac_value_trim(anycable_str json);

/* Walks an array that is known to be one, without the white space around it:
 * |*at| is NULL first. False at its end. */
bool ac_value_next(anycable_str array, const char **at, anycable_str *element);

#endif
