/* The service anycable.RPC over gRPC: decodes requests, submits them to rpc,
 * encodes the replies. The I/O thread. */
#ifndef AC_SERVICES_RPC_SERVICE_H
#define AC_SERVICES_RPC_SERVICE_H

#include "grpc/grpc.h"
#include "rpc/rpc.h"
#include "wire/decode.h"

struct ac_rpc_service {
  struct ac_rpc *rpc;
  struct ac_wire_limits limits;
};

void ac_rpc_service_connect(struct ac_rpc_service *service,
                            struct ac_grpc_call *call, char *message,
                            size_t len);
void ac_rpc_service_command(struct ac_rpc_service *service,
                            struct ac_grpc_call *call, char *message,
                            size_t len);
void ac_rpc_service_disconnect(struct ac_rpc_service *service,
                               struct ac_grpc_call *call, char *message,
                               size_t len);

/* The gRPC call is over. */
void ac_rpc_service_closed(struct ac_grpc_call *call);

#endif
