#include "http/service.h"

#include <string.h>

#include "base/utf8.h"

static const struct {
  int status;
  const char *reason;
} reasons[] = {{200, "OK"},
               {400, "Bad Request"},
               {401, "Unauthorized"},
               {404, "Not Found"},
               {405, "Method Not Allowed"},
               {408, "Request Timeout"},
               {413, "Content Too Large"},
               {414, "URI Too Long"},
               {417, "Expectation Failed"},
               {422, "Unprocessable Content"},
               {431, "Request Header Fields Too Large"},
               {501, "Not Implemented"},
               {503, "Service Unavailable"},
               {504, "Gateway Timeout"},
               {505, "HTTP Version Not Supported"}};

static const char *reason_of(int status) {
  for (size_t i = 0; i < sizeof(reasons) / sizeof(*reasons); i++)
    if (reasons[i].status == status)
      return reasons[i].reason;
  return "Internal Server Error";
}

/* --- answers -------------------------------------------------------------- */

#define TEXT "text/plain; charset=utf-8"

static void respond(struct ac_http_exchange *exchange, int status,
                    const char *content_type, anycable_str body) {
  const struct ac_http_response response = {.status = status,
                                            .reason = reason_of(status),
                                            .content_type = content_type,
                                            .body = body,
                                            .challenge = status == 401};
  exchange->bearer->respond(exchange, &response);
}

static void say(struct ac_http_exchange *exchange, int status,
                const char *text) {
  respond(exchange, status, TEXT, anycable_str_of(text));
}

void ac_http_refuse(struct ac_http_exchange *exchange, int status) {
  say(exchange, status, reason_of(status));
}

void ac_http_tell_error(const struct ac_http_response *response,
                        const char *peer, ac_counter *errors,
                        const struct ac_log *log, int level) {
  ac_count(errors, 1);
  ac_log_write(log, level, "http: %s: %d %s", peer, response->status,
               response->reason);
}

static void refuse_method(struct ac_http_exchange *exchange,
                          const char *allow) {
  const char *reason = reason_of(405);
  const struct ac_http_response response = {.status = 405,
                                            .reason = reason,
                                            .content_type = TEXT,
                                            .allow = allow,
                                            .body = anycable_str_of(reason)};
  exchange->bearer->respond(exchange, &response);
}

/* --- headers -------------------------------------------------------------- */

anycable_str ac_http_header(const struct ac_http_exchange *exchange,
                            const char *name) {
  for (size_t i = 0; i < exchange->n_headers; i++)
    if (anycable_str_is(exchange->headers[i].key, name))
      return exchange->headers[i].value;
  return ac_str(NULL, 0);
}

/* In a time that tells of |key| nothing, and of |given| its length. */
static bool same_secret(const char *key, anycable_str given) {
  size_t len = strlen(key);
  size_t different = len ^ given.len;
  for (size_t i = 0; i < given.len; i++)
    different |= (size_t)(unsigned char)(given.ptr[i] ^ key[i % len]);
  return different == 0;
}

/* "Bearer", in whatever case, and the key. */
static bool is_allowed(const struct ac_http_service *service,
                       const struct ac_http_exchange *exchange) {
  const anycable_str scheme = ANYCABLE_STR("bearer ");
  if (!service->key)
    return true;
  anycable_str value = ac_http_header(exchange, "authorization");
  if (!value.ptr || value.len <= scheme.len ||
      !ac_str_equal_nocase(ac_str(value.ptr, scheme.len), scheme))
    return false;
  return same_secret(service->key,
                     ac_str(value.ptr + scheme.len, value.len - scheme.len));
}

/* What came as x-anycable-meta-sid is sid. */
static bool take_metadata(struct ac_http_exchange *exchange,
                          anycable_socket *call) {
  static const char prefix[] = "x-anycable-meta-";
  const size_t len = sizeof(prefix) - 1;
  struct ac_pair *pairs = ac_arena_alloc(
      exchange->arena, (exchange->n_headers + 1) * sizeof(*pairs));
  size_t n = 0;
  if (!pairs)
    return false;
  for (size_t i = 0; i < exchange->n_headers; i++) {
    anycable_str name = exchange->headers[i].key;
    if (name.len > len && memcmp(name.ptr, prefix, len) == 0)
      name = ac_str(name.ptr + len, name.len - len);
    anycable_str value = exchange->headers[i].value;
    if (!ac_utf8_valid(value)) /* applications are promised text */
      ac_utf8_scrub((char *)(uintptr_t)value.ptr, value.len);
    pairs[n++] = (struct ac_pair){name, value};
  }
  ac_rpc_call_metadata(call, pairs, n);
  return true;
}

/* --- calls ---------------------------------------------------------------- */

static anycable_str encode(int method, const struct ac_wire_reply *reply,
                           struct ac_arena *arena) {
  (void)method;
  return ac_http_write_reply(reply, arena);
}

static void answered(anycable_socket *call, enum ac_rpc_result result,
                     void *origin) {
  struct ac_http_exchange *exchange = origin;
  anycable_str body;
  switch (result) {
  case AC_RPC_REPLY:
    body = ac_rpc_call_encoded(call);
    if (body.ptr && ac_arena_charge(exchange->arena, body.len))
      respond(exchange, 200, "application/json", body);
    else
      ac_http_refuse(exchange, 500);
    return;
  case AC_RPC_EXPIRED:
    say(exchange, 504, "deadline exceeded");
    return;
  case AC_RPC_REFUSED:
    say(exchange, 503, "too many calls wait");
    return;
  }
}

static const struct ac_rpc_transport transport = {encode, answered};

static void refuse_body(struct ac_http_exchange *exchange, int error,
                        const char *reason) {
  if (error == ANYCABLE_ERR_NOMEM)
    say(exchange, 503, "out of memory");
  else
    say(exchange, 422, reason);
}

/* The arena is the call's from here on, and freed with it. */
static void call_method(struct ac_http_service *service,
                        struct ac_http_exchange *exchange, int method) {
  const char *reason;
  exchange->lent = true;
  anycable_socket *call =
      ac_rpc_call_new(service->rpc, exchange->arena, method);
  exchange->call = call;
  if (!call) { /* and the arena has gone, with all that was in it */
    exchange->method = exchange->path = ac_str_empty();
    ac_http_refuse(exchange, 503);
    return;
  }
  int error = ac_http_read_request(method, exchange->body, exchange->body_len,
                                   &service->limits, exchange->arena,
                                   ac_rpc_call_message(call), &reason);
  if (!error && !take_metadata(exchange, call))
    error = ANYCABLE_ERR_NOMEM;
  if (error) {
    refuse_body(exchange, error, reason);
    return;
  }
  const struct ac_runtime *runtime = &service->runtime;
  ac_rpc_submit(call, runtime->now(runtime->loop) + service->call_time,
                &transport, exchange);
}

/* The method that |path| names, behind the mount; -1 for none. */
static int method_of(const struct ac_http_service *service, anycable_str path) {
  static const struct {
    const char *name;
    int method;
  } methods[] = {{"/command", ANYCABLE_COMMAND},
                 {"/connect", ANYCABLE_CONNECT},
                 {"/disconnect", ANYCABLE_DISCONNECT}};
  size_t len = service->mount ? strlen(service->mount) : 0;
  if (!service->mount || path.len < len ||
      memcmp(path.ptr, service->mount, len) != 0)
    return -1;
  path = ac_str(path.ptr + len, path.len - len);
  for (size_t i = 0; i < sizeof(methods) / sizeof(*methods); i++)
    if (anycable_str_is(path, methods[i].name))
      return methods[i].method;
  return -1;
}

static void serve_call(struct ac_http_service *service,
                       struct ac_http_exchange *exchange, int method) {
  if (!is_allowed(service, exchange))
    ac_http_refuse(exchange, 401);
  else if (!anycable_str_is(exchange->method, "POST"))
    refuse_method(exchange, "POST");
  else
    call_method(service, exchange, method);
}

/* --- all of it ------------------------------------------------------------ */

static void serve_health(struct ac_http_service *service,
                         struct ac_http_exchange *exchange) {
  if (service->is_ready(service->owner))
    say(exchange, 200, "Ready");
  else
    say(exchange, 503, "Not Ready");
}

static void serve_figures(struct ac_http_service *service,
                          struct ac_http_exchange *exchange) {
  anycable_str text = service->figures(service->owner, exchange->arena);
  if (text.ptr)
    respond(exchange, 200, "text/plain; version=0.0.4; charset=utf-8", text);
  else
    ac_http_refuse(exchange, 503);
}

static bool is_path(const char *served, anycable_str path) {
  return served && anycable_str_is(path, served);
}

bool ac_http_mounted(const struct ac_http_service *service, anycable_str path) {
  const char *query = memchr(path.ptr, '?', path.len);
  if (query)
    path.len = (size_t)(query - path.ptr);
  return is_path(service->health, path) || is_path(service->metrics, path) ||
         method_of(service, path) >= 0;
}

void ac_http_serve(struct ac_http_service *service,
                   struct ac_http_exchange *exchange) {
  int method = method_of(service, exchange->path);
  if (method >= 0) {
    serve_call(service, exchange, method);
    return;
  }
  bool health = is_path(service->health, exchange->path);
  if (!health && !is_path(service->metrics, exchange->path))
    ac_http_refuse(exchange, 404);
  else if (!anycable_str_is(exchange->method, "GET") &&
           !anycable_str_is(exchange->method, "HEAD"))
    refuse_method(exchange, "GET, HEAD");
  else if (health)
    serve_health(service, exchange);
  else
    serve_figures(service, exchange);
}

void ac_http_closed(struct ac_http_exchange *exchange) {
  if (exchange->call)
    ac_rpc_release(exchange->call);
}
