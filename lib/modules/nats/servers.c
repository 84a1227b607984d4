#include "modules/nats/servers.h"

#include <anycable/error.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum { HOST_LENGTH = 255, URL_LENGTH = 1024 };

/* One server's text, while it is read. */
struct reading {
  struct ac_nats_server *server;
  int number; /* in the list, for the reason: the text has a password */
  char *reason;
  size_t reason_size;
};

static int refuse(const struct reading *reading, const char *why) {
  snprintf(reading->reason, reading->reason_size, "NATS server %d %s",
           reading->number, why);
  return ANYCABLE_ERR_INVALID;
}

static int no_memory(const struct reading *reading) {
  refuse(reading, "does not fit into memory");
  return ANYCABLE_ERR_NOMEM;
}

/* --- credentials ---------------------------------------------------------- */

static int hex_digit(char c) {
  if (c >= '0' && c <= '9')
    return c - '0';
  if (c >= 'a' && c <= 'f')
    return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* nats.c writes credentials into JSON as they are. */
static bool breaks_json(char c) {
  return (unsigned char)c < 0x20 || c == 0x7f || c == '"' || c == '\\';
}

/* Decodes %XX in place. */
static int decode(const struct reading *reading, char *text) {
  char *to = text;
  for (const char *from = text; *from; from++) {
    char c = *from;
    if (c == '%') {
      int high = hex_digit(from[1]);
      int low = high < 0 ? -1 : hex_digit(from[2]);
      if (low < 0)
        return refuse(reading, "has a \"%\" that no two hex digits follow");
      c = (char)(high * 16 + low);
      from += 2;
    }
    if (breaks_json(c))
      return refuse(reading, "has a character in its credentials that NATS "
                             "cannot be told");
    *to++ = c;
  }
  *to = '\0';
  return ANYCABLE_OK;
}

static int copy_credential(const struct reading *reading, char **out,
                           const char *text) {
  *out = strdup(text);
  return *out ? decode(reading, *out) : no_memory(reading);
}

/* "USER:PASSWORD" or "TOKEN". */
static int read_credentials(const struct reading *reading, char *text) {
  struct ac_nats_server *server = reading->server;
  char *colon = strchr(text, ':');
  if (!colon)
    return copy_credential(reading, &server->token, text);
  *colon = '\0';
  int rc = copy_credential(reading, &server->user, text);
  return rc ? rc : copy_credential(reading, &server->password, colon + 1);
}

/* --- addresses ------------------------------------------------------------ */

static bool is_port(const char *text) {
  char *end;
  if (text[0] < '0' || text[0] > '9' || strlen(text) > 5)
    return false;
  long port = strtol(text, &end, 10);
  return *end == '\0' && port >= 1 && port <= 65535;
}

static bool is_host(const char *text) {
  static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";
  return *text && text[strspn(text, allowed)] == '\0';
}

/* Takes the brackets off "[::1]"; |*behind| is what follows the host. */
static bool split_host(char *text, char **host, char **behind, bool *ipv6) {
  *ipv6 = text[0] == '[';
  *host = text + *ipv6;
  char *end = *ipv6 ? strchr(text, ']') : text + strcspn(text, ":");
  if (!end)
    return false;
  *behind = end + *ipv6;
  if (!*ipv6)
    return true;
  *end = '\0';
  return (*host)[strspn(*host, "0123456789abcdefABCDEF:.")] == '\0';
}

/* "HOST:PORT"; the port may be left out. */
static int read_address(const struct reading *reading, char *text) {
  struct ac_nats_server *server = reading->server;
  const char *port = "4222";
  char *host, *behind, url[URL_LENGTH];
  bool ipv6;
  text[strcspn(text, "/")] = '\0';
  if (!split_host(text, &host, &behind, &ipv6))
    return refuse(reading, "has no address that makes sense");
  if (*behind == ':') {
    *behind = '\0';
    port = behind + 1;
  } else if (*behind)
    return refuse(reading, "has something behind its address");
  if (!is_port(port))
    return refuse(reading, "has no port from 1 to 65535");
  if (strlen(host) > HOST_LENGTH || (!ipv6 && !is_host(host)))
    return refuse(reading, "has no host name that makes sense");
  snprintf(url, sizeof(url), "%s://%s%s%s:%s", server->tls ? "tls" : "nats",
           ipv6 ? "[" : "", host, ipv6 ? "]" : "", port);
  server->url = strdup(url);
  server->host = strdup(host);
  return server->url && server->host ? ANYCABLE_OK : no_memory(reading);
}

/* The scheme may be left out. */
static int read_server(const struct reading *reading, char *text) {
  char *scheme_end = strstr(text, "://");
  if (scheme_end) {
    *scheme_end = '\0';
    reading->server->tls = strcmp(text, "tls") == 0;
    if (!reading->server->tls && strcmp(text, "nats") != 0)
      return refuse(reading, "begins with neither nats:// nor tls://");
    text = scheme_end + 3;
  }
  char *at = strrchr(text, '@');
  if (!at)
    return read_address(reading, text);
  *at = '\0';
  int rc = read_credentials(reading, text);
  return rc ? rc : read_address(reading, at + 1);
}

/* --- the list ------------------------------------------------------------- */

static char *trim(char *text) {
  text += strspn(text, " \t");
  size_t len = strlen(text);
  while (len > 0 && (text[len - 1] == ' ' || text[len - 1] == '\t'))
    text[--len] = '\0';
  return text;
}

static size_t count_commas(const char *list) {
  size_t n = 0;
  for (; *list; list++)
    n += *list == ',';
  return n;
}

int ac_nats_servers_read(struct ac_nats_servers *servers, const char *list,
                         char *reason, size_t reason_size) {
  struct reading reading = {NULL, 1, reason, reason_size};
  char *copy = strdup(list);
  char *rest = copy;
  int rc = ANYCABLE_OK;
  memset(servers, 0, sizeof(*servers));
  servers->all = calloc(count_commas(list) + 1, sizeof(*servers->all));
  if (!copy || !servers->all)
    rc = no_memory(&reading);
  while (!rc && rest) {
    char *text = strsep(&rest, ",");
    reading.server = &servers->all[servers->count++];
    rc = read_server(&reading, trim(text));
    reading.number++;
  }
  if (copy)
    explicit_bzero(copy, strlen(list));
  free(copy);
  return rc;
}

static void free_secret(char *text) {
  if (text)
    explicit_bzero(text, strlen(text));
  free(text);
}

void ac_nats_servers_free(struct ac_nats_servers *servers) {
  for (size_t i = 0; i < servers->count; i++) {
    struct ac_nats_server *server = &servers->all[i];
    free(server->url);
    free(server->host);
    free(server->user);
    free_secret(server->password);
    free_secret(server->token);
  }
  free(servers->all);
}

void ac_nats_servers_shuffle(struct ac_nats_servers *servers) {
  for (size_t i = servers->count; i > 1; i--) {
    uint32_t chance = 0;
    if (getrandom(&chance, sizeof(chance), GRND_NONBLOCK) < 0)
      return; /* their own order will do */
    size_t other = chance % i;
    struct ac_nats_server last = servers->all[i - 1];
    servers->all[i - 1] = servers->all[other];
    servers->all[other] = last;
  }
}
