/* The tap: a relay that reads along. It follows HTTP/2 frames in both
 * directions (RFC 9113), undoes header compression, and shows the protobuf
 * messages inside, field by field. It changes nothing on the wire. */
#include "demo.h"
#include "../../../src/anycable/message.h"

#include "rpc.pb-c.h"

#include <arpa/inet.h>
#include <nghttp2/nghttp2.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { DATA = 0, HEADERS = 1, CONTINUATION = 9 };
enum { END_STREAM = 1, END_HEADERS = 4, PADDED = 8, PRIORITY = 32 };
enum { FRAME_HEAD = 9, MESSAGE_HEAD = 5, PREFACE = 24, METHODS = 3 };

static const struct method {
  const char *name;
  const ProtobufCMessageDescriptor *request, *answer;
} methods[METHODS] = {{"Connect", &ac__pb__connection_request__descriptor,
                       &ac__pb__connection_response__descriptor},
                      {"Command", &ac__pb__command_message__descriptor,
                       &ac__pb__command_response__descriptor},
                      {"Disconnect", &ac__pb__disconnect_request__descriptor,
                       &ac__pb__disconnect_response__descriptor}};

typedef struct bytes {
  uint8_t *data;
  size_t len;
} bytes;

/* One call: a stream of HTTP/2. */
typedef struct call {
  int32_t id;
  const struct method *method;
  char path[128], sid[128], status[16];
  bytes request, answer; /* gRPC's: a head of five bytes, and the message */
  struct call *next;
} call;

/* One of the two directions of a connection. */
typedef struct direction {
  int from, to;
  bool asks; /* from the AnyCable server to the backend */
  size_t skip;
  bytes unread;
  bool ending; /* the headers that are being read end the stream */
  nghttp2_hd_inflater *inflater;
} direction;

typedef struct connection {
  direction ask, answer;
  call *calls;
} connection;

/* How many calls of each method were answered. */
static struct {
  pthread_mutex_t lock;
  pthread_cond_t changed;
  int answered[METHODS];
} seen = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, {0}};

static struct sockaddr_un backend = {.sun_family = AF_UNIX};
static const char *caller;

static bool append(bytes *to, const uint8_t *data, size_t len) {
  uint8_t *grown = realloc(to->data, to->len + len + 1);
  if (!grown)
    return false;
  memcpy(grown + to->len, data, len);
  to->data = grown;
  to->len += len;
  return true;
}

static call *find_call(connection *conn, int32_t id) {
  for (call *c = conn->calls; c; c = c->next)
    if (c->id == id)
      return c;
  call *made = calloc(1, sizeof *made);
  if (!made)
    abort();
  made->id = id;
  made->next = conn->calls;
  conn->calls = made;
  return made;
}

static void forget_call(connection *conn, call *gone) {
  call **at = &conn->calls;
  while (*at != gone)
    at = &(*at)->next;
  *at = gone->next;
  free(gone->request.data);
  free(gone->answer.data);
  free(gone);
}

/* One field a line, "name value", strings as they are: most hold JSON. */
static void print_fields(FILE *out, const cJSON *value, const char *name) {
  const cJSON *item;
  if (cJSON_IsArray(value) || cJSON_IsObject(value)) {
    cJSON_ArrayForEach(item, value) {
      char path[256];
      snprintf(path, sizeof path, "%s%s%s", name,
               *name && item->string ? "." : "",
               item->string ? item->string : "");
      print_fields(out, item, path);
    }
    return;
  }
  char *text = cJSON_IsString(value) ? NULL : cJSON_PrintUnformatted(value);
  fprintf(out, "\n%s ", name);
  text_print_safe(out, text ? text : value->valuestring);
  cJSON_free(text);
}

static void print_message(FILE *out, const ProtobufCMessageDescriptor *type,
                          bytes body) {
  if (body.len < MESSAGE_HEAD)
    return;
  ProtobufCMessage *message = protobuf_c_message_unpack(
      type, NULL, body.len - MESSAGE_HEAD, body.data + MESSAGE_HEAD);
  if (!message)
    return;
  cJSON *json = message_to_json(message);
  print_fields(out, json, "");
  cJSON_Delete(json);
  message_free(message);
}

static void show_call(const call *c, bool asks) {
  char *text = NULL;
  size_t len = 0;
  FILE *out = open_memstream(&text, &len);
  if (!out)
    abort();
  if (asks)
    fprintf(out, "%s sid=%s", c->path, c->sid);
  else
    fprintf(out, "grpc-status=%s", c->status);
  if (c->method)
    print_message(out, asks ? c->method->request : c->method->answer,
                  asks ? c->request : c->answer);
  fclose(out);
  char lane[32];
  snprintf(lane, sizeof lane, "%15s %c backend", caller, asks ? '>' : '<');
  show(lane, text);
  free(text);
}

static void count_answer(const call *c) {
  if (!c->method)
    return;
  pthread_mutex_lock(&seen.lock);
  seen.answered[c->method - methods]++;
  pthread_cond_broadcast(&seen.changed);
  pthread_mutex_unlock(&seen.lock);
}

static void take_header(call *c, const nghttp2_nv *field) {
  static const char service[] = "/anycable.RPC/";
  const char *name = (const char *)field->name;
  const char *value = (const char *)field->value;
  if (strcmp(name, ":path") == 0) {
    snprintf(c->path, sizeof c->path, "%s", value);
    for (size_t i = 0; i < METHODS; i++)
      if (strncmp(value, service, sizeof service - 1) == 0 &&
          strcmp(value + sizeof service - 1, methods[i].name) == 0)
        c->method = &methods[i];
  } else if (strcmp(name, "sid") == 0)
    snprintf(c->sid, sizeof c->sid, "%s", value);
  else if (strcmp(name, "grpc-status") == 0)
    snprintf(c->status, sizeof c->status, "%s", value);
}

static void take_headers(direction *d, call *c, const uint8_t *block,
                         size_t len, bool whole) {
  for (;;) {
    nghttp2_nv field;
    int flags = 0;
    ssize_t used =
        nghttp2_hd_inflate_hd2(d->inflater, &field, &flags, block, len, whole);
    if (used < 0)
      return;
    block += used;
    len -= (size_t)used;
    if (flags & NGHTTP2_HD_INFLATE_EMIT)
      take_header(c, &field);
    if (flags & NGHTTP2_HD_INFLATE_FINAL) {
      nghttp2_hd_inflate_end_headers(d->inflater);
      return;
    }
    if (len == 0 && !(flags & NGHTTP2_HD_INFLATE_EMIT))
      return;
  }
}

static void take_end(connection *conn, const direction *d, call *c) {
  show_call(c, d->asks);
  if (d->asks)
    return;
  count_answer(c);
  forget_call(conn, c);
}

static void take_frame(connection *conn, direction *d, const uint8_t *frame,
                       size_t len) {
  int type = frame[3], flags = frame[4];
  int32_t id = (int32_t)((uint32_t)frame[5] << 24 | (uint32_t)frame[6] << 16 |
                         (uint32_t)frame[7] << 8 | frame[8]);
  if (type != DATA && type != HEADERS && type != CONTINUATION)
    return;
  const uint8_t *payload = frame + FRAME_HEAD;
  if (type != CONTINUATION) {
    size_t before = (flags & PADDED) ? 1u : 0u;
    size_t after = before ? payload[0] : 0u;
    if (type == HEADERS && flags & PRIORITY)
      before += 5;
    if (before + after > len)
      return;
    payload += before;
    len -= before + after;
    d->ending = flags & END_STREAM;
  }

  call *c = find_call(conn, id);
  if (type == DATA)
    append(d->asks ? &c->request : &c->answer, payload, len);
  else
    take_headers(d, c, payload, len, flags & END_HEADERS);
  if (d->ending && (type == DATA || flags & END_HEADERS))
    take_end(conn, d, c);
}

static void take_bytes(connection *conn, direction *d, const uint8_t *data,
                       size_t len) {
  size_t skipped = len < d->skip ? len : d->skip;
  d->skip -= skipped;
  if (!append(&d->unread, data + skipped, len - skipped))
    return;
  size_t at = 0;
  while (d->unread.len - at >= FRAME_HEAD) {
    const uint8_t *frame = d->unread.data + at;
    size_t size = (size_t)frame[0] << 16 | (size_t)frame[1] << 8 | frame[2];
    if (d->unread.len - at < FRAME_HEAD + size)
      break;
    take_frame(conn, d, frame, size);
    at += FRAME_HEAD + size;
  }
  memmove(d->unread.data, d->unread.data + at, d->unread.len - at);
  d->unread.len -= at;
}

/* What was read is shown before it goes on, so that lines stand in the order
 * in which things happen. */
static bool relay_once(connection *conn, direction *d) {
  uint8_t data[16384];
  ssize_t len = read(d->from, data, sizeof data);
  if (len <= 0)
    return false;
  take_bytes(conn, d, data, (size_t)len);
  return send(d->to, data, (size_t)len, MSG_NOSIGNAL) == len;
}

static void *relay(void *arg) {
  connection *conn = arg;
  struct pollfd fds[2] = {{conn->ask.from, POLLIN, 0},
                          {conn->answer.from, POLLIN, 0}};
  while (poll(fds, 2, -1) > 0)
    if ((fds[0].revents && !relay_once(conn, &conn->ask)) ||
        (fds[1].revents && !relay_once(conn, &conn->answer)))
      break;
  close(conn->ask.from);
  close(conn->ask.to);
  while (conn->calls)
    forget_call(conn, conn->calls);
  nghttp2_hd_inflate_del(conn->ask.inflater);
  nghttp2_hd_inflate_del(conn->answer.inflater);
  free(conn->ask.unread.data);
  free(conn->answer.unread.data);
  free(conn);
  return NULL;
}

static void accept_one(int client) {
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  connection *conn = calloc(1, sizeof *conn);
  if (!conn || connect(fd, (struct sockaddr *)&backend, sizeof backend) ||
      nghttp2_hd_inflate_new(&conn->ask.inflater) ||
      nghttp2_hd_inflate_new(&conn->answer.inflater))
    abort();
  conn->ask.from = conn->answer.to = client;
  conn->ask.to = conn->answer.from = fd;
  conn->ask.asks = true;
  conn->ask.skip = PREFACE;
  pthread_t thread;
  if (pthread_create(&thread, NULL, relay, conn))
    abort();
  pthread_detach(thread);
}

static void *accept_all(void *arg) {
  const int *listener = arg;
  for (;;) {
    int client = accept4(*listener, NULL, NULL, SOCK_CLOEXEC);
    if (client >= 0)
      accept_one(client);
  }
  return NULL;
}

int tap_start(const char *path, const char *from) {
  static int fd; /* for the thread, which runs for good */
  struct sockaddr_in address = {.sin_family = AF_INET};
  socklen_t len = sizeof address;
  pthread_t thread;
  caller = from;
  snprintf(backend.sun_path, sizeof backend.sun_path, "%s", path);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || bind(fd, (struct sockaddr *)&address, len) || listen(fd, 16) ||
      getsockname(fd, (struct sockaddr *)&address, &len) ||
      pthread_create(&thread, NULL, accept_all, &fd))
    return -1;
  pthread_detach(thread);
  return ntohs(address.sin_port);
}

void tap_wait(const char *method, int count) {
  size_t i = 0;
  while (strcmp(methods[i].name, method) != 0)
    i++;
  pthread_mutex_lock(&seen.lock);
  while (seen.answered[i] < count)
    pthread_cond_wait(&seen.changed, &seen.lock);
  pthread_mutex_unlock(&seen.lock);
}
