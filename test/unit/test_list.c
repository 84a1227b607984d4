/* Intrusive lists: links, order, splicing. */
#include "base/list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

struct item {
  int before;
  struct ac_list link;
  int after;
};

static struct item items[8];

static void init_items(void) {
  for (int i = 0; i < 8; i++) {
    items[i].before = i;
    items[i].after = -i;
    ac_list_init(&items[i].link);
  }
}

/* |list| holds the items named in |expected|, ended by -1, forwards and
 * backwards. */
static void assert_holds(const struct ac_list *list, const int *expected) {
  const struct ac_list *link = list;
  for (const int *e = expected; *e >= 0; e++) {
    assert_ptr_equal(link->next, &items[*e].link);
    assert_ptr_equal(link->next->prev, link);
    link = link->next;
  }
  assert_ptr_equal(link->next, list);
  assert_ptr_equal(list->prev, link);
  assert_int_equal(ac_list_empty(list), *expected < 0);
}
#define HOLDS(list, ...) assert_holds(list, (const int[]){__VA_ARGS__, -1})
#define HOLDS_NOTHING(list) assert_holds(list, (const int[]){-1})

static void test_append_remove_shift(void **state) {
  (void)state;
  struct ac_list list;
  ac_list_init(&list);
  init_items();
  HOLDS_NOTHING(&list);
  assert_null(ac_list_shift(&list));
  for (int i = 0; i < 5; i++)
    ac_list_append(&list, &items[i].link);
  HOLDS(&list, 0, 1, 2, 3, 4);
  ac_list_remove(&items[2].link);
  HOLDS(&list, 0, 1, 3, 4);
  assert_true(ac_list_empty(&items[2].link));
  /* A second time, and where it never was in a list: harmless. */
  ac_list_remove(&items[2].link);
  ac_list_remove(&items[7].link);
  HOLDS(&list, 0, 1, 3, 4);
  ac_list_remove(&items[4].link);
  ac_list_remove(&items[0].link);
  HOLDS(&list, 1, 3);
  assert_ptr_equal(ac_list_shift(&list), &items[1].link);
  assert_true(ac_list_empty(&items[1].link));
  ac_list_append(&list, &items[1].link);
  HOLDS(&list, 3, 1);
  assert_ptr_equal(ac_list_shift(&list), &items[3].link);
  assert_ptr_equal(ac_list_shift(&list), &items[1].link);
  assert_null(ac_list_shift(&list));
  HOLDS_NOTHING(&list);
}

static void test_splice(void **state) {
  (void)state;
  struct ac_list to, from;
  ac_list_init(&to);
  ac_list_init(&from);
  init_items();
  ac_list_splice(&to, &from);
  HOLDS_NOTHING(&to);
  ac_list_append(&from, &items[0].link);
  ac_list_splice(&to, &from);
  HOLDS(&to, 0);
  HOLDS_NOTHING(&from);
  ac_list_splice(&to, &from);
  HOLDS(&to, 0);
  ac_list_append(&from, &items[1].link);
  ac_list_append(&from, &items[2].link);
  ac_list_append(&from, &items[3].link);
  ac_list_splice(&to, &from);
  HOLDS(&to, 0, 1, 2, 3);
  HOLDS_NOTHING(&from);
  ac_list_append(&from, &items[4].link);
  HOLDS(&from, 4);
  HOLDS(&to, 0, 1, 2, 3);
}

static void test_container(void **state) {
  (void)state;
  init_items();
  struct ac_list *link = &items[3].link;
  struct item *item = ac_container_of(link, struct item, link);
  assert_ptr_equal(item, &items[3]);
  assert_int_equal(item->before, 3);
  assert_int_equal(item->after, -3);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_append_remove_shift),
      cmocka_unit_test(test_splice),
      cmocka_unit_test(test_container),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
