/* Building JSON texts: messages, frames, what is published.
 *
 *     anycable_builder *b = anycable_socket_builder(socket);
 *     anycable_builder_object(b, NULL);
 *     anycable_builder_string(b, "text", text);
 *     anycable_builder_int(b, "id", INT64_C(9007199254740993));
 *     anycable_builder_array(b, "tags");
 *     anycable_builder_string(b, NULL, ANYCABLE_STR("new"));
 *     anycable_builder_end(b);
 *     anycable_builder_end(b);
 *     anycable_socket_broadcast(socket, stream,
 *                               anycable_builder_text(b), NULL);
 *
 * |name| is the key of a member, and NULL in an array and for the outermost
 * value; that no key comes twice is up to you. What is written is UTF-8 without
 * white space, always the same for the same calls.
 *
 * An error is remembered: what follows does nothing, and
 * anycable_builder_text() is empty, which no function takes for a JSON text.
 * So it is enough to look at what that ends in. All functions tolerate a NULL
 * builder, as without memory, and return ANYCABLE_ERR_NOMEM. Those that write
 * can return
 *
 *   ANYCABLE_ERR_NOMEM     out of memory, or over the cap of one call
 *   ANYCABLE_ERR_ENCODING  a text is not UTF-8, or has a NUL
 *   ANYCABLE_ERR_INVALID   a name where none belongs, or none where one does
 *   ANYCABLE_ERR_STATE     behind the end of the outermost value
 *   ANYCABLE_ERR_LIMIT     more than 64 arrays and objects within each other
 */
#ifndef ANYCABLE_BUILDER_H
#define ANYCABLE_BUILDER_H

#include <anycable/socket.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct anycable_builder anycable_builder;

/** Makes a builder with memory of its own, for use outside calls.
 *  Returns: the builder; NULL without memory.
 *  Threads: any, one at a time, as all functions here.
 *  Ownership: yours, until anycable_builder_free(). */
ANYCABLE_EXTERN anycable_builder *
anycable_builder_new(void) ANYCABLE_WARN_UNUSED;

/** Makes a builder in the memory of a call. Its errors are remembered by the
 *  call too, which then ends in Status ERROR.
 *  Returns: the builder; NULL without memory.
 *  Threads: the call's holder, as all functions with it.
 *  Ownership: the call's; anycable_builder_free() does nothing to it. */
ANYCABLE_EXTERN anycable_builder *
anycable_socket_builder(anycable_socket *socket) ANYCABLE_WARN_UNUSED;

/** Frees a builder of anycable_builder_new(), and its text. NULL is fine.
 *  Threads: any. */
ANYCABLE_EXTERN void anycable_builder_free(anycable_builder *builder);

/** Begins an object, to be ended by anycable_builder_end().
 *  Returns: ANYCABLE_OK or an error as above.
 *  Threads: the builder's. */
ANYCABLE_EXTERN int anycable_builder_object(anycable_builder *builder,
                                            const char *name);

/** Begins an array, to be ended by anycable_builder_end().
 *  Returns: ANYCABLE_OK or an error as above.
 *  Threads: the builder's. */
ANYCABLE_EXTERN int anycable_builder_array(anycable_builder *builder,
                                           const char *name);

/** Ends the innermost object or array.
 *  Returns: ANYCABLE_OK or an error as above; ANYCABLE_ERR_STATE if there is
 *  none.
 *  Threads: the builder's. */
ANYCABLE_EXTERN int anycable_builder_end(anycable_builder *builder);

/** Writes a string.
 *  Returns: ANYCABLE_OK or an error as above.
 *  Threads: the builder's.
 *  Ownership: |text| is copied, as all that is written. */
ANYCABLE_EXTERN int anycable_builder_string(anycable_builder *builder,
                                            const char *name,
                                            anycable_str text);

/** Writes an integer, exactly. JavaScript rounds those beyond 2^53, and so does
 *  AnyCable in what is published: anycable_builder_string() is the way for ids
 *  that may get there.
 *  Returns: ANYCABLE_OK or an error as above.
 *  Threads: the builder's. */
ANYCABLE_EXTERN int anycable_builder_int(anycable_builder *builder,
                                         const char *name, int64_t value);

/** Writes an integer without a sign, exactly; see anycable_builder_int().
 *  Returns: ANYCABLE_OK or an error as above.
 *  Threads: the builder's. */
ANYCABLE_EXTERN int anycable_builder_uint(anycable_builder *builder,
                                          const char *name, uint64_t value);

/** Writes a number as JavaScript does, in 17 digits or in fewer that read as
 *  the same double: 0.1, 5, 1e+21. Zero keeps its sign. The locale does not
 *  matter.
 *  Returns: ANYCABLE_OK or an error as above; ANYCABLE_ERR_INVALID for
 *  infinity and NaN, which JSON has not.
 *  Threads: the builder's. */
ANYCABLE_EXTERN int anycable_builder_number(anycable_builder *builder,
                                            const char *name, double value);

/** Writes true or false.
 *  Returns: ANYCABLE_OK or an error as above.
 *  Threads: the builder's. */
ANYCABLE_EXTERN int anycable_builder_bool(anycable_builder *builder,
                                          const char *name, bool value);

/** Writes null.
 *  Returns: ANYCABLE_OK or an error as above.
 *  Threads: the builder's. */
ANYCABLE_EXTERN int anycable_builder_null(anycable_builder *builder,
                                          const char *name);

/** Writes a value that is JSON already, as it is: white space, keys that are
 *  there twice and halves of surrogate pairs stay.
 *  Returns: ANYCABLE_OK or an error as above; ANYCABLE_ERR_PROTO if |json| is
 *  not one JSON value.
 *  Threads: the builder's. */
ANYCABLE_EXTERN int anycable_builder_json(anycable_builder *builder,
                                          const char *name, anycable_str json);

/** The text, once its outermost value is complete.
 *  Returns: the text; empty after an error, and before the value is complete,
 *  which is ANYCABLE_ERR_STATE and remembered.
 *  Threads: the builder's.
 *  Ownership: borrowed until anycable_builder_reset() or
 *  anycable_builder_free(); without these, for as long as the socket of
 *  anycable_socket_builder() lives. */
ANYCABLE_EXTERN anycable_str anycable_builder_text(anycable_builder *builder);

/** Tells what went wrong first.
 *  Returns: ANYCABLE_OK or an error as above.
 *  Threads: the builder's. */
ANYCABLE_EXTERN int anycable_builder_error(const anycable_builder *builder);

/** Begins anew, with the memory that is there; forgets an error, too (a call
 *  does not). NULL is fine.
 *  Threads: the builder's. */
ANYCABLE_EXTERN void anycable_builder_reset(anycable_builder *builder);

#ifdef __cplusplus
}
#endif

#endif
