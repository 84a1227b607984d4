/* A line on the terminal that says how far publishing has come; none where
 * standard error is no terminal, or where it takes no second. */
#ifndef TOOL_PROGRESS_H
#define TOOL_PROGRESS_H

#include <anycable/broadcaster.h>

struct progress {
  bool on;
  bool shown;
  int64_t began, said; /* by clock_now() */
};

void progress_begin(struct progress *progress);

/* Is it time to show something? */
bool progress_due(const struct progress *progress);

/* Shows what |counts| say. */
void progress_show(struct progress *progress,
                   const anycable_broadcast_counts *counts);

/* Takes the line away. */
void progress_end(struct progress *progress);

#endif
