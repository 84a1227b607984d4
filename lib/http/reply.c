/* Replies as JSON, in two runs of the same code: one that counts, one that
 * writes. Short ones are counted as if all had to be escaped, which costs no
 * look at what they say. What is empty is left out. */
#include <string.h>

#include "base/json.h"
#include "http/json.h"

enum { SHORT = 2048 };

struct writer {
  char *at; /* NULL: only count */
  size_t len;
  bool rough; /* count for the worst */
};

static void put(struct writer *w, const char *text, size_t len) {
  if (w->at) {
    memcpy(w->at, text, len);
    w->at += len;
  }
  w->len += len;
}

static inline void put_text(struct writer *w, const char *text) {
  put(w, text, strlen(text));
}

static void put_quoted(struct writer *w, anycable_str text) {
  if (w->at)
    w->at = ac_json_quote(w->at, text);
  else
    w->len += w->rough ? 6 * text.len + 2 : ac_json_quoted_len(text);
}

/* Each begins with a comma, as the status stands before all of them. */
static void put_name(struct writer *w, const char *name) {
  put(w, ",\"", 2);
  put_text(w, name);
  put(w, "\":", 2);
}

static void put_string(struct writer *w, const char *name, anycable_str text) {
  if (text.len == 0)
    return;
  put_name(w, name);
  put_quoted(w, text);
}

static void put_true(struct writer *w, const char *name, bool is) {
  if (!is)
    return;
  put_name(w, name);
  put(w, "true", 4);
}

static void put_list(struct writer *w, const char *name,
                     const struct ac_wire_list *list) {
  if (list->n == 0)
    return;
  put_name(w, name);
  for (size_t i = 0; i < list->n; i++) {
    put(w, i ? "," : "[", 1);
    put_quoted(w, list->items[i]);
  }
  put(w, "]", 1);
}

static void put_entries(struct writer *w, const struct ac_wire_map *map) {
  put(w, "{", 1);
  for (size_t i = 0; i < map->n; i++) {
    if (i)
      put(w, ",", 1);
    put_quoted(w, map->items[i].key);
    put(w, ":", 1);
    put_quoted(w, map->items[i].value);
  }
  put(w, "}", 1);
}

static void put_env(struct writer *w, const struct ac_wire_reply *reply) {
  if (reply->cstate.n == 0 && reply->istate.n == 0)
    return;
  put_name(w, "env");
  put_text(w, "{\"cstate\":");
  put_entries(w, &reply->cstate);
  put_name(w, "istate");
  put_entries(w, &reply->istate);
  put(w, "}", 1);
}

static void put_presence(struct writer *w,
                         const struct ac_wire_presence *presence) {
  if (presence->type.len == 0)
    return;
  put_name(w, "presence");
  put_text(w, "{\"type\":");
  put_quoted(w, presence->type);
  put_string(w, "id", presence->id);
  put_string(w, "info", presence->info);
  put(w, "}", 1);
}

/* What a method's reply does not have is empty there. */
static void put_reply(struct writer *w, const struct ac_wire_reply *reply) {
  static const char digits[] = "012";
  put_text(w, "{\"status\":");
  put(w, &digits[reply->status], 1);
  put_string(w, "identifiers", reply->identifiers);
  put_true(w, "disconnect", reply->disconnect);
  put_true(w, "stop_streams", reply->stop_streams);
  put_list(w, "streams", &reply->streams);
  put_list(w, "stopped_streams", &reply->stopped_streams);
  put_list(w, "transmissions", &reply->transmissions);
  put_string(w, "error_msg", reply->error_msg);
  put_env(w, reply);
  put_presence(w, &reply->presence);
  put(w, "}", 1);
}

anycable_str ac_http_write_reply(const struct ac_wire_reply *reply,
                                 struct ac_arena *arena) {
  struct writer count = {NULL, 0, true};
  put_reply(&count, reply);
  if (count.len > SHORT) {
    count = (struct writer){NULL, 0, false};
    put_reply(&count, reply);
  }
  char *text = ac_arena_alloc(arena, count.len + 1);
  if (!text)
    return ac_str(NULL, 0);
  struct writer write = {text, 0, false};
  put_reply(&write, reply);
  *write.at = '\0';
  size_t len = (size_t)(write.at - text);
  ac_arena_trim(arena, text, count.len + 1, len + 1);
  return ac_str(text, len);
}
