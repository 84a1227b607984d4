/* The adapter "memory": keeps what is published, for tests.
 *
 *     anycable_memory *memory = anycable_memory_new();
 *     anycable_config_add_adapter(config, anycable_memory_adapter(), memory);
 *     anycable_broadcaster_new(&news, "memory", config);
 *     anycable_broadcaster_publish(news, ...);
 *     anycable_broadcaster_flush(news, 1000);
 *     assert(anycable_str_is(anycable_memory_next(memory),
 *                            "{\"stream\":\"news\",\"data\":\"1\"}"));
 *
 * Where only a configuration names it, all is PUBLISHED, to nobody. */
#ifndef ANYCABLE_MEMORY_H
#define ANYCABLE_MEMORY_H

#include <anycable/adapter.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct anycable_memory anycable_memory;

/** Makes an empty memory.
 *  Returns: the memory; NULL if there is none.
 *  Threads: any.
 *  Ownership: yours, until anycable_memory_free(). */
ANYCABLE_EXTERN anycable_memory *anycable_memory_new(void) ANYCABLE_WARN_UNUSED;

/** Frees the memory; after the broadcasters that write to it. NULL is fine.
 *  Threads: any. */
ANYCABLE_EXTERN void anycable_memory_free(anycable_memory *memory);

/** The table for anycable_config_add_adapter(), whose ctx is the memory.
 *  Returns: a constant table.
 *  Threads: any. */
ANYCABLE_EXTERN const anycable_adapter *anycable_memory_adapter(void);

/** Takes out the oldest message.
 *  Returns: the message as it would travel, JSON; empty if there is none, or
 *  |memory| is NULL.
 *  Threads: any.
 *  Ownership: borrowed until the next call with |memory|. */
ANYCABLE_EXTERN anycable_str anycable_memory_next(anycable_memory *memory);

#ifdef __cplusplus
}
#endif

#endif
