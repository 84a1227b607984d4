/* Addresses to listen on, as text: reads them, opens them, names them. */
#ifndef AC_IO_ADDRESS_H
#define AC_IO_ADDRESS_H

#include <stddef.h>

/* Room for the longest name, a unix socket's. */
enum { AC_ADDRESS_SIZE = 128 };

/* Opens a socket that listens on |address|, non-blocking and CLOEXEC. For a
 * unix socket, |*path| is its file, to be freed. -1, with the reason in
 * |error|, which does not name the option. */
int ac_address_listen(const char *address, char **path, char *error,
                      size_t error_size);

/* Can |address| be listened on, by its form alone? 0, or -1 with the reason in
 * |error|, which does not name the option. */
int ac_address_check(const char *address, char *error, size_t error_size);

/* Writes what |fd| is bound to, such as "127.0.0.1:50051". */
void ac_address_name(int fd, char name[AC_ADDRESS_SIZE]);

/* Writes an address of any family, as getsockname and getpeername give it. */
struct sockaddr_storage;
void ac_address_format(const struct sockaddr_storage *address, size_t len,
                       char name[AC_ADDRESS_SIZE]);

#endif
