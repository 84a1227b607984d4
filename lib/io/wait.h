/* Waiting for a descriptor, in a thread that has nothing else to do: until a
 * time, and not after another descriptor has told it to stop. */
#ifndef AC_IO_WAIT_H
#define AC_IO_WAIT_H

#include <stdint.h>

struct ac_wait {
  uint64_t until; /* ac_clock time */
  int interrupt;  /* readable when nothing is to be waited for; -1: none */
};

enum ac_wait_end {
  AC_WAIT_READY,
  AC_WAIT_TIMEOUT,
  AC_WAIT_INTERRUPTED /* also where |fd| is ready, too */
};

/* Waits until |fd| has one of poll()'s |events|, or has failed. */
enum ac_wait_end ac_wait_for(const struct ac_wait *wait, int fd, short events);

/* The same |wait|, but |ms| milliseconds from now at most. */
struct ac_wait ac_wait_shorter(const struct ac_wait *wait, uint64_t ms);

/* "timed out", "interrupted"; empty if READY. */
const char *ac_wait_text(enum ac_wait_end end);

#endif
