/* What the kernel takes by itself: waits for connections with epoll, and for
 * whatever one receives sends the same answer. It reads no request, so it is a
 * floor, not a server; no server on sockets can take much less.
 *
 *   bare_http --address 127.0.0.1:PORT --answer BYTES */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BATCH = 64 };

static const char *option(char **argv, const char *name) {
  for (; argv[0] && argv[1]; argv++)
    if (strcmp(argv[0], name) == 0)
      return argv[1];
  return "";
}

static int listen_at(const char *address) {
  const char *port = strchr(address, ':');
  struct sockaddr_in at = {.sin_family = AF_INET};
  int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
  at.sin_port = htons((unsigned short)atoi(port ? port + 1 : ""));
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  if (bind(fd, (struct sockaddr *)&at, sizeof(at)) != 0 || listen(fd, 100) != 0)
    exit(1);
  return fd;
}

static void watch(int epoll, int fd) {
  struct epoll_event event = {.events = EPOLLIN, .data = {.fd = fd}};
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0)
    exit(1);
}

static void take_connection(int epoll, int listener) {
  int fd = accept(listener, NULL, NULL), on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  watch(epoll, fd);
}

static void answer(int fd, const char *bytes, size_t len) {
  char request[8192];
  if (recv(fd, request, sizeof(request), 0) <= 0)
    close(fd);
  else if (send(fd, bytes, len, MSG_NOSIGNAL) != (ssize_t)len)
    exit(1);
}

int main(int argc, char **argv) {
  const char *bytes = option(argv, "--answer");
  const size_t len = strlen(bytes);
  int listener = listen_at(option(argv, "--address"));
  int epoll = epoll_create1(0);
  (void)argc;
  watch(epoll, listener);
  for (;;) {
    struct epoll_event events[BATCH];
    int n = epoll_wait(epoll, events, BATCH, -1);
    for (int i = 0; i < n; i++) {
      if (events[i].data.fd == listener)
        take_connection(epoll, listener);
      else
        answer(events[i].data.fd, bytes, len);
    }
  }
}
