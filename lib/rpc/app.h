/* The inside of an application: read-only once a server was made, and then
 * used by all threads. Counted: a deferred call may outlive its servers. */
#ifndef AC_RPC_APP_H
#define AC_RPC_APP_H

#include <anycable/app.h>
#include <stdatomic.h>

struct ac_interceptor {
  int (*before)(anycable_socket *socket, void *ctx);
  void (*after)(anycable_socket *socket, int outcome, void *ctx);
  void *ctx;
};

struct ac_farewell {
  void (*fn)(void *ctx);
  void *ctx;
};

struct anycable_app {
  atomic_size_t refs;
  anycable_session_ops ops; /* all of it, whatever the user's size was */
  const anycable_session_ops *ops_address;
  void *ctx;
  void (*ctx_destroy)(void *ctx);
  struct ac_interceptor *interceptors;
  size_t n_interceptors;
  void (*on_error)(anycable_socket *socket, int error, const char *message,
                   void *ctx);
  void *on_error_ctx;
  anycable_broadcaster **broadcasters;
  size_t n_broadcasters;
  struct ac_farewell *farewells;
  size_t n_farewells;
  bool sealed;    /* a server was made */
  int error;      /* the first bad registration */
  char text[512]; /* and its words, or those of a failed server_new */
};

/* Before a server is made: ANYCABLE_OK, or what was wrong, said in the app's
 * error text. */
int ac_app_check(anycable_app *app);

/* A server was made. From then on nothing can be registered. */
void ac_app_seal(anycable_app *app);

void ac_app_ref(anycable_app *app);
void ac_app_unref(anycable_app *app);

/* Adds a broadcaster, counted: ANYCABLE_OK or ANYCABLE_ERR_NOMEM. Lets go of
 * all but the first |keep|. */
int ac_app_add_broadcaster(anycable_app *app,
                           anycable_broadcaster *broadcaster);
void ac_app_keep_broadcasters(anycable_app *app, size_t keep);

/* Sets the error text. */
void ac_app_fail(anycable_app *app, const char *format, ...)
    ANYCABLE_PRINTF(2, 3);

#endif
