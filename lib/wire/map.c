/* Dropping duplicate keys from a map, without ever being quadratic.
 *
 * A small map compares each key with those before it. A large one is sorted,
 * through marks that hold a key's hash and its index. Whoever makes all the
 * hashes equal only turns cheap comparisons into those of the keys: a heap
 * sort has no bad case. */
#include "wire/map.h"

#include <stdint.h>
#include <string.h>

#define SMALL 16

static void unique_small(struct ac_wire_map *map) {
  size_t kept = 1;
  for (size_t i = 1; i < map->n; i++) {
    size_t same = 0;
    while (same < kept &&
           !anycable_str_equal(map->items[same].key, map->items[i].key))
      same++;
    if (same < kept)
      map->items[same].value = map->items[i].value;
    else
      map->items[kept++] = map->items[i];
  }
  map->n = kept;
}

static uint32_t hash(anycable_str key) {
  uint64_t h = key.len;
  const char *p = key.ptr;
  for (size_t left = key.len; left > 0;) {
    uint64_t word = 0;
    size_t n = left < sizeof(word) ? left : sizeof(word);
    memcpy(&word, p, n);
    h = (h ^ word) * UINT64_C(0x9e3779b97f4a7c15);
    h ^= h >> 29;
    p += n;
    left -= n;
  }
  return (uint32_t)(h >> 32);
}

/* A mark is the hash of a key above the index of its entry. */
static uint32_t mark_hash(uint64_t mark) {
  return (uint32_t)(mark >> 32);
}
static uint32_t mark_index(uint64_t mark) {
  return (uint32_t)mark;
}

static int compare_keys(const struct ac_wire_map *map, uint64_t a, uint64_t b) {
  anycable_str x = map->items[mark_index(a)].key;
  anycable_str y = map->items[mark_index(b)].key;
  if (x.len != y.len)
    return x.len < y.len ? -1 : 1;
  return memcmp(x.ptr, y.ptr, x.len);
}

/* Orders by hash, then by key, then by place in the map. */
static bool precedes(const struct ac_wire_map *map, uint64_t a, uint64_t b) {
  if (mark_hash(a) != mark_hash(b))
    return a < b;
  int order = compare_keys(map, a, b);
  return order != 0 ? order < 0 : a < b;
}

static void sift_down(const struct ac_wire_map *map, uint64_t *heap, size_t at,
                      size_t n) {
  uint64_t mark = heap[at];
  for (size_t child; (child = 2 * at + 1) < n; at = child) {
    if (child + 1 < n && precedes(map, heap[child], heap[child + 1]))
      child++;
    if (!precedes(map, mark, heap[child]))
      break;
    heap[at] = heap[child];
  }
  heap[at] = mark;
}

static void sort(const struct ac_wire_map *map, uint64_t *marks) {
  for (size_t i = map->n / 2; i-- > 0;)
    sift_down(map, marks, i, map->n);
  for (size_t n = map->n - 1; n > 0; n--) {
    uint64_t last = marks[n];
    marks[n] = marks[0];
    marks[0] = last;
    sift_down(map, marks, 0, n);
  }
}

/* Gives the first entry of each key the value of the last, and the others no
 * key at all. */
static void merge_equal(struct ac_wire_map *map, const uint64_t *marks) {
  uint64_t first = marks[0];
  for (size_t i = 1; i < map->n; i++) {
    if (mark_hash(first) != mark_hash(marks[i]) ||
        compare_keys(map, first, marks[i]) != 0) {
      first = marks[i];
      continue;
    }
    struct ac_pair *later = &map->items[mark_index(marks[i])];
    map->items[mark_index(first)].value = later->value;
    later->key.ptr = NULL;
  }
}

bool ac_wire_map_unique_slow(struct ac_wire_map *map, struct ac_arena *arena) {
  if (map->n <= SMALL) {
    unique_small(map);
    return true;
  }
  if ((uint64_t)map->n > UINT32_MAX)
    return false;
  uint64_t *marks = ac_arena_alloc(arena, map->n * sizeof(*marks));
  if (!marks)
    return false;
  for (size_t i = 0; i < map->n; i++)
    marks[i] = (uint64_t)hash(map->items[i].key) << 32 | i;
  sort(map, marks);
  merge_equal(map, marks);
  size_t kept = 0;
  for (size_t i = 0; i < map->n; i++)
    if (map->items[i].key.ptr)
      map->items[kept++] = map->items[i];
  map->n = kept;
  return true;
}
