/* The service grpc.reflection, of version v1 and v1alpha: what there is to be
 * called, for tools such as grpcurl. */
#ifndef AC_SERVICES_REFLECTION_H
#define AC_SERVICES_REFLECTION_H

#include "grpc/grpc.h"

/* Each message of a ServerReflectionInfo. */
void ac_reflection_ask(struct ac_grpc_call *call, char *message, size_t len);

#endif
