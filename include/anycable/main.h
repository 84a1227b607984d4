/* For programs that are nothing but a backend. */
#ifndef ANYCABLE_MAIN_H
#define ANYCABLE_MAIN_H

#include <anycable/app.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Does what the main() of a program that is nothing but a backend does. It
 *  reads the environment and the arguments, as anycable_config_load_env() and
 *  anycable_config_load_args() do, and answers --help and --version; what is
 *  left over is an error. It logs to standard error or to the log file, in
 *  lines such as
 *
 *    2026-11-22T09:18:03.123Z INFO message
 *
 *  and serves until SIGINT or SIGTERM. Then calls under way have ten seconds; a
 *  second signal gives them up, and handlers have two more to end. SIGHUP has
 *  the certificate read and the log file opened again. SIGPIPE is ignored.
 *  Handlers and mask are put back in the end.
 *
 *  With --server-command it starts a WebSocket server beside the backend. That
 *  is asked to end first, and has ten seconds too, in which it is still served;
 *  if it ends by itself, so does the backend, with status 1.
 *
 *  With --handover, a process takes over from the one before: see "STOPPING" in
 *  anycable(7).
 *
 *  Under systemd it listens on the sockets that are passed on, whatever their
 *  names, and on those of --rpc-host where that is given, says when it is
 *  ready, reloads and stops, and tells the watchdog for as long as the server's
 *  loop goes round. src/deploy has units.
 *
 *  The one function of the library that touches signals, stdio, the environment
 *  and other processes. One runs at a time.
 *  Returns: the exit status: 0; 1 if the server could not serve, or if handlers
 *  would not end, which then still use |app|; 2 for a variable or an argument
 *  that makes no sense. Standard error has said why.
 *  Threads: the main one.
 *  Ownership: |app| is taken; |argv| stays as it is. */
ANYCABLE_EXTERN int anycable_main(anycable_app *app, int argc, char **argv);

#ifdef __cplusplus
}
#endif

#endif
