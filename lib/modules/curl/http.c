#include "modules/curl/http.h"

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AUTHORIZATION "Authorization: Bearer "

static void init_library(void) {
  curl_global_init(CURL_GLOBAL_DEFAULT);
}

/* --- what is allowed ------------------------------------------------------ */

static bool has_part(CURLU *parts, CURLUPart part) {
  char *text = NULL;
  bool has = curl_url_get(parts, part, &text, 0) == CURLUE_OK;
  curl_free(text);
  return has;
}

static bool is_http(CURLU *parts) {
  char *scheme = NULL;
  bool is = curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
            (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0);
  curl_free(scheme);
  return is;
}

/* A line's end in a header would begin one of its own. */
static bool is_header_text(const char *text) {
  for (; *text; text++) {
    if (*text < ' ' || *text > '~')
      return false;
  }
  return true;
}

static const char *check_parts(CURLU *parts, const char *url, const char *key) {
  if (curl_url_set(parts, CURLUPART_URL, url, 0) != CURLUE_OK)
    return "the URL makes no sense";
  if (!is_http(parts))
    return "the URL begins with neither http:// nor https://";
  if (key && has_part(parts, CURLUPART_USER))
    return "the URL has a user, although there is a key";
  if (key && !is_header_text(key))
    return "the key has a character that is not printable ASCII";
  return NULL;
}

const char *ac_http_check(const char *url, const char *key) {
  CURLU *parts = curl_url();
  const char *wrong = parts ? check_parts(parts, url, key) : "out of memory";
  curl_url_cleanup(parts);
  return wrong;
}

/* --- setting up ----------------------------------------------------------- */

static bool add_header(struct ac_http *http, const char *header) {
  struct curl_slist *headers = curl_slist_append(http->headers, header);
  if (headers)
    http->headers = headers;
  return headers != NULL;
}

static bool add_key(struct ac_http *http, const char *key) {
  size_t size = sizeof(AUTHORIZATION) + strlen(key);
  char *header = malloc(size);
  if (!header)
    return false;
  snprintf(header, size, AUTHORIZATION "%s", key);
  bool added = add_header(http, header);
  explicit_bzero(header, size);
  free(header);
  return added;
}

/* An empty "Expect" keeps libcurl from asking whether it may send much. */
static bool add_headers(struct ac_http *http, const char *key) {
  return add_header(http, "Content-Type: application/json") &&
         add_header(http, "Expect:") && (!key || add_key(http, key));
}

static size_t receive(char *data, size_t size, size_t count, void *arg) {
  struct ac_http *http = arg;
  size_t len = size * count;
  if (len > http->most - http->received) {
    http->too_long = true;
    return 0;
  }
  if (http->keep) {
    char *body = realloc(http->body, http->received + len + 1);
    if (!body)
      return 0;
    memcpy(body + http->received, data, len);
    body[http->received + len] = '\0';
    http->body = body;
  }
  http->received += len;
  return len;
}

/* No redirects, which would take the key elsewhere, and no proxy of the
 * environment's. Certificates are checked, as is the default. */
static void set_options(struct ac_http *http, int64_t connect_timeout) {
  CURL *easy = http->easy;
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
  curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
  curl_easy_setopt(easy, CURLOPT_PROXY, "");
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)connect_timeout);
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
#if LIBCURL_VERSION_NUM >= 0x075700
  /* Or a name lookup would be waited for, whatever the time is. */
  curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
#endif
  curl_easy_setopt(easy, CURLOPT_USERAGENT,
                   "libanycable/" ANYCABLE_VERSION_STRING);
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, http->headers);
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, http->error);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, receive);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, http);
}

bool ac_http_init(struct ac_http *http, const char *key,
                  int64_t connect_timeout) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, init_library);
  memset(http, 0, sizeof(*http));
  http->multi = curl_multi_init();
  http->easy = curl_easy_init();
  if (!http->multi || !http->easy || !add_headers(http, key))
    return false;
  set_options(http, connect_timeout);
  return true;
}

void ac_http_deinit(struct ac_http *http) {
  curl_easy_cleanup(http->easy);
  if (http->multi)
    curl_multi_cleanup(http->multi);
  curl_slist_free_all(http->headers);
  free(http->body);
}

/* --- one request ---------------------------------------------------------- */

static void set_request(struct ac_http *http,
                        const struct ac_http_request *request) {
  CURL *easy = http->easy;
  free(http->body);
  http->body = NULL;
  http->received = 0;
  http->too_long = false;
  http->most = request->most;
  http->keep = request->keep;
  http->error[0] = '\0';
  curl_easy_setopt(easy, CURLOPT_URL, request->url);
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)request->timeout);
  if (!request->body) {
    curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
    return;
  }
  curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->body);
  curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->len);
}

static bool is_readable(int fd) {
  struct pollfd end = {fd, POLLIN, 0};
  return fd >= 0 && poll(&end, 1, 0) > 0;
}

/* Until it is done; false if it was ended. */
static bool perform(struct ac_http *http, int end_fd) {
  struct curl_waitfd end = {end_fd, CURL_WAIT_POLLIN, 0};
  for (;;) {
    int running = 0;
    if (curl_multi_perform(http->multi, &running) != CURLM_OK || !running)
      return true;
    if (is_readable(end_fd))
      return false;
    curl_multi_poll(http->multi, &end, end_fd >= 0, 1000, NULL);
  }
}

static CURLcode outcome(struct ac_http *http) {
  int left;
  const CURLMsg *message = curl_multi_info_read(http->multi, &left);
  return message && message->msg == CURLMSG_DONE ? message->data.result
                                                 : CURLE_FAILED_INIT;
}

static void fill_in(struct ac_http *http, CURLcode code,
                    struct ac_http_result *result) {
  long request_size = 0;
  curl_easy_getinfo(http->easy, CURLINFO_RESPONSE_CODE, &result->status);
  curl_easy_getinfo(http->easy, CURLINFO_REQUEST_SIZE, &request_size);
  if (result->status < 200) /* "100 Continue" is no answer */
    result->status = 0;
  result->sent = request_size > 0;
  result->whole = code == CURLE_OK;
  result->timeout = code == CURLE_OPERATION_TIMEDOUT;
  result->too_long = http->too_long;
  result->no_memory = code == CURLE_OUT_OF_MEMORY ||
                      (code == CURLE_WRITE_ERROR && !http->too_long);
  snprintf(result->reason, sizeof(result->reason), "%s",
           http->error[0] ? http->error : curl_easy_strerror(code));
}

void ac_http_run(struct ac_http *http, const struct ac_http_request *request,
                 struct ac_http_result *result) {
  memset(result, 0, sizeof(*result));
  set_request(http, request);
  if (curl_multi_add_handle(http->multi, http->easy) != CURLM_OK) {
    snprintf(result->reason, sizeof(result->reason), "out of memory");
    return;
  }
  result->ended = !perform(http, request->end_fd);
  fill_in(http, result->ended ? CURLE_ABORTED_BY_CALLBACK : outcome(http),
          result);
  curl_multi_remove_handle(http->multi, http->easy);
}
