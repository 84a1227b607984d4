/* The least of a gRPC client: writes calls as bytes, with header fields as
 * HPACK literals, and reads frames until an answer is there. Blocking. */
#ifndef RAW_CALL_H
#define RAW_CALL_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static inline int raw_connect(const char *address) {
  const char *colon = strrchr(address, ':');
  struct sockaddr_in to = {.sin_family = AF_INET,
                           .sin_port = htons((uint16_t)atoi(colon + 1)),
                           .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0) {
    close(fd);
    return -1;
  }
  return fd;
}

static inline size_t raw_frame(unsigned char *out, unsigned type,
                               unsigned flags, uint32_t id, const void *payload,
                               size_t len) {
  const unsigned char head[9] = {
      (unsigned char)(len >> 16), (unsigned char)(len >> 8), (unsigned char)len,
      (unsigned char)type,        (unsigned char)flags,      0,
      (unsigned char)(id >> 16),  (unsigned char)(id >> 8),  (unsigned char)id};
  memcpy(out, head, 9);
  if (len > 0)
    memcpy(out + 9, payload, len);
  return 9 + len;
}

static inline size_t raw_field(unsigned char *out, const char *name,
                               const char *value) {
  size_t n = strlen(name), v = strlen(value); /* both below 127 */
  out[0] = 0x00;
  out[1] = (unsigned char)n;
  memcpy(out + 2, name, n);
  out[2 + n] = (unsigned char)v;
  memcpy(out + 3 + n, value, v);
  return 3 + n + v;
}

/* One call on stream |id|; the first on a connection is 1. */
static inline size_t raw_request(unsigned char out[1024], uint32_t id,
                                 const char *path, const void *message,
                                 size_t len) {
  unsigned char block[512], data[256];
  size_t n = 0, b = 0;
  if (id == 1) {
    memcpy(out, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24);
    n = 24;
    n += raw_frame(out + n, 4, 0, 0, NULL, 0);
  }
  b += raw_field(block + b, ":method", "POST");
  b += raw_field(block + b, ":scheme", "http");
  b += raw_field(block + b, ":path", path);
  b += raw_field(block + b, "content-type", "application/grpc");
  b += raw_field(block + b, "te", "trailers");
  b += raw_field(block + b, "protov", "v1");
  b += raw_field(block + b, "sid", "test");
  b += raw_field(block + b, "user-agent", "raw/1.0");
  n += raw_frame(out + n, 1, 4, id, block, b);
  data[0] = data[1] = data[2] = data[3] = 0;
  data[4] = (unsigned char)len;
  if (len > 0)
    memcpy(data + 5, message, len);
  return n + raw_frame(out + n, 0, 1, id, data, 5 + len);
}

static inline bool raw_send(int fd, uint32_t id, const char *path,
                            const void *message, size_t len) {
  unsigned char out[1024];
  size_t n = raw_request(out, id, path, message, len);
  return send(fd, out, n, MSG_NOSIGNAL) == (ssize_t)n;
}

static inline bool raw_read(int fd, unsigned char *out, size_t len) {
  while (len > 0) {
    ssize_t n = recv(fd, out, len, 0);
    if (n <= 0)
      return false;
    out += n;
    len -= (size_t)n;
  }
  return true;
}

/* Reads until the stream |id| is answered. Returns the length of the message
 * put into |out|, 0 if there was none; -1 at the connection's end. */
static inline int raw_answer(int fd, uint32_t id, unsigned char *out,
                             size_t size) {
  unsigned char head[9], payload[20000];
  int got = 0;
  for (;;) {
    if (!raw_read(fd, head, 9))
      return -1;
    size_t len = (size_t)head[0] << 16 | (size_t)head[1] << 8 | head[2];
    if (len > sizeof(payload) || !raw_read(fd, payload, len))
      return -1;
    uint32_t stream = (uint32_t)(head[5] & 0x7f) << 24 |
                      (uint32_t)head[6] << 16 | (uint32_t)head[7] << 8 |
                      head[8];
    if (stream != id)
      continue;
    if (head[3] == 0 && len > 5 && len - 5 <= size) {
      memcpy(out, payload + 5, len - 5);
      got = (int)len - 5;
    }
    if (head[3] == 3 || (head[3] <= 1 && head[4] & 1))
      return got;
  }
}

/* One call on a connection of its own. */
static inline int raw_call(const char *address, const char *path,
                           unsigned char *out, size_t size) {
  int fd = raw_connect(address);
  if (fd < 0)
    return -1;
  int n = raw_send(fd, 1, path, NULL, 0) ? raw_answer(fd, 1, out, size) : -1;
  close(fd);
  return n;
}

#endif
