/* A server's figures, for whoever watches it. They are served as text as well,
 * in the form that Prometheus reads, where HTTP is: GET /metrics. */
#ifndef ANYCABLE_METRICS_H
#define ANYCABLE_METRICS_H

#include <anycable/server.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One figure. */
typedef struct anycable_metric {
  size_t size; /* of this struct, in the library that runs */

  /* "anycable_rpc_calls_total", what that is in words, and "counter", "gauge"
   * or "histogram". Figures of one family come one behind the other. */
  const char *family;
  const char *help;
  const char *type;

  /* The family's name, but for histograms, where "_bucket", "_sum" or "_count"
   * is behind it. */
  const char *name;

  /* As Prometheus writes them: method="command",status="success". Empty where
   * there is one figure of this name. */
  const char *labels;

  double value;
} anycable_metric;

/** Calls |fn| with each of the server's figures, and those of its application's
 *  broadcasters: calls by method, command and status, how long they took, how
 *  many are under way, wait for a worker or are deferred; connections, bytes;
 *  messages that were published, by fate. Nothing is counted from zero again;
 *  counting takes no lock, so that figures may be of slightly different times.
 *  Threads: any, while |server| is not freed; not from a log function.
 *  Ownership: what |fn| is given is borrowed until it returns. It must not call
 *  functions that take an object of the library. */
ANYCABLE_EXTERN void
anycable_server_metrics(anycable_server *server,
                        void (*fn)(const anycable_metric *metric, void *ctx),
                        void *ctx);

#ifdef __cplusplus
}
#endif

#endif
