/* Listening sockets: an address, a path, or one that was inherited.
 *
 * Out of descriptors, a listener gives up a spare one to accept and close the
 * connection that waits, then rests 100 ms: no busy loop, and calls under way
 * are not concerned. */
#ifndef AC_IO_LISTENER_H
#define AC_IO_LISTENER_H

#include <stdbool.h>
#include <stddef.h>

struct ac_loop;
struct ac_listener;

/* Receives a connected, non-blocking, CLOEXEC socket, and owns it. */
typedef void (*ac_accept_fn)(void *owner, int fd);

/* Opens |address| (anycable_config_set_rpc_host() has the forms, without
 * commas) and listens. A host name gives one listener, of its first address.
 * A unix socket's stale file is replaced, one in use is not. NULL, with the
 * reason in |error|, which does not name the option. */
struct ac_listener *ac_listener_open(const char *address, char *error,
                                     size_t error_size);

/* Duplicates |fd|, which must be a listening stream socket. */
struct ac_listener *ac_listener_adopt(int fd, char *error, size_t error_size);

/* Begins to accept in |loop|; |fn| is called there. False, with errno. */
bool ac_listener_start(struct ac_listener *listener, struct ac_loop *loop,
                       ac_accept_fn fn, void *owner);

/* Stops to accept, for good or until the next start; connections that wait in
 * the kernel stay there. */
void ac_listener_stop(struct ac_listener *listener);

/* Closes; removes the file of a unix socket that it made. */
void ac_listener_free(struct ac_listener *listener);

/* Has a unix socket's file stay there, as another process serves it now. */
void ac_listener_leave_file(struct ac_listener *listener);

/* The socket, which stays the listener's. */
int ac_listener_fd(const struct ac_listener *listener);

/* "127.0.0.1:50051" with the real port, "unix:/path". */
const char *ac_listener_address(const struct ac_listener *listener);

#endif
