/* The application of both sides: it does what clients tell it. */
#ifndef PARITY_APP_H
#define PARITY_APP_H

#include <anycable.h>

/* An application that says by |log| what clients never hear: a line of JSON for
 * each Disconnect. */
anycable_app *parity_app(void (*log)(const char *line));

#endif
