/* The messages of proto/rpc.proto as structs of views.
 *
 * A request's strings point into the message's own bytes, where the decoder
 * has put a NUL behind each; they live as long as those. Maps keep the order
 * of the wire; a key that came twice is there once, with its last value. */
#ifndef AC_WIRE_MESSAGE_H
#define AC_WIRE_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/pair.h"

enum ac_wire_status {
  AC_WIRE_ERROR = 0,
  AC_WIRE_SUCCESS = 1,
  AC_WIRE_FAILURE = 2
};

struct ac_wire_map {
  struct ac_pair *items;
  size_t n;
};

struct ac_wire_list {
  anycable_str *items;
  size_t n;
};

struct ac_wire_env {
  anycable_str url;
  struct ac_wire_map headers;
  struct ac_wire_map cstate;
  struct ac_wire_map istate;
};

/* All three requests: a field that a request does not have is empty. */
struct ac_wire_request {
  struct ac_wire_env env;
  anycable_str identifiers;          /* Command, Disconnect */
  anycable_str command;              /* Command */
  anycable_str identifier;           /* Command */
  anycable_str data;                 /* Command */
  struct ac_wire_list subscriptions; /* Disconnect */
};

struct ac_wire_presence {
  anycable_str type; /* "join" or "leave"; empty: no presence at all */
  anycable_str id;
  anycable_str info;
};

/* All three replies. */
struct ac_wire_reply {
  enum ac_wire_status status;
  bool disconnect;          /* Command */
  bool stop_streams;        /* Command: all of them */
  anycable_str identifiers; /* Connect */
  anycable_str error_msg;
  struct ac_wire_list streams;         /* Command */
  struct ac_wire_list stopped_streams; /* Command */
  struct ac_wire_list transmissions;   /* Connect, Command */
  struct ac_wire_map cstate;           /* Connect, Command */
  struct ac_wire_map istate;           /* Connect, Command */
  struct ac_wire_presence presence;    /* Command */
};

#endif
