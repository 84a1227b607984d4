/* For programs that are nothing but a backend. */
#ifndef ANYCABLE_MAIN_H
#define ANYCABLE_MAIN_H

#include <anycable/app.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Does what such a program's main() does: reads the environment and the
 *  arguments (anycable_config_load_env(), anycable_config_load_args(),
 *  --help, --version), logs to standard error or the log file, serves until
 *  SIGINT or SIGTERM, drains for ten seconds at most (a second signal stops
 *  at once), re-reads certificates on SIGHUP, and frees |app|.
 *
 *  The one function of the library that touches signals and stdio.
 *  Returns: the exit status: 0; 1 if the server could not serve or handlers
 *  would not end; 2 for arguments that make no sense. Standard error has said
 *  why.
 *  Threads: the main one.
 *  Ownership: |app| is taken. */
ANYCABLE_EXTERN int anycable_main(anycable_app *app, int argc, char **argv);

#ifdef __cplusplus
}
#endif

#endif
