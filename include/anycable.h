/* libanycable: the backend of AnyCable for C and C++.
 *
 * AnyCable's WebSocket server holds the clients; for every client event it
 * asks a backend, by gRPC, what to do. This library is that backend, inside
 * your own process: you register callbacks, it serves.
 *
 * Start reading at anycable/app.h. "AnyCable" in these comments is the
 * WebSocket server at the other end; "the server" is yours, an anycable_server.
 * "cstate" is state that AnyCable keeps for a connection, "istate" for one
 * subscription of it. To publish to streams, from any thread, see
 * anycable/broadcaster.h; for what clients carry, anycable/token.h.
 *
 * Words used by every comment here:
 *
 *   borrowed until X   the pointer stays yours or ours, and is good until X
 *   copied             the library keeps a copy, yours may go at once
 *   taken              the library owns it from now on
 *
 * "Names" (keys, parameters, option values: what a program writes down) are
 * NUL-terminated strings. "Data" (what travels) is an anycable_str.
 *
 * Functions that take an object tolerate NULL only where they say so; _free
 * functions always do. No callback of yours may throw a C++ exception through
 * the library, or longjmp over it.
 *
 * Nothing here prints, exits, aborts, reads the environment, handles signals
 * or starts threads unless the function says so. SIGPIPE is never raised. Our
 * own threads block all signals but those of their own faults and SIGPROF.
 */
#ifndef ANYCABLE_H
#define ANYCABLE_H

#include <anycable/version.h>
#include <anycable/error.h>
#include <anycable/str.h>
#include <anycable/log.h>
#include <anycable/request.h>
#include <anycable/socket.h>
#include <anycable/deferred.h>
#include <anycable/session.h>
#include <anycable/config.h>
#include <anycable/broadcaster.h>
#include <anycable/adapter.h>
#include <anycable/memory.h>
#include <anycable/metrics.h>
#include <anycable/token.h>
#include <anycable/json.h>
#include <anycable/builder.h>
#include <anycable/app.h>
#include <anycable/http.h>
#include <anycable/identity.h>
#include <anycable/connection.h>
#include <anycable/channel.h>
#include <anycable/server.h>
#include <anycable/node.h>
#include <anycable/main.h>

#endif
