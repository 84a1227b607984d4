/* AnyCable's REST API. */
#include <anycable/curl.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "modules/curl/http.h"
#include "modules/curl/text.h"

enum {
  CONNECT_TIME = 2000, /* ms */
  TIME = 5000,
  MOST_ANSWER = 4 * 1024 * 1024
};

struct anycable_api {
  struct ac_http http;
  char *url; /* without slashes at its end */
  int64_t timeout;
  char error[512];
};

static int fail(anycable_api *api, int error, const char *reason) {
  snprintf(api->error, sizeof(api->error), "%s", reason);
  return error;
}

static int no_memory(anycable_api *api) {
  return fail(api, ANYCABLE_ERR_NOMEM, "out of memory");
}

/* --- setting up ----------------------------------------------------------- */

static char *copy_url(const char *url) {
  size_t len = strlen(url);
  while (len > 0 && url[len - 1] == '/')
    len--;
  return strndup(url, len);
}

int anycable_api_new(anycable_api **out, const char *url, const char *key) {
  if (!out)
    return ANYCABLE_ERR_INVALID;
  *out = NULL;
  if (!url || ac_http_check(url, key))
    return ANYCABLE_ERR_INVALID;
  anycable_api *api = calloc(1, sizeof(*api));
  if (!api)
    return ANYCABLE_ERR_NOMEM;
  api->timeout = TIME;
  api->url = copy_url(url);
  if (!ac_http_init(&api->http, key, CONNECT_TIME) || !api->url) {
    anycable_api_free(api);
    return ANYCABLE_ERR_NOMEM;
  }
  *out = api;
  return ANYCABLE_OK;
}

void anycable_api_free(anycable_api *api) {
  if (!api)
    return;
  ac_http_deinit(&api->http);
  if (api->url) /* it may hold a password */
    explicit_bzero(api->url, strlen(api->url));
  free(api->url);
  free(api);
}

int anycable_api_set_timeout(anycable_api *api, int64_t ms) {
  if (ms <= 0 || ms > INT32_MAX)
    return fail(api, ANYCABLE_ERR_INVALID, "the time must be positive");
  api->timeout = ms;
  return ANYCABLE_OK;
}

const char *anycable_api_error(const anycable_api *api) {
  return api->error;
}

/* --- requests ------------------------------------------------------------- */

static int answered(anycable_api *api, long status) {
  const char *hint = "";
  char reason[128];
  if (status == 401)
    hint = ": the key is wrong";
  else if (status == 404)
    hint = ": there is no API at this URL";
  else if (status == 501)
    hint = ": the server cannot do that as it is configured";
  else if (status >= 300 && status < 400)
    hint = ": redirects are refused";
  snprintf(reason, sizeof(reason), "the answer was %ld%s", status, hint);
  return fail(api, ANYCABLE_ERR_FAILED, reason);
}

static int interpret(anycable_api *api, const struct ac_http_result *result) {
  if (result->status >= 300)
    return answered(api, result->status);
  if (result->whole)
    return ANYCABLE_OK;
  if (result->no_memory)
    return no_memory(api);
  if (result->too_long)
    return fail(api, ANYCABLE_ERR_LIMIT, "the answer is larger than 4 MiB");
  if (result->timeout)
    return fail(api, ANYCABLE_ERR_TIMEOUT, result->reason);
  return fail(api, ANYCABLE_ERR_UNAVAILABLE, result->reason);
}

/* Requests |path|; with |body|, a POST. */
static int request(anycable_api *api, const char *path,
                   const struct ac_text *body) {
  struct ac_text url = {0};
  struct ac_http_result result;
  ac_text_add(&url, anycable_str_of(api->url));
  ac_text_add(&url, anycable_str_of(path));
  const struct ac_http_request request = {.url = url.ptr,
                                          .body = body ? body->ptr : NULL,
                                          .len = body ? body->len : 0,
                                          .timeout = api->timeout,
                                          .end_fd = -1,
                                          .most = MOST_ANSWER,
                                          .keep = true};
  api->error[0] = '\0';
  if (!url.failed)
    ac_http_run(&api->http, &request, &result);
  free(url.ptr);
  return url.failed ? no_memory(api) : interpret(api, &result);
}

int anycable_api_publish(anycable_api *api, anycable_str stream,
                         anycable_str json) {
  struct ac_text body = {0};
  if (stream.len == 0 || json.len == 0)
    return fail(api, ANYCABLE_ERR_INVALID,
                "the stream or the message is empty");
  ac_text_add(&body, ANYCABLE_STR("{\"stream\":"));
  ac_text_quote(&body, stream);
  ac_text_add(&body, ANYCABLE_STR(",\"data\":"));
  ac_text_quote(&body, json);
  ac_text_add(&body, ANYCABLE_STR("}"));
  int rc = body.failed ? no_memory(api) : request(api, "/publish", &body);
  free(body.ptr);
  return rc;
}

/* AnyCable looks for the name between two slashes, after decoding the path. */
static const char *check_stream(anycable_str stream) {
  if (stream.len == 0 || stream.len > 4096)
    return "the name of the stream is empty, or longer than 4096 bytes";
  if (memchr(stream.ptr, '/', stream.len))
    return "AnyCable cannot be asked about a stream whose name has a slash";
  return NULL;
}

static char *users_path(anycable_api *api, anycable_str stream) {
  struct ac_text path = {0};
  char *name = curl_easy_escape(api->http.easy, stream.ptr, (int)stream.len);
  if (!name)
    return NULL;
  ac_text_add(&path, ANYCABLE_STR("/presence/"));
  ac_text_add(&path, anycable_str_of(name));
  ac_text_add(&path, ANYCABLE_STR("/users"));
  curl_free(name);
  if (!path.failed)
    return path.ptr;
  free(path.ptr);
  return NULL;
}

int anycable_api_users(anycable_api *api, anycable_str stream, char **out) {
  *out = NULL;
  const char *wrong = check_stream(stream);
  if (wrong)
    return fail(api, ANYCABLE_ERR_INVALID, wrong);
  char *path = users_path(api, stream);
  if (!path)
    return no_memory(api);
  int rc = request(api, path, NULL);
  free(path);
  if (rc)
    return rc;
  *out = api->http.body ? api->http.body : strdup("");
  api->http.body = NULL;
  return *out ? ANYCABLE_OK : no_memory(api);
}
