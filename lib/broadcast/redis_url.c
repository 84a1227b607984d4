/* URLs of Redis. Each is copied once, and cut up in the copy. */
#include "broadcast/redis_url.h"

#include <anycable/error.h>
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "base/str.h"
#include "broadcast/redis.h"

enum {
  REDIS_PORT = 6379,
  SENTINEL_PORT = 26379,
  HOST_MAX = 255,
  DATABASE_MAX = 1000000
};

/* One URL while it is read. */
struct parser {
  struct ac_redis_url *url;
  char *at; /* what is left of the copy */
  char *reason;
  size_t reason_size;
};

static bool refuse(const struct parser *parser, const char *why) {
  snprintf(parser->reason, parser->reason_size, "%s", why);
  return false;
}

/* Cuts |text| at the first of |c|, and returns what stands behind it; NULL
 * where there is none. */
static char *cut(char *text, char c) {
  char *at = strchr(text, c);
  if (at)
    *at++ = '\0';
  return at;
}

static bool skip(struct parser *parser, const char *prefix) {
  size_t len = strlen(prefix);
  if (strncmp(parser->at, prefix, len) != 0)
    return false;
  parser->at += len;
  return true;
}

/* Decodes %XX in place. */
static bool decode(const struct parser *parser, char *text) {
  char *out = text;
  for (; *text; text++) {
    char c = *text;
    if (c == '%') {
      int high = ac_hex_digit(text[1]);
      int low = high < 0 ? -1 : ac_hex_digit(text[2]);
      if (low < 0 || high + low == 0)
        return refuse(parser, "has a '%' that two hex digits, other than 00, "
                              "must follow; a '%' itself is written as %25");
      c = (char)(high << 4 | low);
      text += 2;
    }
    *out++ = c;
  }
  *out = '\0';
  return true;
}

/* --- parts ---------------------------------------------------------------- */

/* False where |text| is not a number up to |max|. */
static bool parse_number(const char *text, unsigned max, unsigned *number) {
  unsigned value = 0;
  if (!*text)
    return false;
  for (; *text; text++) {
    if (*text < '0' || *text > '9')
      return false;
    value = value * 10 + (unsigned)(*text - '0');
    if (value > max)
      return false;
  }
  *number = value;
  return true;
}

static bool parse_port(const struct parser *parser, const char *text) {
  unsigned *port = &parser->url->port;
  if (parse_number(text, 65535, port) && *port > 0)
    return true;
  return refuse(parser,
                "has no port from 1 to 65535 behind its host (in a user or "
                "password, special characters are written as %XX)");
}

static bool all_of(const char *text, const char *more) {
  for (; *text; text++) {
    char lower = (char)(*text | 0x20);
    if (!(*text >= '0' && *text <= '9') && !(lower >= 'a' && lower <= 'z') &&
        !strchr(more, *text))
      return false;
  }
  return true;
}

static bool check_host(const struct parser *parser, const char *more) {
  const char *host = parser->url->host;
  if (strlen(host) > HOST_MAX)
    return refuse(parser, "has a host longer than 255 bytes");
  if (all_of(host, more))
    return true;
  return refuse(parser, "has a host with characters that no host has (in a "
                        "user or password, they are written as %XX)");
}

/* With or without "%" and an interface. */
static bool is_ipv6(char *text) {
  struct in6_addr address;
  char *zone = strchr(text, '%');
  if (zone)
    *zone = '\0';
  bool ok = inet_pton(AF_INET6, text, &address) == 1;
  if (zone)
    *zone = '%';
  return ok;
}

/* "[::1]:6379" */
static bool parse_ipv6(const struct parser *parser, char *text) {
  char *behind = cut(text, ']');
  parser->url->host = text + 1;
  if (!behind || (*behind && *behind != ':'))
    return refuse(parser, "has a '[' without a ']' where the host ends");
  if (!is_ipv6(text + 1))
    return refuse(parser, "has something else in brackets than an IPv6 "
                          "address");
  return check_host(parser, ":.%") &&
         (!*behind || parse_port(parser, behind + 1));
}

static bool parse_host(const struct parser *parser, char *text) {
  if (*text == '[')
    return parse_ipv6(parser, text);
  char *port = cut(text, ':');
  parser->url->host = text;
  if (port && strchr(port, ':'))
    return refuse(parser, "has more than one ':' behind its host; an IPv6 "
                          "address needs brackets");
  return check_host(parser, "._-") && (!port || parse_port(parser, port));
}

/* "USER:PASSWORD", ":PASSWORD", "PASSWORD" */
static bool parse_login(const struct parser *parser, char *text) {
  struct ac_redis_url *url = parser->url;
  char *password = cut(text, ':');
  if (!decode(parser, text) || (password && !decode(parser, password)))
    return false;
  if (password && *text)
    url->user = text;
  if (!password)
    password = text;
  if (*password || url->user)
    url->password = password;
  return true;
}

static bool parse_database(const struct parser *parser, const char *text) {
  return parse_number(text, DATABASE_MAX, &parser->url->database) ||
         refuse(parser, "has a database that is not a number");
}

/* "db=1" is looked for; what else there is, other libraries may know. */
static bool parse_query(const struct parser *parser, char *query) {
  while (query) {
    char *next = cut(query, '&');
    if (strncmp(query, "db=", 3) == 0 && !parse_database(parser, query + 3))
      return false;
    query = next;
  }
  return true;
}

/* Takes the login off the front of |authority|; NULL where it is wrong. A host
 * has no '@', so the last one counts. */
static char *take_login(const struct parser *parser, char *authority) {
  char *at = strrchr(authority, '@');
  if (!at)
    return authority;
  *at = '\0';
  return parse_login(parser, authority) ? at + 1 : NULL;
}

/* --- the whole ------------------------------------------------------------ */

static bool check_characters(const struct parser *parser) {
  for (const char *at = parser->at; *at; at++)
    if ((unsigned char)*at <= ' ' || *at == 0x7f)
      return refuse(parser, "has a space or a control character");
  return !strchr(parser->at, '#') ||
         refuse(parser, "has a '#', which is written as %23");
}

/* Behind "unix:": "//USER:PASSWORD@/PATH?db=1", or just "/PATH". */
static bool parse_unix(struct parser *parser) {
  struct ac_redis_url *url = parser->url;
  char *query = cut(parser->at, '?');
  if (skip(parser, "//")) {
    char *slash = strchr(parser->at, '/');
    char *at = slash;
    while (at && at > parser->at && *at != '@')
      at--;
    if (at && *at == '@') {
      *at = '\0';
      if (!parse_login(parser, parser->at))
        return false;
      parser->at = at + 1;
    }
  }
  url->path = parser->at;
  url->host = "";
  if (parser->at[0] != '/' || !parser->at[1])
    return refuse(parser, "has no path from the root; use unix:///PATH");
  if (!decode(parser, parser->at))
    return false;
  if (strlen(url->path) >= sizeof(((struct sockaddr_un *)NULL)->sun_path))
    return refuse(parser, "has a path that is too long for a unix socket");
  return parse_query(parser, query);
}

/* Behind the scheme: "USER:PASSWORD@HOST:PORT/DATABASE?db=DATABASE" */
static bool parse_tcp(const struct parser *parser) {
  char *query = cut(parser->at, '?');
  char *database = cut(parser->at, '/');
  char *host = take_login(parser, parser->at);
  if (!host || !parse_host(parser, host))
    return false;
  if (database && *database && !parse_database(parser, database))
    return false;
  if (!*parser->url->host)
    parser->url->host = "localhost";
  return parse_query(parser, query);
}

static bool parse(struct parser *parser, bool sentinel) {
  struct ac_redis_url *url = parser->url;
  if (!check_characters(parser))
    return false;
  url->port = sentinel ? SENTINEL_PORT : REDIS_PORT;
  if (skip(parser, "rediss://"))
    url->tls = true;
  else if (!sentinel && skip(parser, "unix:"))
    return parse_unix(parser);
  else if (!skip(parser, "redis://") &&
           (!sentinel || strstr(parser->at, "://")))
    return refuse(parser, sentinel
                              ? "has a scheme other than redis:// and rediss://"
                              : "does not begin with redis://, rediss:// or "
                                "unix://");
  if (sentinel && !*parser->at)
    return refuse(parser, "has no host");
  if (!parse_tcp(parser))
    return false;
  return !sentinel || url->database == 0 ||
         refuse(parser, "has a database, which a sentinel has not");
}

static int read_url(struct ac_redis_url *url, const char *text, size_t len,
                    bool sentinel, char *reason, size_t reason_size) {
  *url = (struct ac_redis_url){.text = strndup(text, len)};
  if (!url->text) {
    snprintf(reason, reason_size, "out of memory");
    return ANYCABLE_ERR_NOMEM;
  }
  struct parser parser = {url, url->text, reason, reason_size};
  if (parse(&parser, sentinel))
    return ANYCABLE_OK;
  ac_redis_url_deinit(url);
  return ANYCABLE_ERR_INVALID;
}

int ac_redis_url_parse(struct ac_redis_url *url, const char *text, char *reason,
                       size_t reason_size) {
  return read_url(url, text, strlen(text), false, reason, reason_size);
}

/* Passwords are in there. */
void ac_redis_url_deinit(struct ac_redis_url *url) {
  if (url->text)
    explicit_bzero(url->text, strlen(url->text));
  free(url->text);
  *url = (struct ac_redis_url){0};
}

/* --- lists ---------------------------------------------------------------- */

static size_t count_commas(const char *text) {
  size_t n = 0;
  while ((text = strchr(text, ','))) {
    text++;
    n++;
  }
  return n;
}

/* Spaces around commas are nobody's. */
static anycable_str trim(const char *text, size_t len) {
  while (len > 0 && *text == ' ') {
    text++;
    len--;
  }
  while (len > 0 && text[len - 1] == ' ')
    len--;
  return ac_str(text, len);
}

int ac_redis_url_parse_list(struct ac_redis_url **urls, size_t *count,
                            const char *text, char *reason,
                            size_t reason_size) {
  *count = 0;
  *urls = calloc(count_commas(text) + 1, sizeof(**urls));
  int error = *urls ? ANYCABLE_OK : ANYCABLE_ERR_NOMEM;
  if (error)
    snprintf(reason, reason_size, "out of memory");
  while (!error && text) {
    const char *comma = strchrnul(text, ',');
    anycable_str entry = trim(text, (size_t)(comma - text));
    text = *comma ? comma + 1 : NULL;
    if (entry.len == 0)
      continue;
    error = read_url(*urls + *count, entry.ptr, entry.len, true, reason,
                     reason_size);
    *count += !error;
  }
  if (!error && *count == 0) {
    snprintf(reason, reason_size, "has no sentinel");
    error = ANYCABLE_ERR_INVALID;
  }
  if (error) {
    ac_redis_url_free_list(*urls, *count);
    *urls = NULL;
    *count = 0;
  }
  return error;
}

void ac_redis_url_free_list(struct ac_redis_url *urls, size_t count) {
  for (size_t i = 0; i < count; i++)
    ac_redis_url_deinit(urls + i);
  free(urls);
}

/* --- checks --------------------------------------------------------------- */

int ac_redis_url_check(const char *url, char *reason, size_t reason_size) {
  struct ac_redis_url parsed;
  int error = ac_redis_url_parse(&parsed, url, reason, reason_size);
  if (!error)
    ac_redis_url_deinit(&parsed);
  return error;
}

int ac_redis_sentinels_check(const char *sentinels, char *reason,
                             size_t reason_size) {
  struct ac_redis_url *urls;
  size_t count;
  int error =
      ac_redis_url_parse_list(&urls, &count, sentinels, reason, reason_size);
  ac_redis_url_free_list(urls, count);
  return error;
}
