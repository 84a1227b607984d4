/* Maps from the wire, where a key may stand more than once. */
#ifndef AC_WIRE_MAP_H
#define AC_WIRE_MAP_H

#include "base/arena.h"
#include "wire/message.h"

/* The slow half of ac_wire_map_unique. */
bool ac_wire_map_unique_slow(struct ac_wire_map *map, struct ac_arena *arena);

/* Leaves each key of |map| once, where it stood first, with its last value.
 * Takes n log n comparisons at most; a large map borrows 8 bytes an entry from
 * |arena|. False without memory. */
static inline bool ac_wire_map_unique(struct ac_wire_map *map,
                                      struct ac_arena *arena) {
  /* The few keys of most maps differ in their lengths already. */
  if (map->n > 4)
    return ac_wire_map_unique_slow(map, arena);
  for (size_t i = 1; i < map->n; i++)
    for (size_t j = 0; j < i; j++)
      if (map->items[i].key.len == map->items[j].key.len)
        return ac_wire_map_unique_slow(map, arena);
  return true;
}

#endif
