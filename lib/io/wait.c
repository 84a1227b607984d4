/* poll() with an end that signals cannot move. */
#include "io/wait.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>

#include "base/clock.h"

/* Rounded up: to wake before the time would be to poll again at once. */
static int timeout_ms(uint64_t until) {
  uint64_t now = ac_clock_now();
  if (now >= until)
    return 0;
  uint64_t ms = (until - now + AC_MS - 1) / AC_MS;
  return ms < INT_MAX ? (int)ms : INT_MAX;
}

enum ac_wait_end ac_wait_for(const struct ac_wait *wait, int fd, short events) {
  struct pollfd fds[] = {{.fd = fd, .events = events},
                         {.fd = wait->interrupt, .events = POLLIN}};
  for (;;) {
    int n = poll(fds, 2, timeout_ms(wait->until));
    if (n > 0)
      return fds[1].revents ? AC_WAIT_INTERRUPTED : AC_WAIT_READY;
    if (n == 0 || errno != EINTR)
      return AC_WAIT_TIMEOUT;
  }
}

struct ac_wait ac_wait_shorter(const struct ac_wait *wait, uint64_t ms) {
  uint64_t until = ac_clock_now() + ms * AC_MS;
  struct ac_wait shorter = *wait;
  if (until < shorter.until)
    shorter.until = until;
  return shorter;
}

const char *ac_wait_text(enum ac_wait_end end) {
  switch (end) {
  case AC_WAIT_READY:
    break;
  case AC_WAIT_TIMEOUT:
    return "timed out";
  case AC_WAIT_INTERRUPTED:
    return "interrupted";
  }
  return "";
}
