/* Waiting for a descriptor, no longer than until a deadline: a time of
 * clock_now(), or -1 for none. */
#ifndef TOOL_WAIT_H
#define TOOL_WAIT_H

#include <stdbool.h>
#include <stdint.h>

/* Milliseconds of a clock that nobody sets. */
int64_t clock_now(void);

/* Waits for |events| of poll(); true also where the descriptor is broken, which
 * its next use will tell. False at the deadline. */
bool wait_fd(int fd, short events, int64_t deadline);

#endif
