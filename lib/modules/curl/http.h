/* Requests by HTTP: one at a time, over one connection that is kept. */
#ifndef AC_CURL_HTTP_H
#define AC_CURL_HTTP_H

#include <anycable/version.h>
#include <curl/curl.h>

struct ac_http {
  CURLM *multi;
  CURL *easy;
  struct curl_slist *headers;
  char error[CURL_ERROR_SIZE];
  char *body;      /* of the answer, with a NUL; NULL if it is not kept */
  size_t received; /* how long it is */
  size_t most;     /* how long it may be */
  bool keep;
  bool too_long; /* it is longer */
};

struct ac_http_request {
  const char *url;
  const char *body; /* JSON, to POST; NULL: GET */
  size_t len;
  int64_t timeout; /* ms, all in all */
  int end_fd;      /* readable: end it now; -1: none */
  size_t most;     /* how long the answer's body may be, */
  bool keep;       /* and whether it is of interest */
};

/* What came of it. */
struct ac_http_result {
  long status; /* of the answer, 0 if there was none */
  bool whole;  /* all of the answer has come */
  bool sent;   /* the other side may have the request */
  bool ended;  /* by |end_fd| */
  bool timeout;
  bool too_long; /* the body */
  bool no_memory;
  char reason[CURL_ERROR_SIZE]; /* if there was no answer, or not all of it */
};

/* Sets |http| up; |key|, if not NULL, is sent along with every request. False
 * if there is no memory. It is to be deinitialised in any case. */
bool ac_http_init(struct ac_http *http, const char *key,
                  int64_t connect_timeout);
void ac_http_deinit(struct ac_http *http);

void ac_http_run(struct ac_http *http, const struct ac_http_request *request,
                 struct ac_http_result *result);

/* NULL if requests can be made to |url|, with |key| (or NULL), else what is
 * wrong with them. */
const char *ac_http_check(const char *url, const char *key);

#endif
