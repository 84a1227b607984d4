/* What systemd and a service say to each other, without its library:
 * descriptors that are passed on, readiness, watchdog. Nothing happens where
 * the environment does not ask for it. */
#ifndef AC_SERVER_MAIN_SYSTEMD_H
#define AC_SERVER_MAIN_SYSTEMD_H

#include <anycable/config.h>

#include <stdint.h>

/* Has |config| listen on the sockets that were passed on, and takes the
 * variables that tell of them out of the environment. */
int ac_systemd_take_sockets(anycable_config *config);

/* "READY=1" and the like, several lines at a time. */
void ac_systemd_notify(const char *text);

/* How often, in nanoseconds, the watchdog wants to hear of us: half the time
 * after which it bites; 0 without one. */
uint64_t ac_systemd_watchdog(void);

#endif
