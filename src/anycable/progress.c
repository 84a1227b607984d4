/* Writes one line over and over, on standard error. */
#include "progress.h"
#include "wait.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

enum { FIRST_MS = 1000, EVERY_MS = 200 };

#define CLEAR_LINE "\r\033[K"

void progress_begin(struct progress *progress) {
  *progress = (struct progress){.on = isatty(STDERR_FILENO)};
  progress->began = clock_now();
  progress->said = progress->began + FIRST_MS - EVERY_MS;
}

bool progress_due(const struct progress *progress) {
  return progress->on && clock_now() - progress->said >= EVERY_MS;
}

void progress_show(struct progress *progress,
                   const anycable_broadcast_counts *counts) {
  int64_t now = clock_now();
  uint64_t sent = counts->taken - counts->queued;

  fprintf(stderr,
          CLEAR_LINE "%" PRIu64 " sent, %" PRIu64 "/s, %" PRIu64 " queued",
          sent, sent * 1000 / (uint64_t)(now - progress->began + 1),
          counts->queued);
  fflush(stderr);
  progress->said = now;
  progress->shown = true;
}

void progress_end(struct progress *progress) {
  if (progress->shown)
    fputs(CLEAR_LINE, stderr);
  progress->shown = false;
}
