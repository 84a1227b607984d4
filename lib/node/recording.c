/* RPCs as lines of JSON, under the names of the protocol, and made again from
 * them. Fields that are empty are left out, as AnyCable does over HTTP. */
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "node/node.h"
#include "node/value.h"

/* How long a replayed call may be deferred: AnyCable's patience, in real time.
 */
#define PATIENCE (3 * AC_SECOND)

/* --- writing ----------------------------------------------------------------
 */

static void put_name(struct ac_text *text, const char *name) {
  char last = text->buffer.data ? text->buffer.data[text->buffer.end - 1] : '{';
  if (last != '{')
    ac_text_puts(text, ",");
  ac_text_quote(text, anycable_str_of(name));
  ac_text_puts(text, ":");
}

static void put_string(struct ac_text *text, const char *name,
                       anycable_str value) {
  if (value.len == 0)
    return;
  put_name(text, name);
  ac_text_quote(text, value);
}

static void put_map(struct ac_text *text, const char *name,
                    const struct ac_wire_map *map) {
  if (map->n == 0)
    return;
  put_name(text, name);
  ac_text_put_map(text, map);
}

static void put_list(struct ac_text *text, const char *name,
                     const struct ac_wire_list *list) {
  if (list->n == 0)
    return;
  put_name(text, name);
  for (size_t i = 0; i < list->n; i++) {
    ac_text_put(text, ac_str(i > 0 ? "," : "[", 1));
    ac_text_quote(text, list->items[i]);
  }
  ac_text_puts(text, "]");
}

static void put_true(struct ac_text *text, const char *name, bool value) {
  if (!value)
    return;
  put_name(text, name);
  ac_text_puts(text, "true");
}

static const char *identifiers_name(int method) {
  return method == ANYCABLE_COMMAND ? "connection_identifiers" : "identifiers";
}

static void put_request(struct ac_text *text, int method,
                        const struct ac_wire_request *request) {
  ac_text_puts(text, "{");
  put_string(text, "command", request->command);
  put_string(text, "identifier", request->identifier);
  put_string(text, identifiers_name(method), request->identifiers);
  put_string(text, "data", request->data);
  put_list(text, "subscriptions", &request->subscriptions);
  put_name(text, "env");
  ac_text_puts(text, "{");
  put_string(text, "url", request->env.url);
  put_map(text, "headers", &request->env.headers);
  put_map(text, "cstate", &request->env.cstate);
  put_map(text, "istate", &request->env.istate);
  ac_text_puts(text, "}}");
}

static void put_reply(struct ac_text *text, const struct ac_wire_reply *reply) {
  const char status[] = {(char)('0' + (reply->status & 7)), '\0'};
  ac_text_puts(text, "{\"status\":");
  ac_text_put(text, anycable_str_of(status));
  put_true(text, "disconnect", reply->disconnect);
  put_true(text, "stop_streams", reply->stop_streams);
  put_string(text, "identifiers", reply->identifiers);
  put_list(text, "streams", &reply->streams);
  put_list(text, "stopped_streams", &reply->stopped_streams);
  put_list(text, "transmissions", &reply->transmissions);
  put_string(text, "error_msg", reply->error_msg);
  if (reply->cstate.n + reply->istate.n > 0) {
    put_name(text, "env");
    ac_text_puts(text, "{");
    put_map(text, "cstate", &reply->cstate);
    put_map(text, "istate", &reply->istate);
    ac_text_puts(text, "}");
  }
  if (reply->presence.type.len > 0) {
    put_name(text, "presence");
    ac_text_puts(text, "{");
    put_string(text, "type", reply->presence.type);
    put_string(text, "id", reply->presence.id);
    put_string(text, "info", reply->presence.info);
    ac_text_puts(text, "}");
  }
  ac_text_puts(text, "}");
}

void ac_recording_begin(struct ac_exchange *exchange, anycable_str sid,
                        const struct ac_wire_request *request) {
  struct ac_text *line = &exchange->line;
  ac_text_add(line,
              "{\"method\":@,\"metadata\":{\"protov\":\"v1\",\"sid\":@},"
              "\"request\":",
              anycable_str_of(anycable_method_name(exchange->method)), sid);
  put_request(line, exchange->method, request);
}

void ac_recording_end(struct ac_exchange *exchange) {
  anycable_node *node = exchange->node;
  struct ac_text *line = &exchange->line;
  if (exchange->failure) {
    put_string(line, "error", anycable_str_of(exchange->failure));
  } else {
    ac_text_puts(line, ",\"response\":");
    put_reply(line, &exchange->reply);
  }
  ac_text_puts(line, "}");
  anycable_str text = ac_text_str(line);
  if (line->failed)
    ac_node_no_memory(node);
  else if (exchange->client && node->on_rpc)
    node->on_rpc(text, node->on_rpc_ctx);
}

/* --- reading ----------------------------------------------------------------
 */

/* A field of a request, into the call's arena. */
static int read_string(struct ac_arena *arena, anycable_str value,
                       anycable_str *out) {
  if (value.len == 0) {
    *out = ac_str_empty();
    return ANYCABLE_OK;
  }
  return ac_json_string(arena, value, true, out);
}

static int read_map(struct ac_arena *arena, anycable_str value,
                    struct ac_wire_map *map) {
  anycable_str key, member;
  size_t at = 0, room = 0;
  int more = 0;
  int error = ANYCABLE_OK;
  while (!error && value.len > 0 &&
         (more = ac_json_next_member(value, &at, AC_JSON_MAX_DEPTH, &key,
                                     &member)) > 0) {
    struct ac_pair *items =
        ac_arena_grow(arena, map->items, map->n, &room, 4, sizeof(*items));
    if (!items)
      return ANYCABLE_ERR_NOMEM;
    map->items = items;
    error = read_string(arena, key, &items[map->n].key);
    if (!error)
      error = read_string(arena, member, &items[map->n].value);
    map->n++;
  }
  return error ? error : more;
}

static int read_list(struct ac_arena *arena, anycable_str value,
                     struct ac_wire_list *list) {
  const char *at = NULL;
  anycable_str element;
  size_t room = 0;
  int error = ANYCABLE_OK;
  while (!error && value.len > 0 && ac_value_next(value, &at, &element)) {
    anycable_str *items =
        ac_arena_grow(arena, list->items, list->n, &room, 4, sizeof(*items));
    if (!items)
      return ANYCABLE_ERR_NOMEM;
    list->items = items;
    error = read_string(arena, element, &items[list->n++]);
  }
  return error;
}

static int read_env(struct ac_arena *arena, anycable_str json,
                    struct ac_wire_env *env) {
  struct ac_field fields[] = {{"url", '"', {0}},
                              {"headers", '{', {0}},
                              {"cstate", '{', {0}},
                              {"istate", '{', {0}}};
  if (json.len == 0)
    return ANYCABLE_OK;
  int error = ac_value_fields(json, fields, 4);
  if (!error)
    error = read_string(arena, fields[0].value, &env->url);
  if (!error)
    error = read_map(arena, fields[1].value, &env->headers);
  if (!error)
    error = read_map(arena, fields[2].value, &env->cstate);
  return error ? error : read_map(arena, fields[3].value, &env->istate);
}

static int read_request(struct ac_arena *arena, int method, anycable_str json,
                        struct ac_wire_request *request) {
  struct ac_field fields[] = {{"command", '"', {0}},
                              {"identifier", '"', {0}},
                              {identifiers_name(method), '"', {0}},
                              {"data", '"', {0}},
                              {"subscriptions", '[', {0}},
                              {"env", '{', {0}}};
  anycable_str *const strings[] = {&request->command, &request->identifier,
                                   &request->identifiers, &request->data};
  int error = ac_value_fields(json, fields, 6);
  for (size_t i = 0; !error && i < 4; i++)
    error = read_string(arena, fields[i].value, strings[i]);
  if (!error)
    error = read_list(arena, fields[4].value, &request->subscriptions);
  return error ? error : read_env(arena, fields[5].value, &request->env);
}

/* --- replaying --------------------------------------------------------------
 */

enum { METHOD, METADATA, REQUEST, RESPONSE, ERROR_TEXT, FIELDS };

static void nothing(struct ac_exchange *exchange) {
  (void)exchange;
}

static int read_method(anycable_str value) {
  for (int m = ANYCABLE_CONNECT; m <= ANYCABLE_DISCONNECT; m++) {
    if (ac_json_string_is(value, anycable_str_of(anycable_method_name(m))))
      return m;
  }
  return -1;
}

/* Makes the call, and waits for its answer. The exchange is then the caller's;
 * NULL if there is none. */
static struct ac_exchange *
call_again(anycable_node *node, const struct ac_field *fields, int *error) {
  struct ac_field metadata[] = {{"sid", '"', {0}}};
  struct ac_wire_request request = {.env.url = ac_str_empty()};
  anycable_str sid;
  int method = read_method(fields[METHOD].value);
  struct ac_exchange *exchange =
      method < 0 ? NULL : ac_exchange_new(node, NULL, method, nothing);
  *error = method < 0 ? ANYCABLE_ERR_PROTO : ANYCABLE_ERR_NOMEM;
  if (!exchange)
    return NULL;
  struct ac_arena *arena = ac_exchange_arena(exchange);
  *error = ac_value_fields(fields[METADATA].value, metadata, 1);
  if (!*error)
    *error = read_string(arena, metadata[0].value, &sid);
  if (!*error)
    *error = read_request(arena, method, fields[REQUEST].value, &request);
  if (*error) {
    ac_exchange_drop(exchange);
    return NULL;
  }
  ac_exchange_submit(exchange, sid, &request);
  const uint64_t deadline = ac_clock_now() + PATIENCE;
  while (!exchange->settled && ac_node_loop_wait(&node->loop, deadline))
    ac_rpc_collect(node->rpc);
  if (!exchange->settled)
    exchange->failure = "the call is still deferred";
  return exchange;
}

/* What a line says was answered, in a form that can be compared. */
static void put_answer(struct ac_text *text, const struct ac_field *fields) {
  anycable_str response = fields[RESPONSE].value;
  ac_value_put(text, response.len > 0 ? response : fields[ERROR_TEXT].value);
}

static int read_line(anycable_str line, struct ac_field fields[FIELDS]) {
  static const struct ac_field known[FIELDS] = {
      [METHOD] = {"method", '"', {0}},
      [METADATA] = {"metadata", '{', {0}},
      [REQUEST] = {"request", '{', {0}},
      [RESPONSE] = {"response", '{', {0}},
      [ERROR_TEXT] = {"error", '"', {0}}};
  memcpy(fields, known, sizeof(known));
  int error = ac_value_fields(line, fields, FIELDS);
  if (!error && fields[RESPONSE].value.len + fields[ERROR_TEXT].value.len == 0)
    error = ANYCABLE_ERR_PROTO;
  return error;
}

static int compare(anycable_node *node, const struct ac_field *recorded,
                   anycable_str line) {
  struct ac_field now[FIELDS];
  struct ac_text expected = {0}, actual = {0};
  int result = read_line(line, now);
  put_answer(&expected, recorded);
  if (!result)
    put_answer(&actual, now);
  anycable_str left = ac_text_str(&expected), right = ac_text_str(&actual);
  if (result || expected.failed || actual.failed)
    result = ANYCABLE_ERR_NOMEM;
  else if (!anycable_str_equal(left, right))
    result = ac_node_fail(node, ANYCABLE_ERR_FAILED, "recorded: %s\nnow: %s",
                          left.ptr, right.ptr);
  ac_text_deinit(&expected);
  ac_text_deinit(&actual);
  return result;
}

int anycable_node_replay(anycable_node *node, anycable_str line) {
  struct ac_field fields[FIELDS];
  if (!node)
    return ANYCABLE_ERR_INVALID;
  if (!ac_node_enter(node))
    return ANYCABLE_ERR_STATE;
  int error = read_line(line, fields);
  struct ac_exchange *exchange =
      error ? NULL : call_again(node, fields, &error);
  if (!exchange) {
    if (error != ANYCABLE_ERR_NOMEM)
      return ac_node_fail(node, ANYCABLE_ERR_PROTO, "this is no recorded RPC");
    ac_node_no_memory(node);
    return error;
  }
  struct ac_arena *arena = ac_arena_new(node->arenas, node->call_memory);
  ac_exchange_read(exchange, arena);
  int result = compare(node, fields, ac_text_str(&exchange->line));
  ac_arena_free(arena);
  ac_exchange_drop(exchange);
  ac_node_ignore(node);
  if (result == ANYCABLE_ERR_NOMEM)
    ac_node_no_memory(node);
  return result;
}
