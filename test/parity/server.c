/* The application behind the real server. */
#include <stdio.h>

#include "app.h"

static void log_line(const char *line) {
  printf("%s\n", line);
  fflush(stdout);
}

int main(int argc, char **argv) {
  return anycable_main(parity_app(log_line), argc, argv);
}
