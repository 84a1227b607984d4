/* HTTP RPC in an HTTP server of the host's own: AnyCable's WebSocket server
 * calls that, started with --rpc_host=http://HOST/MOUNT_PATH, and the host
 * passes on what it is asked. Health and metrics are to be had as well.
 *
 *     anycable_config_set_rpc_host(config, "none");      // no gRPC
 *     anycable_config_set(config, ANYCABLE_SETTING_HTTP_RPC_MOUNT_PATH,
 *                         "/_anycable");
 *
 * The server runs as any other: calls go through its workers, queue, deadlines
 * and interceptors. */
#ifndef ANYCABLE_HTTP_H
#define ANYCABLE_HTTP_H

#include <anycable/server.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct anycable_http_header {
  anycable_str name; /* in whatever case */
  anycable_str value;
} anycable_http_header;

/* A request. In C: {.size = sizeof(anycable_http_request), ...}. */
typedef struct anycable_http_request {
  size_t size; /* sizeof(anycable_http_request), so that it can grow */

  anycable_str method; /* "POST" */
  anycable_str path;   /* with the mount path; a query is ignored */
  const anycable_http_header *headers;
  size_t header_count;
  anycable_str body; /* all of it */
} anycable_http_request;

/* An answer. Its length is the body's. */
typedef struct anycable_http_response {
  size_t size; /* of this struct, in the library that runs */

  int status;
  const anycable_http_header *headers; /* such as Content-Type */
  size_t header_count;
  anycable_str body;
} anycable_http_response;

/** Serves a request: AnyCable's calls behind
 *  ANYCABLE_SETTING_HTTP_RPC_MOUNT_PATH, where they need the key of
 *  ANYCABLE_SETTING_HTTP_RPC_SECRET; and health and metrics. |answer| is called
 *  once. 503 says that too many calls wait, or that the server does not serve
 *  (yet, or any more); 504 that the time of the call has passed.
 *  Returns: ANYCABLE_OK; ANYCABLE_ERR_INVALID for a NULL argument or a
 *  |request| without a size; ANYCABLE_ERR_NOMEM; ANYCABLE_ERR_FORKED. Then
 *  |answer| is not called.
 *  Threads: any, from a handler too. |answer| runs on the server's I/O thread,
 *  which it must not hold up, or on the calling one before this returns. It
 *  must not stop or free the server.
 *  Ownership: |request| is copied; |ctx| is borrowed until |answer| is called,
 *  which is at the latest in anycable_server_free(); its response is borrowed
 *  until it returns. */
ANYCABLE_EXTERN int anycable_server_http(
    anycable_server *server, const anycable_http_request *request,
    void (*answer)(const anycable_http_response *response, void *ctx),
    void *ctx);

#ifdef __cplusplus
}
#endif

#endif
