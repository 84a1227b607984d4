/* The channel layer: a factory like any other, on the public headers alone.
 *
 *     registry    what an application has registered, read-only once it serves
 *     session     the factory: one call, from the request to the callbacks
 *     connection, channel      what callbacks see of it
 *     identity    identifiers
 *     frame       the protocol's own frames
 */
#ifndef AC_CABLE_CABLE_H
#define AC_CABLE_CABLE_H

#include <anycable/builder.h>
#include <anycable/channel.h>

/* --- what is registered --------------------------------------------------- */

typedef int ac_cable_connection_fn(anycable_connection *connection, void *ctx);
typedef int ac_cable_channel_fn(anycable_channel *channel, void *ctx);
typedef int ac_cable_data_fn(anycable_channel *channel, anycable_str data,
                             void *ctx);
typedef void ac_cable_after_fn(anycable_channel *channel, int outcome,
                               void *ctx);

/* Those for one URL path, or for all others. */
struct ac_cable_door {
  char *path; /* NULL: all others */
  ac_cable_connection_fn *connect;
  void *connect_ctx;
  ac_cable_connection_fn *disconnect;
  void *disconnect_ctx;
};

/* Things with names, in the order of these: shorter ones first. */
struct ac_cable_name {
  anycable_str text; /* with a NUL behind it */
  union {
    anycable_channel_class *channel_class;
    struct {
      ac_cable_data_fn *fn;
      void *ctx;
    } action;
  };
};

struct ac_cable_names {
  struct ac_cable_name *items;
  size_t n;
};

struct ac_cable_hook {
  ac_cable_channel_fn *before; /* this or the other one */
  ac_cable_after_fn *after;
  void *ctx;
};

struct anycable_channel_class {
  anycable_channel_class *next; /* of all of the application */
  anycable_app *app;
  ac_cable_channel_fn *subscribe;
  void *subscribe_ctx;
  ac_cable_channel_fn *unsubscribe;
  void *unsubscribe_ctx;
  ac_cable_data_fn *receive;
  void *receive_ctx;
  struct ac_cable_names actions;
  struct ac_cable_hook *hooks; /* in the order in which they were registered */
  size_t n_hooks;
};

/* The factory's ctx. */
struct ac_cable {
  struct ac_cable_door *doors;
  size_t n_doors;
  struct ac_cable_names channels;
  anycable_channel_class *classes;
  anycable_channel_class *(*lookup)(anycable_str name, void *ctx);
  void *lookup_ctx;
};

/* The table by which the application knows the factory. */
extern const anycable_session_ops ac_cable_ops;

/* Frees what is registered. */
void ac_cable_destroy(void *cable);

/* The door at which clients that come by |path| |connect|, or disconnect: its
 * own or that of all others. NULL where nobody is called. */
const struct ac_cable_door *ac_cable_door(const struct ac_cable *cable,
                                          anycable_str path, bool connect);

/* The class of channels with |name|, NULL where there is none. */
anycable_channel_class *ac_cable_class(const struct ac_cable *cable,
                                       anycable_str name);

/* What is called |text|, NULL where there is none. */
const struct ac_cable_name *ac_cable_find(const struct ac_cable_names *names,
                                          anycable_str text);

/* --- one call ------------------------------------------------------------- */

/* A subscription, as callbacks see it. */
struct anycable_channel {
  anycable_connection *connection;
  const anycable_channel_class *channel_class; /* NULL: no channel at all */
  anycable_str name;
  anycable_str identifier;
  anycable_str action;
  const anycable_json *params;
  const anycable_json *data;
  bool gone; /* the client is: nothing can be put out */
};

/* Names and values of identifiers, in the order of the names' bytes. */
struct ac_cable_values {
  struct ac_cable_value *items;
  size_t n;
};

struct ac_cable_value {
  anycable_str name; /* with a NUL behind it, as the value */
  anycable_str value;
};

/* A session of the factory. */
struct anycable_connection {
  anycable_socket *socket;
  const struct ac_cable *cable;
  struct anycable_channel channel; /* the one that runs */

  anycable_str identifiers;      /* as they came, or as they go */
  struct ac_cable_values values; /* Connect: what they are made of */
  const anycable_json *known;    /* in other calls: what they say */
  bool read;                     /* |known| is set */
  anycable_str reason;           /* of anycable_connection_reject() */
  bool reconnect;

  /* A subscription that was taken, and not yet told of. */
  bool untold;

  /* In a Disconnect: how far it has come. */
  const anycable_str *subscriptions;
  size_t n_subscriptions;
  size_t ended;
  bool left; /* on_disconnect has run, too */
  int error; /* the first one */
};

/* What a call can be. */
int ac_cable_method(const anycable_connection *connection);

/* Makes |channel| the subscription |identifier|. ANYCABLE_OK; an error, and no
 * channel: ANYCABLE_ERR_NOMEM, or another if there is none of that name. */
int ac_cable_channel_open(anycable_channel *channel,
                          anycable_connection *connection,
                          anycable_str identifier);

/* Runs the hooks and |fn| for what the client did: an outcome. */
int ac_cable_channel_run(anycable_channel *channel, const char *action,
                         ac_cable_channel_fn *fn, void *ctx);
/* The same for an action, by what |data| says. */
int ac_cable_channel_perform(anycable_channel *channel, anycable_str data);

/* Runs the hooks behind it. */
void ac_cable_channel_ran(anycable_channel *channel, int outcome);

/* --- identifiers ---------------------------------------------------------- */

/* Where |name| is among |values|, or belongs. True if it is there. */
bool ac_cable_values_find(const struct ac_cable_values *values,
                          anycable_str name, size_t *at);

/* Writes them as JSON. */
anycable_str ac_cable_values_write(const struct ac_cable_values *values,
                                   anycable_builder *builder);

/* --- frames --------------------------------------------------------------- */

/* Joins |n| texts in the call's memory, NUL-terminated. Empty without memory,
 * which is remembered. */
anycable_str ac_cable_join(anycable_socket *socket, const anycable_str *texts,
                           size_t n);

int ac_cable_welcome(anycable_socket *socket);
int ac_cable_disconnect(anycable_socket *socket, anycable_str reason,
                        bool reconnect);
/* "confirm_subscription" or "reject_subscription". */
int ac_cable_answer(anycable_socket *socket, bool confirmed);

#endif
