/* The node's life, its time, and what is left to do. */
#include "node/node.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "rpc/app.h"

enum { ARENA_BLOCK = 4096, ARENAS_KEPT = 4 };

static size_t limit(const anycable_config *config, int limit) {
  return (size_t)anycable_config_limit(config, limit);
}

/* As the server does by default, but for handlers, which run inline. */
static int wire(anycable_node *node, const anycable_config *config) {
  const struct ac_log silent = {0};
  const struct ac_runtime runtime = ac_node_loop_runtime(&node->loop);
  const struct ac_rpc_config rpc_config = {
      .workers = 0,
      .deferred = limit(config, ANYCABLE_LIMIT_DEFERRED),
      .reply_max = limit(config, ANYCABLE_LIMIT_REPLY),
      .json_depth = (unsigned)limit(config, ANYCABLE_LIMIT_JSON_DEPTH),
      .version_check = true,
  };
  node->limits =
      (struct ac_wire_limits){limit(config, ANYCABLE_LIMIT_ELEMENTS),
                              limit(config, ANYCABLE_LIMIT_UNKNOWN_FIELDS),
                              limit(config, ANYCABLE_LIMIT_SINGULAR_REPEATS)};
  node->call_memory = limit(config, ANYCABLE_LIMIT_CALL_MEMORY);
  node->message_max = limit(config, ANYCABLE_LIMIT_MESSAGE);
  node->arenas = ac_arena_pool_new(ARENA_BLOCK, ARENAS_KEPT);
  node->rpc = ac_rpc_new(node->app, &rpc_config, &runtime, &silent);
  return node->arenas && node->rpc ? ANYCABLE_OK : ANYCABLE_ERR_NOMEM;
}

static int build(anycable_node *node) {
  anycable_config *config = anycable_config_new();
  int error = config ? wire(node, config) : ANYCABLE_ERR_NOMEM;
  if (!error)
    error = ac_inbox_new(&node->inbox, &node->broadcaster, config);
  if (!error) /* the last that can fail */
    error = ac_app_add_broadcaster(node->app, node->broadcaster);
  if (error)
    ac_app_fail(node->app, "anycable_node_new: %s", anycable_strerror(error));
  anycable_config_free(config);
  return error;
}

anycable_node *anycable_node_new(anycable_app *app) {
  if (ac_app_check(app))
    return NULL;
  anycable_node *node = calloc(1, sizeof(*node));
  if (!node) {
    ac_app_fail(app, "anycable_node_new: out of memory");
    return NULL;
  }
  node->app = app;
  ac_app_ref(app);
  ac_node_loop_init(&node->loop);
  ac_list_init(&node->clients);
  ac_list_init(&node->pending);
  ac_list_init(&node->answered);
  ac_list_init(&node->presences);
  if (build(node)) {
    anycable_node_free(node);
    return NULL;
  }
  ac_app_seal(app);
  return node;
}

static void drop_all(struct ac_list *exchanges) {
  while (!ac_list_empty(exchanges))
    ac_exchange_drop(
        ac_container_of(exchanges->next, struct ac_exchange, link));
}

void anycable_node_free(anycable_node *node) {
  struct ac_list *link;
  if (!node || (node->rpc && ac_rpc_inside(node->rpc)))
    return;
  drop_all(&node->pending);
  drop_all(&node->answered);
  ac_rpc_free(node->rpc);
  while ((link = ac_list_shift(&node->clients)))
    ac_client_free(ac_container_of(link, anycable_client, link));
  if (node->broadcaster)
    ac_inbox_close(node->inbox);
  anycable_broadcaster_free(node->broadcaster);
  ac_arena_pool_release(node->arenas);
  ac_state_free(&node->positions);
  ac_presence_free(node);
  ac_text_deinit(&node->words);
  ac_node_loop_deinit(&node->loop);
  ac_app_unref(node->app);
  free(node);
}

void anycable_node_use_broker(anycable_node *node) {
  if (node)
    node->broker = true;
}

void anycable_node_on_rpc(anycable_node *node,
                          void (*fn)(anycable_str line, void *ctx), void *ctx) {
  if (!node)
    return;
  node->on_rpc = fn;
  node->on_rpc_ctx = ctx;
}

/* --- words ---------------------------------------------------------------- */

bool ac_node_enter(anycable_node *node) {
  if (!node || ac_rpc_inside(node->rpc))
    return false;
  ac_text_deinit(&node->words);
  node->out_of_memory = false;
  return true;
}

void ac_node_no_memory(anycable_node *node) {
  node->out_of_memory = true;
}

int ac_node_fail(anycable_node *node, int error, const char *format, ...) {
  va_list args;
  va_start(args, format);
  char *words = NULL;
  int len = vasprintf(&words, format, args);
  va_end(args);
  if (len < 0) {
    ac_node_no_memory(node);
    return error;
  }
  ac_text_deinit(&node->words);
  ac_text_put(&node->words, ac_str(words, (size_t)len));
  free(words);
  return error;
}

const char *anycable_node_error(const anycable_node *node) {
  if (!node)
    return "there is no node";
  return node->out_of_memory ? "out of memory"
                             : ac_text_str((struct ac_text *)&node->words).ptr;
}

/* --- what is left to do --------------------------------------------------- */

/* True if there was something. */
static bool deliver(anycable_node *node) {
  anycable_str publication;
  bool any = false;
  anycable_broadcaster_flush(node->broadcaster, -1);
  while ((publication = ac_inbox_next(node->inbox)).len > 0) {
    ac_hub_publish(node, publication);
    any = true;
  }
  return any;
}

void ac_node_ignore(anycable_node *node) {
  anycable_broadcaster_flush(node->broadcaster, -1);
  while (ac_inbox_next(node->inbox).len > 0)
    ;
}

int ac_node_settle(anycable_node *node, int result) {
  struct ac_list *link;
  do {
    ac_rpc_collect(node->rpc);
    while ((link = ac_list_shift(&node->answered)))
      ac_exchange_finish(ac_container_of(link, struct ac_exchange, link));
  } while (deliver(node) || !ac_list_empty(&node->answered));
  return node->out_of_memory ? ANYCABLE_ERR_NOMEM : result;
}

static size_t count(const struct ac_list *list) {
  size_t n = 0;
  for (const struct ac_list *l = list->next; l != list; l = l->next)
    n++;
  return n;
}

size_t anycable_node_run(anycable_node *node) {
  if (!ac_node_enter(node))
    return 0;
  ac_node_settle(node, ANYCABLE_OK);
  return count(&node->pending);
}

int anycable_node_wait(anycable_node *node, int64_t timeout_ms) {
  if (!node)
    return ANYCABLE_ERR_INVALID;
  if (ac_rpc_inside(node->rpc))
    return ANYCABLE_ERR_STATE;
  uint64_t wait = timeout_ms > 0 ? (uint64_t)timeout_ms * AC_MS : 0;
  uint64_t deadline = ac_clock_now() + wait;
  while (anycable_node_run(node) > 0) {
    if (!ac_node_loop_wait(&node->loop, deadline))
      return ac_node_fail(node, ANYCABLE_ERR_TIMEOUT,
                          "calls are still deferred");
  }
  return ANYCABLE_OK;
}

/* Step by step, so that each event sees its own time. */
void anycable_node_advance(anycable_node *node, int64_t ms) {
  if (!ac_node_enter(node))
    return;
  uint64_t end =
      atomic_load(&node->loop.now) + (ms > 0 ? (uint64_t)ms * AC_MS : 0);
  for (;;) {
    uint64_t timer = ac_node_loop_next(&node->loop);
    uint64_t presence = ac_presence_next(node);
    uint64_t next = timer < presence ? timer : presence;
    if (next > end)
      break;
    if (next > atomic_load(&node->loop.now))
      atomic_store(&node->loop.now, next);
    ac_node_loop_fire(&node->loop);
    ac_presence_expire(node);
    ac_node_settle(node, ANYCABLE_OK);
  }
  atomic_store(&node->loop.now, end);
  ac_node_settle(node, ANYCABLE_OK);
}

int anycable_node_publish(anycable_node *node, anycable_str publication) {
  if (!node)
    return ANYCABLE_ERR_INVALID;
  if (!ac_node_enter(node))
    return ANYCABLE_ERR_STATE;
  return ac_node_settle(node, ac_hub_publish(node, publication));
}
