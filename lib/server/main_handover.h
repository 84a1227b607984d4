/* One process that uses anycable_main after the other, without a gap: who comes
 * finds who serves at a unix socket, is given the sockets that listen, serves
 * them, and says so; then the other one drains. If who comes ends before it has
 * said so, nothing has happened. Only the same user is served. */
#ifndef AC_SERVER_MAIN_HANDOVER_H
#define AC_SERVER_MAIN_HANDOVER_H

#include <pthread.h>
#include <stdatomic.h>

#include "server/door.h"

enum { AC_HANDOVER_MOST = 16 };

/* All zero: there is none. */
struct ac_handover {
  const char *path; /* borrowed */

  /* What came from the process before. */
  int before; /* the connection to it plus one, until it was told */
  struct ac_handed handed[AC_HANDOVER_MOST];
  size_t n_handed;

  /* For the process to come. */
  anycable_server *server;
  int fd;          /* that listens, plus one */
  bool started;    /* the thread is there */
  atomic_int peer; /* who comes just now, plus one */
  pthread_t thread;
  atomic_bool taken_over; /* by who came; told by ac_signals_wake */
};

/* Asks the process that serves at |path| for its sockets, if there is one.
 * Zero, or an errno value: EPERM where it is another user's, EPROTO where it
 * speaks something else. */
int ac_handover_receive(struct ac_handover *handover, const char *path);

/* Is there for the next process from here on, which waits until
 * ac_handover_serve. Zero, or an errno value: then nobody can take over. */
int ac_handover_listen(struct ac_handover *handover);

/* |server| serves: tells the process before, and attends to the next one.
 * Zero, or an errno value: then nobody can take over. */
int ac_handover_serve(struct ac_handover *handover, anycable_server *server);

/* Ends that. */
void ac_handover_end(struct ac_handover *handover);

#endif
