/* HTTP requests over HTTP/2, where gRPC is spoken as well: paths that HTTP
 * serves come first, the rest is gRPC's. */
#ifndef AC_SERVER_MOUNTED_H
#define AC_SERVER_MOUNTED_H

#include "h2/h2.h"

/* What h2 needs to serve both: its owner is an anycable_server. */
extern const struct ac_h2_handler ac_mounted_handler;

#endif
