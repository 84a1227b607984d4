/* Messages of grpc.reflection.v1, which are those of v1alpha. */
#ifndef AC_WIRE_REFLECTION_H
#define AC_WIRE_REFLECTION_H

#include "base/arena.h"
#include "base/str.h"

/* What is asked: the field of a ServerReflectionRequest. */
enum ac_wire_question {
  AC_WIRE_ASKS_NOTHING = 0,
  AC_WIRE_ASKS_FILE = 3,   /* by its name */
  AC_WIRE_ASKS_SYMBOL = 4, /* for the file that has it */
  AC_WIRE_ASKS_EXTENSION = 5,
  AC_WIRE_ASKS_NUMBERS = 6, /* of extensions */
  AC_WIRE_ASKS_SERVICES = 7
};

/* Reads a request: a question, and the text that belongs to it. False if it is
 * malformed. */
bool ac_wire_read_reflection(anycable_str request, int *question,
                             anycable_str *text);

/* Answers |request|, with |prefix| bytes of room in front: with a file's
 * descriptor, with names of services, or with an error. The ptr is NULL without
 * memory. */
anycable_str ac_wire_write_file(anycable_str request, anycable_str descriptor,
                                size_t prefix, struct ac_arena *arena);
anycable_str ac_wire_write_services(anycable_str request,
                                    const char *const *names, size_t n,
                                    size_t prefix, struct ac_arena *arena);
anycable_str ac_wire_write_not_found(anycable_str request, const char *message,
                                     size_t prefix, struct ac_arena *arena);

#endif
