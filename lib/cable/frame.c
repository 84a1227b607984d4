/* The protocol's own frames. AnyCable writes none of these for a backend. */
#include <string.h>

#include "cable/cable.h"

anycable_str ac_cable_join(anycable_socket *socket, const anycable_str *texts,
                           size_t n) {
  size_t len = 0;
  for (size_t i = 0; i < n; i++)
    len += texts[i].len;
  char *text = anycable_socket_alloc(socket, len + 1);
  if (!text) {
    anycable_socket_fail(socket, "%s", anycable_strerror(ANYCABLE_ERR_NOMEM));
    return anycable_str_of("");
  }
  char *at = text;
  for (size_t i = 0; i < n; i++) {
    if (texts[i].len > 0)
      memcpy(at, texts[i].ptr, texts[i].len);
    at += texts[i].len;
  }
  return (anycable_str){text, len};
}

int ac_cable_welcome(anycable_socket *socket) {
  const anycable_request *request = anycable_socket_request(socket);
  const anycable_str pieces[] = {
      ANYCABLE_STR("{\"type\":\"welcome\",\"sid\":"),
      anycable_socket_quote(socket, anycable_request_sid(request)),
      ANYCABLE_STR("}")};
  return anycable_socket_transmit_pieces(socket, pieces, 3);
}

int ac_cable_disconnect(anycable_socket *socket, anycable_str reason,
                        bool reconnect) {
  const anycable_str pieces[] = {
      ANYCABLE_STR("{\"type\":\"disconnect\",\"reason\":"),
      anycable_socket_quote(socket, reason),
      reconnect ? ANYCABLE_STR(",\"reconnect\":true}")
                : ANYCABLE_STR(",\"reconnect\":false}")};
  return anycable_socket_transmit_pieces(socket, pieces, 3);
}

int ac_cable_answer(anycable_socket *socket, bool confirmed) {
  const anycable_request *request = anycable_socket_request(socket);
  const anycable_str pieces[] = {
      confirmed
          ? ANYCABLE_STR("{\"type\":\"confirm_subscription\",\"identifier\":")
          : ANYCABLE_STR("{\"type\":\"reject_subscription\",\"identifier\":"),
      anycable_socket_quote(socket, anycable_request_identifier(request)),
      ANYCABLE_STR("}")};
  return anycable_socket_transmit_pieces(socket, pieces, 3);
}
