/* A method that the client streams to: what has come, message by message. */
#ifndef AC_GRPC_FEED_H
#define AC_GRPC_FEED_H

#include "grpc/grpc.h"

struct ac_grpc_feed {
  size_t len;
  size_t at;  /* where the next message begins */
  bool ended; /* the client sends no more */
  char bytes[AC_GRPC_STREAM_MAX + 1];
};

/* Takes bytes of the request. False without memory, or if there are too many.
 */
bool ac_grpc_feed_take(struct ac_grpc_call *call, const char *bytes,
                       size_t len);

/* Gives the method the next message, if there is one, or ends the call. */
void ac_grpc_feed_ready(struct ac_grpc_call *call);

#endif
