/* Has this process been forked since? A page that the kernel wipes in children
 * tells without a system call. */
#ifndef AC_BASE_FORK_H
#define AC_BASE_FORK_H

#include <stdbool.h>

struct ac_fork_page;

/* NULL where the system refuses. */
struct ac_fork_page *ac_fork_page_new(void);
void ac_fork_page_free(struct ac_fork_page *page);

/* True in a child of the process that made |page|. Any thread, also in signal
 * handlers. */
bool ac_forked(const struct ac_fork_page *page);

#endif
