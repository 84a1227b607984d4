/* ADDRESS on the command line: host:port, [v6]:port or unix:/path. */
#ifndef TOOL_ADDRESS_H
#define TOOL_ADDRESS_H

#include <stdbool.h>

struct address {
  const char *text; /* as it was written, borrowed; for messages */
  const char *path; /* of a Unix socket; NULL otherwise */
  char host[256];   /* without brackets; "localhost" for a Unix socket */
  char port[6];
};

#define ADDRESS_FORMS "host:port, [v6]:port or unix:/path"

/* False where |text| is none of the forms above; |text| is borrowed. */
bool address_parse(struct address *out, const char *text);

/* True where the host is an IP address and not a name. */
bool address_is_ip(const struct address *address);

#endif
