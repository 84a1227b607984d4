/* A service with an HTTP server of its own, here libmicrohttpd: AnyCable calls
 * that, and the service passes on what it is asked.
 *
 *     build/examples/mount_microhttpd 8081
 *     anycable-go --rpc_host=http://localhost:8081/_anycable */
#include "mount.h"

#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 1 << 20 }; /* bytes of a body; AnyCable's are far smaller */

/* A request: libmicrohttpd calls with it again and again, as it comes. */
typedef struct request {
  char *body;
  size_t len;
  anycable_http_header headers[64];
  size_t header_count;
} request;

static enum MHD_Result add_header(void *ctx, enum MHD_ValueKind kind,
                                  const char *name, const char *value) {
  request *r = ctx;
  (void)kind;
  if (r->header_count < 64)
    r->headers[r->header_count++] =
        (anycable_http_header){anycable_str_of(name), anycable_str_of(value)};
  return MHD_YES;
}

/* On a thread of the library's, perhaps before anycable_server_http() returns:
 * the connection was put aside before. */
static void answer(const anycable_http_response *response, void *ctx) {
  struct MHD_Connection *connection = ctx;
  struct MHD_Response *out = MHD_create_response_from_buffer(
      response->body.len, (void *)response->body.ptr, MHD_RESPMEM_MUST_COPY);
  for (size_t i = 0; i < response->header_count; i++)
    MHD_add_response_header(out, response->headers[i].name.ptr,
                            response->headers[i].value.ptr);
  MHD_queue_response(connection, (unsigned)response->status, out);
  MHD_destroy_response(out);
  MHD_resume_connection(connection);
}

static enum MHD_Result handle(void *ctx, struct MHD_Connection *connection,
                              const char *path, const char *method,
                              const char *version, const char *part,
                              size_t *len, void **state) {
  request *r = *state;
  (void)version;
  if (!r)
    return (*state = calloc(1, sizeof *r)) ? MHD_YES : MHD_NO;
  if (*len > 0) { /* a part of the body */
    char *more = r->len + *len <= MOST ? realloc(r->body, r->len + *len) : NULL;
    if (!more)
      return MHD_NO;
    memcpy(more + r->len, part, *len);
    r->body = more;
    r->len += *len;
    *len = 0;
    return MHD_YES;
  }
  MHD_get_connection_values(connection, MHD_HEADER_KIND, add_header, r);
  const anycable_http_request asked = {.size = sizeof asked,
                                       .method = anycable_str_of(method),
                                       .path = anycable_str_of(path),
                                       .headers = r->headers,
                                       .header_count = r->header_count,
                                       .body = {r->body, r->len}};
  MHD_suspend_connection(connection);
  int error = anycable_server_http(ctx, &asked, answer, connection);
  return error ? MHD_NO : MHD_YES;
}

static void forget(void *ctx, struct MHD_Connection *connection, void **state,
                   enum MHD_RequestTerminationCode how) {
  request *r = *state;
  (void)ctx, (void)connection, (void)how;
  free(r ? r->body : NULL);
  free(r);
}

int main(int argc, char **argv) {
  uint16_t port = (uint16_t)(argc > 1 ? atoi(argv[1]) : 8081);
  anycable_server *server = mount_server();
  struct MHD_Daemon *web = MHD_start_daemon(
      MHD_USE_INTERNAL_POLLING_THREAD | MHD_ALLOW_SUSPEND_RESUME, port, NULL,
      NULL, handle, server, MHD_OPTION_NOTIFY_COMPLETED, forget, NULL,
      MHD_OPTION_END);
  if (!server || !web)
    return 1;
  mount_wait(MHD_get_daemon_info(web, MHD_DAEMON_INFO_BIND_PORT)->port);
  anycable_server_stop(server, 10000);
  MHD_stop_daemon(web);
  anycable_server_free(server);
}
