/* Requests that a host's own HTTP server has received. */
#ifndef AC_SERVER_HOSTED_H
#define AC_SERVER_HOSTED_H

#include <anycable/http.h>

/* Serves what has come since. The I/O thread, as below. */
void ac_hosted_collect(anycable_server *server);

/* Gives up what is under way or waits: 503. */
void ac_hosted_give_up(anycable_server *server);

#endif
