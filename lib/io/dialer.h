/* Connecting to others, in a thread that may wait for it, for a bounded time.
 *
 * The sockets are non-blocking and CLOEXEC; those of TCP send at once, and find
 * out when the other side has vanished. */
#ifndef AC_IO_DIALER_H
#define AC_IO_DIALER_H

#include <stddef.h>

struct ac_wait;

/* Connects to |host|, a name or an address, trying all its addresses in turn;
 * each has its share of the time that is left. Returns the socket, or -1 with
 * the reason, which does not name the host, in |error|. */
int ac_dialer_connect(const char *host, unsigned port,
                      const struct ac_wait *wait, char *error,
                      size_t error_size);

/* The same for a unix socket. */
int ac_dialer_connect_unix(const char *path, char *error, size_t error_size);

#endif
