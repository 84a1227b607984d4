/* Where connections come in: a listening socket, and what is spoken there. */
#ifndef AC_SERVER_DOOR_H
#define AC_SERVER_DOOR_H

#include <anycable/server.h>

#include "base/list.h"
#include "base/runtime.h"

struct ac_listener;
struct ac_stream;
struct ac_tls;

enum ac_door_kind {
  AC_DOOR_RPC,   /* gRPC; and HTTP, where that is switched on */
  AC_DOOR_HTTP,  /* HTTP alone */
  AC_DOOR_HEALTH /* HTTP, without TLS and without calls */
};

struct ac_door {
  struct ac_list link;
  anycable_server *server;
  enum ac_door_kind kind;
  struct ac_listener *listener; /* NULL once it is closed */
  char *wanted; /* the address as configured; behind the real one */
  char address[];
};

/* A socket that the process before has handed over: of which door it was. */
struct ac_handed {
  enum ac_door_kind kind;
  int fd;
  char wanted[112]; /* more than any address has */
};

/* Opens a door for each of |addresses|, separated by commas. An error is told
 * to the application. */
int ac_door_open_all(anycable_server *server, enum ac_door_kind kind,
                     const char *addresses);

/* The same for a socket that listens already. */
int ac_door_adopt(anycable_server *server, enum ac_door_kind kind, int fd);

/* The door at |index|, counted from 0; NULL past the last one. */
const struct ac_door *ac_door_at(const anycable_server *server, size_t index);

/* Says for the log what is served where. */
void ac_doors_announce(anycable_server *server, int workers);

/* A duplicate of its socket, for another process; -1 where there is none any
 * more. Any thread. */
int ac_door_socket(const struct ac_door *door);

/* Another process serves the doors: files of unix sockets are its own. Any
 * thread, before the server is asked to stop. */
void ac_doors_leave(anycable_server *server);

/* Closes the sockets of |all|, or of all but those for health; the doors stay,
 * for their addresses. */
void ac_doors_close(anycable_server *server, bool all);
void ac_doors_free(anycable_server *server);

/* Finds out what a connection speaks, and hands it over: its first bytes, or
 * what was agreed inside TLS, decide. Takes |stream|. False without memory. */
bool ac_visitor_receive(anycable_server *server, struct ac_stream *stream,
                        bool tls);

/* Has those who say nothing go soon, as the server drains. */
void ac_visitors_drain(anycable_server *server);
void ac_visitors_free(anycable_server *server);

#endif
