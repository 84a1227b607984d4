/* Reading JSON in a handler: what a client sent, its identifier, its params.
 *
 *     const anycable_json *order;
 *     int64_t count;
 *     if (anycable_json_read(&order, socket, data) != ANYCABLE_OK)
 *       return anycable_socket_fail(socket, "no order");
 *     anycable_str item = anycable_json_string(order, "item");
 *     if (anycable_json_int(order, "count", &count) != ANYCABLE_OK)
 *       count = 1;
 *
 * A text is read once, as a whole, and is then right as a whole; the functions
 * below only look things up in it. They take a value and a name: the member of
 * that name, where the value is an object; or NULL, the value itself. All of
 * them tolerate a NULL value, in which there is nothing, so
 *
 *     anycable_json_string(anycable_json_get(order, "address"), "city")
 *
 * is the city, or empty.
 *
 * Numbers are kept as they were written, so that no 64-bit integer is rounded.
 *
 * What is handed out is copied to put a NUL behind it, once. Where there is no
 * memory for that, these functions find nothing, and the call remembers
 * ANYCABLE_ERR_NOMEM: it ends in Status ERROR, so that nothing that was there
 * is taken for missing.
 *
 * To write JSON, see anycable/builder.h. */
#ifndef ANYCABLE_JSON_H
#define ANYCABLE_JSON_H

#include <anycable/socket.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A JSON value that was read, in the memory of a call. */
typedef struct anycable_json anycable_json;

/* What a value is. */
enum anycable_json_kind {
  ANYCABLE_JSON_NONE = 0, /* there is none */
  ANYCABLE_JSON_NULL = 1,
  ANYCABLE_JSON_BOOL = 2,
  ANYCABLE_JSON_NUMBER = 3,
  ANYCABLE_JSON_STRING = 4,
  ANYCABLE_JSON_ARRAY = 5,
  ANYCABLE_JSON_OBJECT = 6
};

/** Reads a JSON text, of any type.
 *
 *  Refused, as readers differ in what they make of it: an object that has a
 *  key twice, U+0000 in a string, half a surrogate pair ("\ud800"), and
 *  anything behind the value but white space. What lies in objects and arrays
 *  within |text| is checked for keys that are there twice only when it is
 *  looked into.
 *  Returns: ANYCABLE_OK; ANYCABLE_ERR_PROTO if |text| is not JSON or is
 *  refused; ANYCABLE_ERR_LIMIT if it is nested deeper than
 *  ANYCABLE_LIMIT_JSON_DEPTH, or has 4 GiB; ANYCABLE_ERR_ENCODING if it is not
 *  UTF-8 or has a NUL; ANYCABLE_ERR_NOMEM. No error is remembered by the call:
 *  what clients send is not its fault.
 *  |*out| is NULL then, in which all below find nothing.
 *  Threads: the call's holder, as all functions here.
 *  Ownership: |*out| is borrowed for as long as |socket| lives, and so is
 *  |text|: it is not copied. */
ANYCABLE_EXTERN int anycable_json_read(const anycable_json **out,
                                       anycable_socket *socket,
                                       anycable_str text);

/** Tells whether |text| is one JSON value, with nothing but white space around
 *  it. It is not looked into for what anycable_json_read() refuses.
 *  Returns: ANYCABLE_OK; ANYCABLE_ERR_PROTO if it is not; ANYCABLE_ERR_LIMIT if
 *  it is nested deeper than 64.
 *  Threads: any. */
ANYCABLE_EXTERN int anycable_json_check(anycable_str text);

/** Tells what a value is.
 *  Returns: an anycable_json_kind.
 *  Threads: the call's holder. */
ANYCABLE_EXTERN int anycable_json_type(const anycable_json *json,
                                       const char *name);

/** The text of a string, without quotes and escapes. Of a number, true, false,
 *  an array or an object: its JSON text. A null counts as none:
 *  anycable_json_type() tells them apart.
 *  Returns: the text, empty where there is none.
 *  Threads: the call's holder.
 *  Ownership: borrowed for as long as the call's socket lives. */
ANYCABLE_EXTERN anycable_str anycable_json_string(const anycable_json *json,
                                                  const char *name);

/** Reads an integer: a number without fraction and exponent, or a string that
 *  is one, as JavaScript must send those beyond 2^53.
 *  Returns: ANYCABLE_OK; ANYCABLE_ERR_INVALID if there is none, or null;
 *  ANYCABLE_ERR_PROTO if it is something else; ANYCABLE_ERR_LIMIT if it does
 *  not fit; ANYCABLE_ERR_NOMEM. |*out| is changed only with ANYCABLE_OK.
 *  Threads: the call's holder. */
ANYCABLE_EXTERN int anycable_json_int(const anycable_json *json,
                                      const char *name, int64_t *out);

/** Reads a number as a double, which rounds. The locale does not matter.
 *  Returns: ANYCABLE_OK; ANYCABLE_ERR_INVALID if there is none, or null;
 *  ANYCABLE_ERR_PROTO if it is something else; ANYCABLE_ERR_LIMIT if no double
 *  is as large. |*out| is changed only with ANYCABLE_OK.
 *  Threads: the call's holder. */
ANYCABLE_EXTERN int anycable_json_number(const anycable_json *json,
                                         const char *name, double *out);

/** Reads true or false.
 *  Returns: ANYCABLE_OK; ANYCABLE_ERR_INVALID if there is none, or null;
 *  ANYCABLE_ERR_PROTO if it is something else. |*out| is changed only with
 *  ANYCABLE_OK.
 *  Threads: the call's holder. */
ANYCABLE_EXTERN int anycable_json_bool(const anycable_json *json,
                                       const char *name, bool *out);

/** The JSON text of a value, as it came: to pass it on.
 *  Returns: the text, empty where there is none.
 *  Threads: the call's holder.
 *  Ownership: borrowed for as long as the call's socket lives. */
ANYCABLE_EXTERN anycable_str anycable_json_text(const anycable_json *json,
                                                const char *name);

/** The member |name| of an object, to look into it.
 *  Returns: the value, null being one; NULL if there is none, if the value is
 *  an object that has a key twice, or without memory.
 *  Threads: the call's holder.
 *  Ownership: borrowed for as long as the call's socket lives. */
ANYCABLE_EXTERN const anycable_json *
anycable_json_get(const anycable_json *json, const char *name);

/** How many elements an array has, or members an object.
 *  Returns: the number, 0 for all else.
 *  Threads: the call's holder. */
ANYCABLE_EXTERN size_t anycable_json_count(const anycable_json *json);

/** The element at |index| of an array, or the member of an object, counted
 *  from 0 in the order of the text.
 *  Returns: as anycable_json_get(), NULL past the end.
 *  Threads: the call's holder.
 *  Ownership: borrowed for as long as the call's socket lives. */
ANYCABLE_EXTERN const anycable_json *anycable_json_at(const anycable_json *json,
                                                      size_t index);

/** The key under which |json| is the member of an object, without escapes.
 *  Returns: the key, empty where |json| is none.
 *  Threads: the call's holder.
 *  Ownership: borrowed for as long as the call's socket lives. */
ANYCABLE_EXTERN anycable_str anycable_json_key(const anycable_json *json);

#ifdef __cplusplus
}
#endif

#endif
