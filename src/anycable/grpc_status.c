/* The names of the codes, and how those of HTTP and HTTP/2 become them. */
#include "grpc_status.h"

#include <nghttp2/nghttp2.h>
#include <stdarg.h>

static const char *const names[] = {"OK",
                                    "CANCELLED",
                                    "UNKNOWN",
                                    "INVALID_ARGUMENT",
                                    "DEADLINE_EXCEEDED",
                                    "NOT_FOUND",
                                    "ALREADY_EXISTS",
                                    "PERMISSION_DENIED",
                                    "RESOURCE_EXHAUSTED",
                                    "FAILED_PRECONDITION",
                                    "ABORTED",
                                    "OUT_OF_RANGE",
                                    "UNIMPLEMENTED",
                                    "INTERNAL",
                                    "UNAVAILABLE",
                                    "DATA_LOSS",
                                    "UNAUTHENTICATED"};

bool grpc_status_set(struct grpc_status *status, int code, const char *format,
                     ...) {
  va_list list;

  status->code = code;
  va_start(list, format);
  vsnprintf(status->message, sizeof status->message, format, list);
  va_end(list);
  return false;
}

int grpc_code_of_http(int http_status) {
  switch (http_status) {
  case 400:
    return GRPC_INTERNAL;
  case 401:
    return GRPC_UNAUTHENTICATED;
  case 403:
    return GRPC_PERMISSION_DENIED;
  case 404:
    return GRPC_UNIMPLEMENTED;
  case 429:
  case 502:
  case 503:
  case 504:
    return GRPC_UNAVAILABLE;
  default:
    return GRPC_UNKNOWN;
  }
}

int grpc_code_of_reset(unsigned error_code) {
  switch (error_code) {
  case NGHTTP2_REFUSED_STREAM:
    return GRPC_UNAVAILABLE;
  case NGHTTP2_CANCEL:
    return GRPC_CANCELLED;
  case NGHTTP2_ENHANCE_YOUR_CALM:
    return GRPC_RESOURCE_EXHAUSTED;
  case NGHTTP2_INADEQUATE_SECURITY:
    return GRPC_PERMISSION_DENIED;
  default:
    return GRPC_INTERNAL;
  }
}

void grpc_status_print(FILE *out, const struct grpc_status *status) {
  int count = (int)(sizeof names / sizeof names[0]);

  if (status->code >= 0 && status->code < count)
    fputs(names[status->code], out);
  else
    fprintf(out, "STATUS %d", status->code);
  if (status->message[0])
    fputs(": ", out);
  text_print_safe(out, status->message);
  fputc('\n', out);
}
