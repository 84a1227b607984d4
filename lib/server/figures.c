/* The figures of a server: collected from its parts, and as text. */
#include <anycable/metrics.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "rpc/app.h"
#include "rpc/stats.h"
#include "server/server.h"

struct family {
  const char *name;
  const char *help;
  const char *type;
};

/* Whom the figures are told. */
struct teller {
  void (*fn)(const anycable_metric *metric, void *ctx);
  void *ctx;
  const struct family *family;
};

static void tell_part(const struct teller *teller, const char *name,
                      const char *labels, double value) {
  const anycable_metric metric = {.size = sizeof(metric),
                                  .family = teller->family->name,
                                  .help = teller->family->help,
                                  .type = teller->family->type,
                                  .name = name,
                                  .labels = labels,
                                  .value = value};
  teller->fn(&metric, teller->ctx);
}

static void tell(const struct teller *teller, const char *labels,
                 uint64_t value) {
  tell_part(teller, teller->family->name, labels, (double)value);
}

/* --- calls ---------------------------------------------------------------- */

static uint64_t tell_calls(struct teller *teller,
                           const struct ac_rpc_stats *stats) {
  static const struct family family = {
      "anycable_rpc_calls_total", "Calls that have ended, and how.", "counter"};
  static const char *const kinds[AC_RPC_KINDS][2] = {
      [AC_RPC_CONNECT] = {"connect", ""},
      [AC_RPC_SUBSCRIBE] = {"command", "subscribe"},
      [AC_RPC_UNSUBSCRIBE] = {"command", "unsubscribe"},
      [AC_RPC_MESSAGE] = {"command", "message"},
      [AC_RPC_OTHER_COMMAND] = {"command", "other"},
      [AC_RPC_DISCONNECT] = {"disconnect", ""}};
  static const char *const ends[AC_RPC_ENDS] = {
      "error", "success", "failure", "expired", "refused", "cancelled"};
  char labels[96];
  uint64_t sum = 0;
  teller->family = &family;
  for (int kind = 0; kind < AC_RPC_KINDS; kind++)
    for (int end = 0; end < AC_RPC_ENDS; end++) {
      uint64_t n = ac_counted(&stats->calls[kind][end]);
      sum += n;
      snprintf(labels, sizeof(labels),
               "method=\"%s\",command=\"%s\",status=\"%s\"", kinds[kind][0],
               kinds[kind][1], ends[end]);
      tell(teller, labels, n);
    }
  return sum;
}

/* A duration in seconds, as |out|, whatever the locale. */
static void seconds(uint64_t ns, char *out, size_t size) {
  snprintf(out, size, "%" PRIu64 ".%09" PRIu64, ns / UINT64_C(1000000000),
           ns % UINT64_C(1000000000));
}

static void tell_durations(struct teller *teller,
                           const struct ac_rpc_stats *stats) {
  static const struct family family = {
      "anycable_rpc_duration_seconds",
      "From when a call was received until it was answered.", "histogram"};
  static const char bucket[] = "anycable_rpc_duration_seconds_bucket";
  char labels[64], le[32];
  uint64_t sum = 0;
  teller->family = &family;
  for (int i = 0; i < AC_RPC_BUCKETS; i++) {
    sum += ac_counted(&stats->durations[i]);
    seconds(ac_rpc_bucket[i], le, sizeof(le));
    le[strlen(le) - 4] = '\0'; /* tens of microseconds */
    snprintf(labels, sizeof(labels), "le=\"%s\"", le);
    tell_part(teller, bucket, labels, (double)sum);
  }
  sum += ac_counted(&stats->durations[AC_RPC_BUCKETS]);
  tell_part(teller, bucket, "le=\"+Inf\"", (double)sum);
  tell_part(teller, "anycable_rpc_duration_seconds_sum", "",
            (double)ac_counted(&stats->time) / 1e9);
  tell_part(teller, "anycable_rpc_duration_seconds_count", "", (double)sum);
}

static void tell_rpc(struct teller *teller, anycable_server *server) {
  static const struct family families[] = {
      {"anycable_rpc_in_flight", "Calls under way.", "gauge"},
      {"anycable_rpc_queued", "Calls that wait for a worker.", "gauge"},
      {"anycable_rpc_deferred", "Calls that are deferred.", "gauge"}};
  const struct ac_rpc_stats *stats = ac_rpc_stats(server->rpc);
  uint64_t values[3];
  uint64_t ended = tell_calls(teller, stats);
  uint64_t began = ac_counted(&stats->began);
  tell_durations(teller, stats);
  values[0] = began > ended ? began - ended : 0;
  ac_rpc_waiting(server->rpc, &values[1], &values[2]);
  for (int i = 0; i < 3; i++) {
    teller->family = &families[i];
    tell(teller, "", values[i]);
  }
}

/* --- connections ---------------------------------------------------------- */

static void tell_traffic(struct teller *teller, const anycable_server *server) {
  static const struct family families[] = {
      {"anycable_connections_total", "Connections that were made.", "counter"},
      {"anycable_connections", "Connections that are open.", "gauge"},
      {"anycable_received_bytes_total", "Bytes that came.", "counter"},
      {"anycable_sent_bytes_total", "Bytes that went.", "counter"}};
  static const struct ac_traffic none;
  const struct ac_traffic *h2 = ac_h2_traffic(server->h2);
  const struct ac_traffic *http1 =
      server->http1 ? ac_http1_traffic(server->http1) : &none;
  for (int i = 0; i < 4; i++) {
    teller->family = &families[i];
    for (int http = 0; http < 2; http++) {
      const struct ac_traffic *of = http ? http1 : h2;
      const uint64_t values[] = {
          ac_counted(&of->opened),
          ac_counted(&of->opened) - ac_counted(&of->closed),
          ac_counted(&of->received), ac_counted(&of->sent)};
      tell(teller, http ? "protocol=\"http1\"" : "protocol=\"http2\"",
           values[i]);
    }
  }
}

static void tell_errors(struct teller *teller, const anycable_server *server) {
  static const struct family family = {
      "anycable_http_errors_total",
      "Requests by HTTP that were answered with 400 and above.", "counter"};
  teller->family = &family;
  tell(teller, "protocol=\"http2\"", ac_counted(&server->http2_errors));
  tell(teller, "protocol=\"http1\"", ac_http1_errors(server->http1));
}

static void tell_refused(struct teller *teller, const anycable_server *server) {
  static const struct family family = {
      "anycable_connections_refused_total",
      "Connections that were closed at once, as there were too many.",
      "counter"};
  teller->family = &family;
  tell(teller, "", ac_counted(&server->refused_ever));
}

/* --- broadcasts ----------------------------------------------------------- */

static void tell_broadcasts(struct teller *teller, const anycable_app *app) {
  static const struct family families[] = {
      {"anycable_broadcasts_total", "Messages that were published, by fate.",
       "counter"},
      {"anycable_broadcasts_queued", "Messages that wait.", "gauge"},
      {"anycable_broadcasts_refused_total",
       "Messages that were not taken, as there was no room.", "counter"}};
  anycable_broadcast_counts sum = {.size = 0};
  for (size_t i = 0; i < app->n_broadcasters; i++) {
    anycable_broadcast_counts one = {.size = sizeof(one)};
    if (anycable_broadcaster_counts(app->broadcasters[i], &one))
      continue;
    sum.published += one.published;
    sum.failed += one.failed;
    sum.dropped += one.dropped;
    sum.unknown += one.unknown;
    sum.queued += one.queued;
    sum.refused += one.refused;
  }
  teller->family = &families[0];
  tell(teller, "fate=\"published\"", sum.published);
  tell(teller, "fate=\"failed\"", sum.failed);
  tell(teller, "fate=\"dropped\"", sum.dropped);
  tell(teller, "fate=\"unknown\"", sum.unknown);
  teller->family = &families[1];
  tell(teller, "", sum.queued);
  teller->family = &families[2];
  tell(teller, "", sum.refused);
}

void anycable_server_metrics(anycable_server *server,
                             void (*fn)(const anycable_metric *metric,
                                        void *ctx),
                             void *ctx) {
  struct teller teller = {fn, ctx, NULL};
  if (!server || !fn)
    return;
  tell_rpc(&teller, server);
  tell_traffic(&teller, server);
  tell_errors(&teller, server);
  tell_refused(&teller, server);
  tell_broadcasts(&teller, server->app);
}

/* --- as text -------------------------------------------------------------- */

struct text {
  struct ac_buffer buffer;
  const char *family; /* the last one */
  bool failed;
};

/* A line, or two more in front of it where a family begins. */
static void write_line(const anycable_metric *metric, void *ctx) {
  struct text *text = ctx;
  enum { ROOM = 512 };
  char number[40];
  char *at = ac_buffer_reserve(&text->buffer, ROOM);
  int len = 0;
  if (!at) {
    text->failed = true;
    return;
  }
  uint64_t whole = (uint64_t)metric->value;
  uint64_t billionths = (uint64_t)((metric->value - (double)whole) * 1e9);
  if (billionths)
    seconds(whole * UINT64_C(1000000000) + billionths, number, sizeof(number));
  else
    snprintf(number, sizeof(number), "%" PRIu64, whole);
  if (metric->family != text->family)
    len = snprintf(at, ROOM, "# HELP %s %s\n# TYPE %s %s\n", metric->family,
                   metric->help, metric->family, metric->type);
  len += snprintf(at + len, ROOM - (size_t)len,
                  *metric->labels ? "%s{%s} %s\n" : "%s%s %s\n", metric->name,
                  metric->labels, number);
  text->family = metric->family;
  ac_buffer_commit(&text->buffer, (size_t)len);
}

anycable_str ac_server_figures(void *owner, struct ac_arena *arena) {
  struct text text = {{0}, NULL, false};
  anycable_server_metrics(owner, write_line, &text);
  anycable_str copy = ac_str(NULL, 0);
  if (!text.failed)
    copy = ac_arena_copy(arena,
                         ac_str(text.buffer.data, ac_buffer_len(&text.buffer)));
  ac_buffer_deinit(&text.buffer);
  return copy;
}
