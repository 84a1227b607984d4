/* The contracts as protobuf's compiler describes them: FileDescriptorProtos, made
 * from proto/ when the library is built. */
#ifndef AC_WIRE_DESCRIPTORS_H
#define AC_WIRE_DESCRIPTORS_H

#include <stddef.h>

struct ac_descriptor {
  const char *bytes;
  size_t len;
};

extern const struct ac_descriptor ac_descriptor_rpc;
extern const struct ac_descriptor ac_descriptor_health;

#endif
