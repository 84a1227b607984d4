/* An HTTP/2 client that says what a test wants, right or wrong: writes frames
 * as bytes, reads what comes back frame by frame, header blocks decoded. It
 * never answers by itself. */
#ifndef H2_PEER_H
#define H2_PEER_H

#include <errno.h>
#include <nghttp2/nghttp2.h>
#include <stdio.h>

#include "raw_call.h"

enum { PEER_DATA = 0, PEER_HEADERS = 1, PEER_RST = 3, PEER_SETTINGS = 4 };
enum { PEER_PING = 6, PEER_GOAWAY = 7, PEER_WINDOW = 8 };
enum { PEER_END = 1, PEER_END_HEADERS = 4 };

struct peer {
  int fd;
  nghttp2_hd_inflater *inflater;
  bool ended; /* the other side has closed */
  size_t len;
  unsigned char in[128 * 1024];
};

struct peer_frame {
  unsigned type, flags;
  uint32_t id;
  size_t len;
  const unsigned char *payload; /* until the next frame is read */
  char text[1024];              /* of HEADERS: "name: value\n" each */
};

static inline void peer_begin(struct peer *peer, int fd) {
  memset(peer, 0, sizeof(*peer));
  peer->fd = fd;
  if (nghttp2_hd_inflate_new(&peer->inflater) != 0)
    abort();
}

static inline void peer_close(struct peer *peer) {
  if (peer->fd >= 0)
    close(peer->fd);
  peer->fd = -1;
  nghttp2_hd_inflate_del(peer->inflater);
  peer->inflater = NULL;
}

/* --- writing ------------------------------------------------------------- */

static inline bool peer_write(struct peer *peer, const void *data, size_t len) {
  return send(peer->fd, data, len, MSG_NOSIGNAL) == (ssize_t)len;
}

static inline bool peer_send(struct peer *peer, unsigned type, unsigned flags,
                             uint32_t id, const void *payload, size_t len) {
  unsigned char out[9 + 16384];
  return peer_write(peer, out, raw_frame(out, type, flags, id, payload, len));
}

/* The preface, and SETTINGS with |n| bytes of entries. */
static inline bool peer_hello(struct peer *peer, const void *settings,
                              size_t n) {
  return peer_write(peer, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24) &&
         peer_send(peer, PEER_SETTINGS, 0, 0, settings, n);
}

/* The headers of a call of |path|, without END_STREAM. */
static inline bool peer_headers(struct peer *peer, uint32_t id,
                                const char *path) {
  unsigned char block[512];
  size_t n = raw_field(block, ":method", "POST");
  n += raw_field(block + n, ":scheme", "http");
  n += raw_field(block + n, ":path", path);
  n += raw_field(block + n, "content-type", "application/grpc");
  n += raw_field(block + n, "te", "trailers");
  n += raw_field(block + n, "protov", "v1");
  return peer_send(peer, PEER_HEADERS, PEER_END_HEADERS, id, block, n);
}

/* The message of a call, below 256 bytes, and its end. */
static inline bool peer_message(struct peer *peer, uint32_t id,
                                const void *message, size_t len) {
  unsigned char data[5 + 256] = {0, 0, 0, 0, (unsigned char)len};
  if (len > 0)
    memcpy(data + 5, message, len);
  return peer_send(peer, PEER_DATA, PEER_END, id, data, 5 + len);
}

static inline bool peer_call(struct peer *peer, uint32_t id, const char *path,
                             const void *message, size_t len) {
  return peer_headers(peer, id, path) && peer_message(peer, id, message, len);
}

static inline bool peer_window(struct peer *peer, uint32_t id, uint32_t more) {
  const unsigned char payload[4] = {
      (unsigned char)(more >> 24), (unsigned char)(more >> 16),
      (unsigned char)(more >> 8), (unsigned char)more};
  return peer_send(peer, PEER_WINDOW, 0, id, payload, 4);
}

/* --- reading ------------------------------------------------------------- */

/* Receives once; |flags| are recv's. False if nothing came. */
static inline bool peer_receive(struct peer *peer, int flags) {
  ssize_t n =
      recv(peer->fd, peer->in + peer->len, sizeof(peer->in) - peer->len, flags);
  if (n > 0)
    peer->len += (size_t)n;
  else if (n == 0 || (errno != EAGAIN && errno != EINTR))
    peer->ended = true;
  return n > 0;
}

static inline void peer_inflate(struct peer *peer, struct peer_frame *frame) {
  const unsigned char *at = frame->payload;
  size_t left = frame->len, text = 0;
  int flags = 0;
  while (left > 0 || !(flags & NGHTTP2_HD_INFLATE_FINAL)) {
    nghttp2_nv nv;
    ssize_t n =
        nghttp2_hd_inflate_hd2(peer->inflater, &nv, &flags, at, left, 1);
    if (n < 0)
      abort();
    at += n;
    left -= (size_t)n;
    if (flags & NGHTTP2_HD_INFLATE_EMIT && text < sizeof(frame->text))
      text += (size_t)snprintf(frame->text + text, sizeof(frame->text) - text,
                               "%.*s: %.*s\n", (int)nv.namelen, nv.name,
                               (int)nv.valuelen, nv.value);
  }
  nghttp2_hd_inflate_end_headers(peer->inflater);
}

/* Takes a frame out of what was received; false if none is there in full. */
static inline bool peer_take(struct peer *peer, struct peer_frame *frame) {
  static unsigned char taken[sizeof(peer->in)];
  const unsigned char *in = peer->in;
  if (peer->len < 9)
    return false;
  size_t len = (size_t)in[0] << 16 | (size_t)in[1] << 8 | in[2];
  if (peer->len < 9 + len)
    return false;
  frame->type = in[3];
  frame->flags = in[4];
  frame->id = (uint32_t)(in[5] & 0x7f) << 24 | (uint32_t)in[6] << 16 |
              (uint32_t)in[7] << 8 | in[8];
  frame->len = len;
  memcpy(taken, in + 9, len);
  frame->payload = taken;
  frame->text[0] = '\0';
  peer->len -= 9 + len;
  memmove(peer->in, peer->in + 9 + len, peer->len);
  if (frame->type == PEER_HEADERS)
    peer_inflate(peer, frame);
  return true;
}

/* Waits for a frame; false at the connection's end. */
static inline bool peer_await(struct peer *peer, struct peer_frame *frame) {
  while (!peer_take(peer, frame)) {
    if (!peer_receive(peer, 0) && peer->ended)
      return false;
  }
  return true;
}

/* Waits for a frame of |type| on the stream |id|, skipping others. */
static inline bool peer_await_type(struct peer *peer, unsigned type,
                                   uint32_t id, struct peer_frame *frame) {
  do {
    if (!peer_await(peer, frame))
      return false;
  } while (frame->type != type || frame->id != id);
  return true;
}

#endif
