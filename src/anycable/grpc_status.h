/* How an RPC ended: gRPC's status code and the words that came with it. Where
 * the call never got an answer, the client chooses the code that gRPC names
 * for that. */
#ifndef TOOL_GRPC_STATUS_H
#define TOOL_GRPC_STATUS_H

#include "text.h"

#include <anycable/version.h>

enum grpc_code {
  GRPC_OK = 0,
  GRPC_CANCELLED = 1,
  GRPC_UNKNOWN = 2,
  GRPC_DEADLINE_EXCEEDED = 4,
  GRPC_PERMISSION_DENIED = 7,
  GRPC_RESOURCE_EXHAUSTED = 8,
  GRPC_UNIMPLEMENTED = 12,
  GRPC_INTERNAL = 13,
  GRPC_UNAVAILABLE = 14,
  GRPC_UNAUTHENTICATED = 16
};

struct grpc_status {
  int code;
  char message[ERROR_SIZE];
};

/* Returns false, so that a failure is told and returned in one line. */
bool grpc_status_set(struct grpc_status *status, int code, const char *format,
                     ...) ANYCABLE_PRINTF(3, 4);

/* From a status header of HTTP, and from the code of a RST_STREAM frame, as
 * gRPC's documents map them. */
int grpc_code_of_http(int http_status);
int grpc_code_of_reset(unsigned error_code);

/* Prints "UNAVAILABLE: connect to 127.0.0.1:1: Connection refused". */
void grpc_status_print(FILE *out, const struct grpc_status *status);

#endif
