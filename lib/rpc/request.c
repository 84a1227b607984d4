/* What the public request tells. */
#include <string.h>

#include "base/uri.h"
#include "rpc/call.h"

const char *anycable_method_name(int method) {
  switch (method) {
  case ANYCABLE_CONNECT:
    return "connect";
  case ANYCABLE_COMMAND:
    return "command";
  case ANYCABLE_DISCONNECT:
    return "disconnect";
  default:
    return "unknown";
  }
}

int anycable_request_method(const anycable_request *request) {
  return request->method;
}

anycable_str anycable_request_url(const anycable_request *request) {
  return request->message.env.url;
}

anycable_str anycable_request_path(const anycable_request *request) {
  anycable_str url = request->message.env.url;
  anycable_str out;
  if (url.len == 0 ||
      !ac_uri_decode(request->arena, ac_uri_path(url), false, &out))
    return ac_str_empty();
  return out;
}

anycable_str anycable_request_query(const anycable_request *request,
                                    const char *name) {
  anycable_str query = ac_uri_query(request->message.env.url);
  anycable_str out;
  if (!ac_uri_param(request->arena, query, anycable_str_of(name), &out))
    return ac_str_empty();
  return out;
}

anycable_str anycable_request_header(const anycable_request *request,
                                     const char *name) {
  const struct ac_wire_map *headers = &request->message.env.headers;
  anycable_str wanted = anycable_str_of(name);
  for (size_t i = 0; i < headers->n; i++) {
    if (ac_str_equal_nocase(headers->items[i].key, wanted))
      return headers->items[i].value;
  }
  return ac_str_empty();
}

static anycable_str trimmed(anycable_str s) {
  while (s.len > 0 && (s.ptr[0] == ' ' || s.ptr[0] == '\t'))
    s.ptr++, s.len--;
  while (s.len > 0 && (s.ptr[s.len - 1] == ' ' || s.ptr[s.len - 1] == '\t'))
    s.len--;
  return s;
}

/* Liberal, as proxies are: white space around names, bare spaces in values and
 * empty pieces are all seen in the wild. */
anycable_str anycable_request_cookie(const anycable_request *request,
                                     const char *name) {
  anycable_str rest = anycable_request_header(request, "cookie");
  anycable_str wanted = anycable_str_of(name);
  while (rest.len > 0) {
    const char *semicolon = memchr(rest.ptr, ';', rest.len);
    size_t len = semicolon ? (size_t)(semicolon - rest.ptr) : rest.len;
    anycable_str pair = ac_str(rest.ptr, len);
    size_t skip = semicolon ? len + 1 : len;
    rest = ac_str(rest.ptr + skip, rest.len - skip);
    const char *equals = memchr(pair.ptr, '=', pair.len);
    if (!equals)
      continue;
    size_t name_len = (size_t)(equals - pair.ptr);
    if (!anycable_str_equal(trimmed(ac_str(pair.ptr, name_len)), wanted))
      continue;
    anycable_str value = trimmed(ac_str(equals + 1, pair.len - name_len - 1));
    if (value.len >= 2 && value.ptr[0] == '"' &&
        value.ptr[value.len - 1] == '"')
      value = ac_str(value.ptr + 1, value.len - 2);
    value = ac_arena_copy(request->arena, value);
    return value.ptr ? value : ac_str_empty();
  }
  return ac_str_empty();
}

anycable_str anycable_request_remote_addr(const anycable_request *request) {
  return anycable_request_header(request, "REMOTE_ADDR");
}

anycable_str anycable_request_sid(const anycable_request *request) {
  return request->sid;
}

anycable_str anycable_request_metadata(const anycable_request *request,
                                       const char *name) {
  anycable_str wanted = anycable_str_of(name);
  for (size_t i = 0; i < request->n_metadata; i++) {
    if (ac_str_equal_nocase(request->metadata[i].key, wanted))
      return request->metadata[i].value;
  }
  return ac_str_empty();
}

/* On the wire all names are in lower case. */
anycable_str ac_request_metadata(const anycable_request *request,
                                 anycable_str name) {
  for (size_t i = 0; i < request->n_metadata; i++) {
    if (anycable_str_equal(request->metadata[i].key, name))
      return request->metadata[i].value;
  }
  return ac_str_empty();
}

anycable_str anycable_request_identifiers(const anycable_request *request) {
  return request->message.identifiers;
}

anycable_str anycable_request_command(const anycable_request *request) {
  return request->message.command;
}

anycable_str anycable_request_identifier(const anycable_request *request) {
  return request->message.identifier;
}

anycable_str anycable_request_data(const anycable_request *request) {
  return request->message.data;
}

size_t anycable_request_subscription_count(const anycable_request *request) {
  return request->message.subscriptions.n;
}

anycable_str anycable_request_subscription(const anycable_request *request,
                                           size_t index) {
  return index < request->message.subscriptions.n
             ? request->message.subscriptions.items[index]
             : ac_str_empty();
}
