/* A server on a real socket, and an application whose functions a test sets. */
#ifndef SERVER_FIXTURE_H
#define SERVER_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdatomic.h>

#include <anycable.h>

#include "raw_call.h"

#define CONNECT "/anycable.RPC/Connect"
#define COMMAND "/anycable.RPC/Command"

static int (*on_command)(anycable_socket *socket);
static void (*on_destroy)(anycable_socket *socket);
static anycable_server *server;
static atomic_int ctx_destroyed;

static void *create(anycable_socket *socket, anycable_str identifiers,
                    const anycable_str *subscriptions, size_t count,
                    void *ctx) {
  (void)identifiers, (void)subscriptions, (void)count, (void)ctx;
  return socket;
}

static int handle(void *session) {
  (void)session;
  return ANYCABLE_DONE;
}

static int command(void *session, anycable_str identifier, anycable_str name,
                   anycable_str data) {
  (void)identifier, (void)name, (void)data;
  return on_command ? on_command(session) : ANYCABLE_DONE;
}

static void destroy(void *session) {
  if (on_destroy)
    on_destroy(session);
}

static const anycable_session_ops ops = {.size = sizeof(ops),
                                         .create = create,
                                         .handle_open = handle,
                                         .handle_close = handle,
                                         .handle_channel_command = command,
                                         .destroy = destroy};

static void ctx_destroy(void *ctx) {
  assert_ptr_equal(ctx, &ctx_destroyed);
  atomic_fetch_add(&ctx_destroyed, 1);
}

static anycable_app *app;

static inline void make(const char *host, int workers) {
  anycable_config *config = anycable_config_new();
  app = anycable_app_new();
  anycable_app_set_factory(app, &ops, &ctx_destroyed, ctx_destroy);
  anycable_config_set_rpc_host(config, host);
  anycable_config_set_workers(config, workers);
  if (anycable_server_new(&server, app, config) != ANYCABLE_OK)
    fail_msg("%s", anycable_app_error(app));
  anycable_config_free(config);
}

static inline void unmake(void) {
  int before = atomic_load(&ctx_destroyed);
  anycable_server_free(server);
  anycable_app_free(app);
  assert_int_equal(atomic_load(&ctx_destroyed), before + 1);
  server = NULL;
}

static inline const char *address(void) {
  return anycable_server_address(server, 0);
}

/* A successful reply begins with status = SUCCESS. */
static inline void assert_serves(void) {
  unsigned char out[256];
  int n = raw_call(address(), CONNECT, out, sizeof(out));
  assert_true(n >= 2);
  assert_memory_equal(out, "\x08\x01", 2);
}

#endif
