/* A connection of our own making, plain or TLS, for a thread that may wait. It
 * never blocks but in ac_link_wait and ac_link_handshake, and its writes never
 * raise SIGPIPE.
 *
 * Belongs to one thread. The loop's connections are streams, see stream.h. */
#ifndef AC_IO_LINK_H
#define AC_IO_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "io/wait.h"

struct ac_link;
struct ac_tls;

/* Takes |fd|, a connected, non-blocking socket; with |tls|, the client's side
 * of TLS to |host|, whose certificate is checked for that name or address if
 * |tls| says so. NULL without memory; |fd| is then closed. */
struct ac_link *ac_link_new(int fd, struct ac_tls *tls, const char *host);
void ac_link_free(struct ac_link *link);

/* Gets TLS done; plain, there is nothing to do. False if it failed, or did not
 * come to an end in time; see ac_link_error. */
bool ac_link_handshake(struct ac_link *link, const struct ac_wait *wait);

/* A count, or AC_STREAM_EOF, _AGAIN or _FAILED, see stream.h. With TLS, what a
 * write counted is taken, and sent by the next calls of any function here. */
ssize_t ac_link_read(struct ac_link *link, void *data, size_t size);
ssize_t ac_link_write(struct ac_link *link, const void *data, size_t len);

/* Waits until there may be something to read, or, if |room|, to be written. */
enum ac_wait_end ac_link_wait(struct ac_link *link, const struct ac_wait *wait,
                              bool room);

/* Why it failed; never NULL. */
const char *ac_link_error(const struct ac_link *link);

#endif
