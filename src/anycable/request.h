/* The request of `anycable call`, put together from a file and from flags. */
#ifndef TOOL_REQUEST_H
#define TOOL_REQUEST_H

#include "args.h"
#include "message.h"

enum { CONNECT, COMMAND, DISCONNECT, METHOD_COUNT };

struct request_method {
  const char *name, *path;
  const ProtobufCMessageDescriptor *request, *answer;
};

extern const struct request_method request_methods[METHOD_COUNT];

/* The flags that set a field. */
enum {
  REQUEST_URL,
  REQUEST_HEADER,
  REQUEST_CSTATE,
  REQUEST_ISTATE,
  REQUEST_IDENTIFIERS,
  REQUEST_COMMAND,
  REQUEST_IDENTIFIER,
  REQUEST_DATA,
  REQUEST_SUBSCRIPTION,
  REQUEST_CHANNEL, /* --identifier with less to type */
  REQUEST_FLAGS_END
};

struct request_flag {
  const struct flag *flag;
  const char *value;
};

/* The request of |method| that |file| (NULL: none) and |flags| describe; flags
 * win. NULL: the mistake has been told. Free with message_free(). */
ProtobufCMessage *request_new(struct args *args, int method, const char *file,
                              const struct request_flag *flags, size_t count);

#endif
