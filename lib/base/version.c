/* The version that the program runs with. */
#include <anycable/version.h>

const char *anycable_version(void) {
  return ANYCABLE_VERSION_STRING;
}
