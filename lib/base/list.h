/* Doubly linked lists whose links live in their members. */
#ifndef AC_BASE_LIST_H
#define AC_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct ac_list {
  struct ac_list *prev;
  struct ac_list *next;
};

#define ac_container_of(ptr, type, member)                                     \
  ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

static inline void ac_list_init(struct ac_list *list) {
  list->prev = list;
  list->next = list;
}

/* Also true for a link that is in no list. */
static inline bool ac_list_empty(const struct ac_list *list) {
  return list->next == list;
}

static inline void ac_list_append(struct ac_list *list, struct ac_list *link) {
  link->prev = list->prev;
  link->next = list;
  list->prev->next = link;
  list->prev = link;
}

/* Leaves |link| in no list; harmless where it is in none. */
static inline void ac_list_remove(struct ac_list *link) {
  link->prev->next = link->next;
  link->next->prev = link->prev;
  ac_list_init(link);
}

/* Takes the first link out; NULL where the list is empty. */
static inline struct ac_list *ac_list_shift(struct ac_list *list) {
  if (ac_list_empty(list))
    return NULL;
  struct ac_list *first = list->next;
  ac_list_remove(first);
  return first;
}

/* Moves all of |from| to the end of |to|. */
static inline void ac_list_splice(struct ac_list *to, struct ac_list *from) {
  if (ac_list_empty(from))
    return;
  from->next->prev = to->prev;
  to->prev->next = from->next;
  from->prev->next = to;
  to->prev = from->prev;
  ac_list_init(from);
}

#endif
