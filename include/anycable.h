/* libanycable: the backend of AnyCable for C and C++.
 *
 * AnyCable's WebSocket server holds the clients; for every client event it
 * asks a backend, by gRPC, what to do. This library is that backend, inside
 * your own process: you register callbacks, it serves.
 *
 * Start reading at anycable/app.h. Words used by every comment here:
 *
 *   borrowed until X   the pointer stays yours or ours, and is good until X
 *   copied             the library keeps a copy, yours may go at once
 *   taken              the library owns it from now on
 *
 * "Names" (keys, parameters, option values: what a program writes down) are
 * NUL-terminated strings. "Data" (what travels) is an anycable_str.
 *
 * Nothing here prints, exits, aborts, reads the environment, handles signals
 * or starts threads unless the function says so.
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
#include <anycable/app.h>
#include <anycable/config.h>
#include <anycable/server.h>
#include <anycable/main.h>

#endif
