/* What has come back of one call: headers, messages, trailers, the end. The
 * client feeds it from HTTP/2; at the end it knows the gRPC status. */
#ifndef TOOL_GRPC_ANSWER_H
#define TOOL_GRPC_ANSWER_H

#include "grpc_client.h"

struct grpc_answer {
  grpc_message_fn on_message;
  void *ctx;

  int http_status;
  char content_type[128];
  int code; /* of grpc-status; one of those below where there is none */
  char message[ERROR_SIZE];

  uint8_t *data; /* the message that is being received, prefix and all */
  size_t len, size;

  bool ended; /* |status| is final */
  struct grpc_status status;
};

enum { ANSWER_NO_STATUS = -1, ANSWER_BAD_STATUS = -2 };

void grpc_answer_init(struct grpc_answer *answer, const struct grpc_call *call);
void grpc_answer_deinit(struct grpc_answer *answer);

/* A block of headers or trailers begins; one header of it; its end. */
void grpc_answer_begin_headers(struct grpc_answer *answer);
void grpc_answer_header(struct grpc_answer *answer, const char *name,
                        const char *value);
void grpc_answer_end_headers(struct grpc_answer *answer, bool end_stream);

void grpc_answer_data(struct grpc_answer *answer, const uint8_t *data,
                      size_t len);

/* The server has said all it wanted to: the status follows from the above. */
void grpc_answer_end(struct grpc_answer *answer);

/* It ended otherwise; without effect where it has ended already. */
void grpc_answer_fail(struct grpc_answer *answer, int code, const char *format,
                      ...) ANYCABLE_PRINTF(3, 4);

#endif
