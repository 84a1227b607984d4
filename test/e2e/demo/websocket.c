/* A WebSocket client (RFC 6455) that is just enough for the demo: no
 * fragments, no extensions. */
#include "demo.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum opcode { TEXT = 1, CLOSE = 8, PING = 9, PONG = 10 };
enum { FIN = 0x80, MASKED = 0x80, MAX_TEXT = 1 << 20 };

struct websocket {
  int fd;
  FILE *in;
};

int dial(int port) {
  struct sockaddr_in address = {.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address)) {
    close(fd);
    return -1;
  }
  return fd;
}

/* The key is any 16 bytes; what the server makes of it nobody checks here. */
static bool shake_hands(websocket *socket, int port, const char *path) {
  dprintf(socket->fd,
          "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\n"
          "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
          "Sec-WebSocket-Key: YSBsaWJhbnljYWJsZSEhIQ==\r\n"
          "Sec-WebSocket-Protocol: actioncable-v1-json\r\n\r\n",
          path, port);
  char line[1024];
  if (!fgets(line, sizeof line, socket->in) || !strstr(line, " 101 "))
    return false;
  while (fgets(line, sizeof line, socket->in))
    if (strcmp(line, "\r\n") == 0)
      return true;
  return false;
}

websocket *websocket_open(int port, const char *path) {
  websocket *made = calloc(1, sizeof *made);
  if (!made)
    return NULL;
  made->fd = dial(port);
  struct timeval patience = {.tv_sec = 10};
  setsockopt(made->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  made->in = made->fd >= 0 ? fdopen(made->fd, "r") : NULL;
  if (made->in && shake_hands(made, port, path))
    return made;
  websocket_close(made);
  return NULL;
}

/* A client masks what it sends. */
static bool send_frame(websocket *socket, int opcode, const char *payload,
                       size_t len) {
  unsigned char mask[4], head[8] = {(unsigned char)(FIN | opcode)};
  size_t size = 2;
  if (len > UINT16_MAX || getrandom(mask, sizeof mask, 0) != sizeof mask)
    return false;
  if (len < 126)
    head[1] = (unsigned char)(MASKED | len);
  else {
    head[1] = MASKED | 126;
    head[size++] = (unsigned char)(len >> 8);
    head[size++] = (unsigned char)(len & 0xff);
  }
  memcpy(head + size, mask, sizeof mask);
  size += sizeof mask;

  char *frame = malloc(size + len);
  if (!frame)
    return false;
  memcpy(frame, head, size);
  for (size_t i = 0; i < len; i++)
    frame[size + i] = (char)(payload[i] ^ (char)mask[i % 4]);
  ssize_t sent = send(socket->fd, frame, size + len, MSG_NOSIGNAL);
  free(frame);
  return sent == (ssize_t)(size + len);
}

bool websocket_send(websocket *socket, const char *text) {
  return send_frame(socket, TEXT, text, strlen(text));
}

/* One frame's payload, NUL-terminated; NULL at the end. */
static char *read_frame(websocket *socket, int *opcode, size_t *len) {
  unsigned char head[2], more[8];
  if (fread(head, 1, 2, socket->in) != 2)
    return NULL;
  *opcode = head[0] & 0x0f;
  size_t extra = (head[1] & 0x7f) == 127 ? 8 : (head[1] & 0x7f) == 126 ? 2 : 0;
  if (fread(more, 1, extra, socket->in) != extra)
    return NULL;
  uint64_t size = extra ? 0 : head[1] & 0x7f;
  for (size_t i = 0; i < extra; i++)
    size = size << 8 | more[i];
  char *payload = size <= MAX_TEXT ? malloc((size_t)size + 1) : NULL;
  if (!payload || fread(payload, 1, (size_t)size, socket->in) != size) {
    free(payload);
    return NULL;
  }
  payload[size] = '\0';
  *len = (size_t)size;
  return payload;
}

char *websocket_receive(websocket *socket) {
  int opcode;
  size_t len;
  char *payload;
  while ((payload = read_frame(socket, &opcode, &len))) {
    if (opcode == TEXT)
      return payload;
    if (opcode == PING)
      send_frame(socket, PONG, payload, len);
    free(payload);
    if (opcode == CLOSE)
      return NULL;
  }
  return NULL;
}

void websocket_close(websocket *socket) {
  if (!socket)
    return;
  send_frame(socket, CLOSE, "\x03\xe8", 2); /* 1000: all is well */
  if (socket->in)
    fclose(socket->in);
  free(socket);
}
