/* What the application publishes: a broadcaster of its own that the node reads.
 * The application keeps that for as long as it lives, so it may outlive the
 * node; then it publishes to nobody. */
#ifndef AC_NODE_INBOX_H
#define AC_NODE_INBOX_H

#include <anycable/app.h>
#include <anycable/config.h>

struct ac_inbox;

/* Makes both. ANYCABLE_OK, or an error; anycable_config_error() may have the
 * reason. |*out| is the broadcaster's. */
int ac_inbox_new(struct ac_inbox **out, anycable_broadcaster **broadcaster,
                 anycable_config *config);

/* The next message, as anycable_memory_next(). */
anycable_str ac_inbox_next(struct ac_inbox *inbox);

/* Nobody reads it any more. */
void ac_inbox_close(struct ac_inbox *inbox);

#endif
