/* What is served over HTTP: the calls of AnyCable, as JSON; whether the server
 * is ready; and its figures. */
#ifndef AC_HTTP_SERVICE_H
#define AC_HTTP_SERVICE_H

#include "base/counter.h"
#include "base/log.h"
#include "base/runtime.h"
#include "http/http.h"
#include "http/json.h"
#include "rpc/rpc.h"

struct ac_http_service {
  const char *mount;   /* "/_anycable"; NULL: no calls */
  const char *key;     /* that calls bring as their Bearer; NULL: none */
  const char *health;  /* a path; NULL: none */
  const char *metrics; /* likewise */
  struct ac_http_json_limits limits;
  uint64_t call_time; /* ns: AnyCable tells none over HTTP */
  struct ac_rpc *rpc;
  struct ac_runtime runtime;
  void *owner; /* for the functions below */
  bool (*is_ready)(void *owner);
  /* The figures as text. Its ptr is NULL without memory. */
  anycable_str (*figures)(void *owner, struct ac_arena *arena);
};

/* Is |path|, with or without a query, one that is served? */
bool ac_http_mounted(const struct ac_http_service *service, anycable_str path);

/* Answers an exchange with |status| and, but for 200, its name as the body. For
 * bearers too, before they have it served. */
void ac_http_refuse(struct ac_http_exchange *exchange, int status);

/* For bearers, of an answer of 400 and above: counts it, and tells the log. */
void ac_http_tell_error(const struct ac_http_response *response,
                        const char *peer, ac_counter *errors,
                        const struct ac_log *log, int level);

#endif
