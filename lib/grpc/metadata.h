/* The inside of grpc: the request's header fields. */
#ifndef AC_GRPC_METADATA_H
#define AC_GRPC_METADATA_H

#include "grpc/grpc.h"

bool ac_grpc_header(void *data, anycable_str name, anycable_str value);
void ac_grpc_headers_end(void *data, enum ac_h2_verdict verdict);

/* Notes why the request is refused; the first reason counts. |error| lives as
 * long as the call. */
void ac_grpc_refuse(struct ac_grpc_call *call, int status, const char *error);

#endif
