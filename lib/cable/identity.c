/* Identifiers: always the same bytes for the same values. */
#include <anycable/builder.h>
#include <anycable/identity.h>
#include <stdlib.h>
#include <string.h>

#include "cable/cable.h"

static int compare(anycable_str a, anycable_str b) {
  size_t shorter = a.len < b.len ? a.len : b.len;
  int order = memcmp(a.ptr, b.ptr, shorter);
  if (order == 0 && a.len != b.len)
    return a.len < b.len ? -1 : 1;
  return order;
}

/* There are few, and they come in their order more often than not. */
bool ac_cable_values_find(const struct ac_cable_values *values,
                          anycable_str name, size_t *at) {
  int order = -1;
  *at = values->n;
  while (*at > 0 && order < 0) {
    order = compare(name, values->items[*at - 1].name);
    if (order <= 0)
      --*at;
  }
  return order == 0;
}

anycable_str ac_cable_values_write(const struct ac_cable_values *values,
                                   anycable_builder *builder) {
  anycable_builder_object(builder, NULL);
  for (size_t i = 0; i < values->n; i++)
    anycable_builder_string(builder, values->items[i].name.ptr,
                            values->items[i].value);
  anycable_builder_end(builder);
  return anycable_builder_text(builder);
}

struct anycable_identity {
  struct ac_cable_values values;
  anycable_builder *builder;
  int error;
};

anycable_identity *anycable_identity_new(void) {
  anycable_identity *identity = calloc(1, sizeof(*identity));
  if (!identity)
    return NULL;
  identity->builder = anycable_builder_new();
  if (identity->builder)
    return identity;
  free(identity);
  return NULL;
}

void anycable_identity_free(anycable_identity *identity) {
  if (!identity)
    return;
  for (size_t i = 0; i < identity->values.n; i++) {
    free((char *)identity->values.items[i].name.ptr);
    free((char *)identity->values.items[i].value.ptr);
  }
  free(identity->values.items);
  anycable_builder_free(identity->builder);
  free(identity);
}

static bool copy(anycable_str text, anycable_str *out) {
  char *bytes = malloc(text.len + 1);
  if (!bytes)
    return false;
  if (text.len > 0)
    memcpy(bytes, text.ptr, text.len);
  bytes[text.len] = '\0';
  *out = (anycable_str){bytes, text.len};
  return true;
}

static bool replace(struct ac_cable_value *item, anycable_str value) {
  anycable_str old = item->value;
  if (!copy(value, &item->value))
    return false;
  free((char *)old.ptr);
  return true;
}

static bool insert(struct ac_cable_values *values, size_t at, anycable_str name,
                   anycable_str value) {
  struct ac_cable_value item;
  struct ac_cable_value *items =
      realloc(values->items, (values->n + 1) * sizeof(*items));
  if (!items)
    return false;
  values->items = items;
  if (!copy(name, &item.name))
    return false;
  if (!copy(value, &item.value)) {
    free((char *)item.name.ptr);
    return false;
  }
  memmove(&items[at + 1], &items[at], (values->n - at) * sizeof(*items));
  items[at] = item;
  values->n++;
  return true;
}

static int write_anew(anycable_identity *identity) {
  anycable_builder_reset(identity->builder);
  ac_cable_values_write(&identity->values, identity->builder);
  return anycable_builder_error(identity->builder);
}

int anycable_identity_set(anycable_identity *identity, const char *name,
                          anycable_str value) {
  size_t at;
  if (!identity)
    return ANYCABLE_ERR_NOMEM;
  int error = ANYCABLE_ERR_INVALID;
  if (name && *name) {
    anycable_str key = anycable_str_of(name);
    bool done = ac_cable_values_find(&identity->values, key, &at)
                    ? replace(&identity->values.items[at], value)
                    : insert(&identity->values, at, key, value);
    error = done ? write_anew(identity) : ANYCABLE_ERR_NOMEM;
  }
  if (!identity->error)
    identity->error = error;
  return error;
}

anycable_str anycable_identity_json(anycable_identity *identity) {
  if (!identity || identity->error)
    return anycable_str_of("");
  if (identity->values.n == 0)
    write_anew(identity);
  return anycable_builder_text(identity->builder);
}
