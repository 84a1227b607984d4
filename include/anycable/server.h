/* The server: listens, and feeds calls to an application.
 *
 * Three ways to drive one, of which a server uses one:
 *
 *   anycable_server_start()   threads of its own; returns at once
 *   anycable_server_run()     the caller's thread does the I/O
 *   anycable_server_fd() and anycable_server_dispatch()
 *                             in the host's own event loop, no thread at all
 *
 * With the first two, handlers run on workers (anycable_config_set_workers());
 * with the third, inside anycable_server_dispatch():
 *
 *     struct pollfd pfd = {anycable_server_fd(server), POLLIN, 0};
 *     int rc;
 *     while ((rc = anycable_server_dispatch(server)) == ANYCABLE_OK)
 *       poll(&pfd, 1, -1);
 *     // ANYCABLE_CLOSED after anycable_server_request_stop(), or an error
 *
 * What other threads do, such as anycable_deferred_finish(), makes the
 * descriptor readable. To bound a drain there, ask to stop a second time when
 * your own timer fires. */
#ifndef ANYCABLE_SERVER_H
#define ANYCABLE_SERVER_H

#include <anycable/app.h>
#include <anycable/config.h>
#include <anycable/error.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct anycable_server anycable_server;

/** Makes a server for |app| and opens its sockets: clients that come from now
 *  on wait until it is driven. Blocks for a name that DNS must resolve. Several
 *  servers may share an application.
 *  Returns: ANYCABLE_OK; ANYCABLE_ERR_INVALID for a registration or a setting
 *  that was wrong or a NULL |config|, ANYCABLE_ERR_STATE for a registration
 *  that came too late, ANYCABLE_ERR_IO, ANYCABLE_ERR_TLS, ANYCABLE_ERR_NOMEM.
 *  Then |*out| is NULL, and anycable_app_error() has the reason in words.
 *  Threads: the one that sets the application up.
 *  Ownership: |*out| is yours, until anycable_server_free(); |app| is
 *  counted and may be freed at once; |config| is copied. */
ANYCABLE_EXTERN int
anycable_server_new(anycable_server **out, anycable_app *app,
                    const anycable_config *config) ANYCABLE_WARN_UNUSED;

/** Stops hard and frees the server. Waits for handlers that run, and for no
 *  other thing. No callback comes after it but destroy, for deferred calls that
 *  are still held; they are cancelled. From inside one of its own handlers or
 *  callbacks it only asks: the server is freed when that has returned, by the
 *  time anycable_server_run() returns or anycable_server_dispatch() says
 *  ANYCABLE_CLOSED, and must not be touched any more. NULL is fine.
 *  Threads: any, while no other function is called with |server|. */
ANYCABLE_EXTERN void anycable_server_free(anycable_server *server);

/** Starts a thread for I/O, and serves.
 *  Returns: ANYCABLE_OK; ANYCABLE_ERR_STATE if it is driven already or was
 *  stopped; ANYCABLE_ERR_IO if there is no thread to be had;
 *  ANYCABLE_ERR_FORKED.
 *  Threads: any. */
ANYCABLE_EXTERN int
anycable_server_start(anycable_server *server) ANYCABLE_WARN_UNUSED;

/** Serves on the calling thread, until the server was stopped and has drained.
 *  Returns: as anycable_server_start(); ANYCABLE_OK after a stop.
 *  Threads: any, not from a handler. */
ANYCABLE_EXTERN int
anycable_server_run(anycable_server *server) ANYCABLE_WARN_UNUSED;

/** The descriptor for a host's event loop: readable when
 *  anycable_server_dispatch() has work to do, timers included. Wait for it to
 *  be readable, level-triggered, and for nothing else.
 *  Returns: the descriptor, -1 for a NULL |server|.
 *  Threads: any.
 *  Ownership: the server's; never read, write or close it. A loop that closes
 *  what it watches must be given a duplicate. */
ANYCABLE_EXTERN int anycable_server_fd(const anycable_server *server);

/** Does the work that is there, a bounded amount, without ever blocking (but
 *  for handlers that block). The first call decides for this way of driving.
 *  Returns: ANYCABLE_OK to go on; ANYCABLE_CLOSED when the server was stopped
 *  and has drained; ANYCABLE_ERR_STATE if it is driven in another way;
 *  ANYCABLE_ERR_FORKED.
 *  Threads: one at a time, not from a handler. */
ANYCABLE_EXTERN int
anycable_server_dispatch(anycable_server *server) ANYCABLE_WARN_UNUSED;

/** Says whether the application is ready, which a server takes for granted if
 *  nothing is said: what it must load first, or has lost since, is its own
 *  matter. While it is not, probes are told so (GET /health answers 503,
 *  grpc.health.v1 NOT_SERVING, to those who watch too); calls are served
 *  nevertheless. A server that drains is not ready, whatever is said. NULL is
 *  fine.
 *  Threads: any, from a handler too, while |server| is not freed; before it is
 *  driven as well. */
ANYCABLE_EXTERN void anycable_server_set_ready(anycable_server *server,
                                               bool ready);

/** Asks the server to stop, and returns: it accepts no more connections, tells
 *  AnyCable to go elsewhere, finishes the calls under way, deferred ones too,
 *  and is drained. A second request stops hard: what is under way is given up.
 *  Threads: any, from a handler too, while |server| is not freed; safe in a
 *  signal handler. */
ANYCABLE_EXTERN void anycable_server_request_stop(anycable_server *server);

/** Asks the server to stop, as anycable_server_request_stop() does, and waits
 *  until it has drained, for |grace_ms| at most; then stops hard. In a host's
 *  loop it drives the server itself, so the loop must not at the same time; its
 *  descriptor is readable afterwards. Stopping a server that was never driven
 *  just closes its sockets.
 *  Returns: ANYCABLE_OK when all is done; ANYCABLE_ERR_BUSY if handlers still
 *  run: call it again, or anycable_server_free(), which waits;
 *  ANYCABLE_ERR_STATE from one of its own handlers; ANYCABLE_ERR_FORKED.
 *  Threads: any, not from a handler. */
ANYCABLE_EXTERN int anycable_server_stop(anycable_server *server,
                                         int64_t grace_ms);

/** The address that the server listens on, |index| counted from 0, with the
 *  real port where 0 was asked for: "127.0.0.1:50051", "unix:/run/app.sock".
 *  Returns: the address, NULL past the last one.
 *  Threads: any.
 *  Ownership: borrowed until |server| is freed. */
ANYCABLE_EXTERN const char *
anycable_server_address(const anycable_server *server, size_t index);

/** Uses another certificate for connections from now on; those that are open
 *  keep theirs. |cert| and |key| as in anycable_config_set_rpc_tls(); both
 *  NULL reads the configured ones again. The client CA is read again too.
 *  Reads files on the calling thread.
 *  Returns: ANYCABLE_OK; ANYCABLE_ERR_TLS if they are unusable, and the old
 *  ones stay in use; ANYCABLE_ERR_STATE if TLS is off; ANYCABLE_ERR_INVALID if
 *  one is NULL. anycable_server_error() has the reason.
 *  Threads: any; not in a signal handler. */
ANYCABLE_EXTERN int anycable_server_reload_tls(anycable_server *server,
                                               const char *cert,
                                               const char *key);

/** Says in words what went wrong last in a function of |server|, on whatever
 *  thread.
 *  Returns: the text, never NULL, empty if nothing did.
 *  Threads: any, while no other uses a function that may fail.
 *  Ownership: borrowed until the next call that fails. */
ANYCABLE_EXTERN const char *
anycable_server_error(const anycable_server *server);

#ifdef __cplusplus
}
#endif

#endif
