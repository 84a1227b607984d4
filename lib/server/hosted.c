#include "server/hosted.h"

#include <string.h>

#include "http/body.h"
#include "server/server.h"

/* In its arena, the request with it. */
struct hosted {
  struct ac_list link; /* in the server's inbox, then among those under way */
  struct ac_http_exchange exchange;
  anycable_server *server;
  void (*answer)(const anycable_http_response *response, void *ctx);
  void *ctx;
};

/* --- the answer ----------------------------------------------------------- */

static void add(anycable_http_header *headers, size_t *n, const char *name,
                const char *value) {
  if (value)
    headers[(*n)++] =
        (anycable_http_header){anycable_str_of(name), anycable_str_of(value)};
}

static void respond(struct ac_http_exchange *exchange,
                    const struct ac_http_response *response) {
  struct hosted *hosted = ac_container_of(exchange, struct hosted, exchange);
  struct ac_arena *arena = exchange->lent ? NULL : exchange->arena;
  anycable_http_header headers[3];
  anycable_http_response out = {.size = sizeof(out),
                                .status = response->status,
                                .headers = headers,
                                .body = response->body};
  add(headers, &out.header_count, "Content-Type", response->content_type);
  add(headers, &out.header_count, "Allow", response->allow);
  add(headers, &out.header_count, "WWW-Authenticate",
      response->challenge ? "Bearer" : NULL);
  if (!out.body.ptr)
    out.body = ac_str_empty();
  if (!ac_list_empty(&hosted->link)) {
    ac_list_remove(&hosted->link);
    hosted->server->n_hosted--;
  }
  hosted->answer(&out, hosted->ctx);
  ac_http_closed(exchange);
  ac_arena_free(arena);
}

static const struct ac_http_bearer bearer = {respond};

/* --- the request ---------------------------------------------------------- */

static anycable_str copy_name(struct ac_arena *arena, anycable_str name) {
  anycable_str copy = ac_arena_copy(arena, name);
  if (copy.ptr)
    ac_str_lower((char *)(uintptr_t)copy.ptr, copy.len);
  return copy;
}

static bool copy_headers(struct ac_http_exchange *exchange,
                         const anycable_http_request *request) {
  size_t n = request->header_count;
  struct ac_pair *headers =
      ac_arena_alloc(exchange->arena, (n + 1) * sizeof(*headers));
  for (size_t i = 0; headers && i < n; i++) {
    headers[i].key = copy_name(exchange->arena, request->headers[i].name);
    headers[i].value =
        ac_arena_copy(exchange->arena, request->headers[i].value);
    if (!headers[i].key.ptr || !headers[i].value.ptr)
      return false;
  }
  exchange->headers = headers;
  exchange->n_headers = n;
  return headers != NULL;
}

static bool copy_request(struct ac_http_exchange *exchange,
                         const anycable_http_request *request) {
  anycable_str path = request->path;
  const char *query = path.len ? memchr(path.ptr, '?', path.len) : NULL;
  if (query)
    path.len = (size_t)(query - path.ptr);
  exchange->method = ac_arena_copy(exchange->arena, request->method);
  exchange->path = ac_arena_copy(exchange->arena, path);
  return exchange->method.ptr && exchange->path.ptr &&
         copy_headers(exchange, request);
}

/* NULL without memory. */
static struct hosted *new_hosted(anycable_server *server,
                                 const anycable_http_request *request) {
  struct ac_arena *arena =
      ac_arena_new(server->grpc.arenas, server->grpc.config.arena_cap);
  struct hosted *hosted =
      arena ? ac_arena_zalloc(arena, sizeof(*hosted)) : NULL;
  if (!hosted) {
    ac_arena_free(arena);
    return NULL;
  }
  ac_list_init(&hosted->link);
  hosted->server = server;
  hosted->exchange.bearer = &bearer;
  hosted->exchange.arena = arena;
  if (copy_request(&hosted->exchange, request))
    return hosted;
  ac_arena_free(arena);
  return NULL;
}

/* False if nobody would take it out again. */
static bool put_in(anycable_server *server, struct hosted *hosted) {
  pthread_mutex_lock(&server->mutex);
  bool open =
      server->state == AC_STATE_READY || server->state == AC_STATE_DRAINING;
  if (open)
    ac_list_append(&server->inbox, &hosted->link);
  pthread_mutex_unlock(&server->mutex);
  if (open)
    ac_loop_wake(server->loop);
  return open;
}

int anycable_server_http(anycable_server *server,
                         const anycable_http_request *request,
                         void (*answer)(const anycable_http_response *response,
                                        void *ctx),
                         void *ctx) {
  if (!server || !request || !answer ||
      request->size < sizeof(anycable_http_request) ||
      (request->header_count > 0 && !request->headers))
    return ANYCABLE_ERR_INVALID;
  if (ac_forked(server->fork_page))
    return ANYCABLE_ERR_FORKED;
  struct hosted *hosted = new_hosted(server, request);
  if (!hosted)
    return ANYCABLE_ERR_NOMEM;
  hosted->answer = answer;
  hosted->ctx = ctx;
  int status =
      ac_http_body_append(&hosted->exchange, request->body.ptr,
                          request->body.len, server->grpc.config.message_max);
  if (status)
    ac_http_refuse(&hosted->exchange, status);
  else if (!put_in(server, hosted))
    ac_http_refuse(&hosted->exchange, 503);
  return ANYCABLE_OK;
}

/* --- the I/O thread ------------------------------------------------------- */

static void take_out(anycable_server *server, struct ac_list *out) {
  ac_list_init(out);
  pthread_mutex_lock(&server->mutex);
  ac_list_splice(out, &server->inbox);
  pthread_mutex_unlock(&server->mutex);
}

/* Who comes when the server drains is sent elsewhere, but for health. */
static bool is_welcome(const anycable_server *server,
                       const struct ac_http_exchange *exchange) {
  return !server->health.closed ||
         ac_http_mounted(&server->probes, exchange->path);
}

void ac_hosted_collect(anycable_server *server) {
  struct ac_list come, *link;
  take_out(server, &come);
  while ((link = ac_list_shift(&come))) {
    struct hosted *hosted = ac_container_of(link, struct hosted, link);
    ac_list_append(&server->hosted, link);
    server->n_hosted++;
    if (is_welcome(server, &hosted->exchange))
      ac_http_serve(&server->http, &hosted->exchange);
    else
      ac_http_refuse(&hosted->exchange, 503);
  }
}

void ac_hosted_give_up(anycable_server *server) {
  struct ac_list come;
  take_out(server, &come);
  while (!ac_list_empty(&come)) {
    ac_list_append(&server->hosted, ac_list_shift(&come));
    server->n_hosted++;
  }
  while (!ac_list_empty(&server->hosted))
    ac_http_refuse(
        &ac_container_of(server->hosted.next, struct hosted, link)->exchange,
        503);
}
