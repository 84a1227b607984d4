/* Host names to addresses, in bounded time. */
#ifndef AC_IO_LOOKUP_H
#define AC_IO_LOOKUP_H

#include <stddef.h>

struct ac_wait;
struct addrinfo;

/* The addresses of |host| for TCP, in the order in which to try them, to be
 * freed by freeaddrinfo(). NULL, with the reason in |error|.
 *
 * The resolver of the C library knows no deadline: names, other than addresses,
 * are looked up by a thread, which is left behind when the time is over, and
 * ends when the resolver gives up. */
struct addrinfo *ac_lookup(const char *host, unsigned port,
                           const struct ac_wait *wait, char *error,
                           size_t error_size);

#endif
