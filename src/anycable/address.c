/* Parses ADDRESS; knows nothing of sockets. */
#include "address.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

static bool parse_unix(struct address *out, const char *path) {
  struct sockaddr_un un;

  /* gRPC writes unix:/path and unix:///path for the same. */
  if (strncmp(path, "//", 2) == 0)
    path += 2;
  if (path[0] == '\0' || strlen(path) >= sizeof un.sun_path)
    return false;
  out->path = path;
  strcpy(out->host, "localhost");
  return true;
}

static bool parse_port(struct address *out, const char *port) {
  size_t len = strlen(port);

  if (len == 0 || len >= sizeof out->port || strspn(port, "0123456789") != len)
    return false;
  strcpy(out->port, port);
  return atoi(port) >= 1 && atoi(port) <= 65535;
}

bool address_parse(struct address *out, const char *text) {
  const char *host = text, *end;

  memset(out, 0, sizeof *out);
  out->text = text;
  if (strncmp(text, "unix:", 5) == 0)
    return parse_unix(out, text + 5);

  if (text[0] == '[') {
    host++;
    end = strchr(host, ']');
    if (!end || end[1] != ':' || !parse_port(out, end + 2))
      return false;
  } else {
    /* A second colon is an IPv6 address without brackets, or a URL. */
    end = strchr(host, ':');
    if (!end || !parse_port(out, end + 1))
      return false;
  }
  if ((size_t)(end - host) >= sizeof out->host ||
      memchr(host, '/', (size_t)(end - host)))
    return false;
  memcpy(out->host, host, (size_t)(end - host));
  /* ":50051", as a backend writes where it listens, is this machine. */
  if (end == host)
    strcpy(out->host, "localhost");
  return text[0] != '[' || strchr(out->host, ':');
}

bool address_is_ip(const struct address *address) {
  unsigned char buffer[sizeof(struct in6_addr)];

  return inet_pton(AF_INET, address->host, buffer) == 1 ||
         inet_pton(AF_INET6, address->host, buffer) == 1;
}
