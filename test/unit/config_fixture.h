/* What tests of configs share. Include after cmocka.h and what it needs. */
#ifndef UNIT_CONFIG_FIXTURE_H
#define UNIT_CONFIG_FIXTURE_H

#include <anycable/config.h>

static inline anycable_config *new_config(void) {
  anycable_config *config = anycable_config_new();
  assert_non_null(config);
  return config;
}

static inline const char *or_none(const char *text) {
  return text ? text : "none";
}

#endif
