/* poll() with a deadline. */
#include "wait.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <time.h>

int64_t clock_now(void) {
  struct timespec t;

  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int poll_timeout(int64_t deadline) {
  int64_t left;

  if (deadline < 0)
    return -1;
  left = deadline - clock_now();
  return left < 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left;
}

bool wait_fd(int fd, short events, int64_t deadline) {
  struct pollfd p = {.fd = fd, .events = events};

  for (;;) {
    int n = poll(&p, 1, poll_timeout(deadline));
    if (n > 0 || (n < 0 && errno != EINTR))
      return true;
    if (deadline >= 0 && clock_now() >= deadline)
      return false;
  }
}
