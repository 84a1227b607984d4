/* Log records as lines of JSON. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/utf8.h"

enum { TEXT_MAX = 256 }; /* of what clients chose */

struct writer {
  char *at;
  char *end;
  bool fits;
};

static void put(struct writer *w, const char *text, size_t len) {
  w->fits = w->fits && len < (size_t)(w->end - w->at);
  if (!w->fits)
    return;
  memcpy(w->at, text, len);
  w->at += len;
}

/* ,"name":"text", where there is one. */
static void put_member(struct writer *w, const char *name, anycable_str text) {
  if (text.len == 0 || !ac_utf8_valid(text))
    return;
  put(w, ",\"", 2);
  put(w, name, strlen(name));
  put(w, "\":", 2);
  w->fits = w->fits && ac_json_quoted_len(text) < (size_t)(w->end - w->at);
  if (w->fits)
    w->at = ac_json_quote(w->at, text);
}

static anycable_str cut(anycable_str text) {
  return text.len > TEXT_MAX ? ac_str(text.ptr, ac_utf8_cut(text, TEXT_MAX))
                             : text;
}

static anycable_str or_none(const char *text) {
  return text ? anycable_str_of(text) : ac_str_empty();
}

static void put_time(struct writer *w) {
  char time[AC_LOG_TIME_SIZE];
  ac_log_time(time);
  put(w, "{\"time\":\"", 9);
  put(w, time, sizeof(time) - 1);
  put(w, "\"", 1);
}

size_t anycable_log_json(const anycable_log_record *record, char *out,
                         size_t size) {
  struct writer w = {out, out + size, size > 0};
  char text[48];
  if (!record || !out)
    return 0;
  put_time(&w);
  put_member(&w, "level", or_none(anycable_log_level_name(record->level)));
  put_member(&w, "message", or_none(record->message));
  put_member(&w, "method", or_none(record->method));
  put_member(&w, "sid", cut(record->sid));
  put_member(&w, "channel", cut(record->channel));
  put_member(&w, "status", or_none(record->status));
  if (record->duration_us >= 0)
    put(&w, text,
        (size_t)snprintf(text, sizeof(text), ",\"duration_us\":%" PRId64,
                         record->duration_us));
  put(&w, "}", 1);
  if (!w.fits)
    return 0;
  *w.at = '\0';
  return (size_t)(w.at - out);
}
