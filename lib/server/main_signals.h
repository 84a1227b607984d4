/* The signals of anycable_main: TERM, INT and HUP are counted and wake a
 * descriptor, PIPE is ignored.
 *
 * The handlers may run on any thread of the process, as the program may have
 * made some before, and so they touch nothing but what is here. Signals belong
 * to the process: so does this, the one global state of the library. */
#ifndef AC_SERVER_MAIN_SIGNALS_H
#define AC_SERVER_MAIN_SIGNALS_H

#include <stdbool.h>

/* Begins to catch, on the main thread too where they were blocked. Zero, or an
 * errno value: EBUSY where another anycable_main runs. */
int ac_signals_catch(void);

/* Puts back what was before; no handler runs any more when it returns. */
void ac_signals_release(void);

/* Has ac_signals_wait return; any thread. */
void ac_signals_wake(void);

/* Waits for a signal or a wake-up, |timeout_ms| at most; -1: for ever. */
void ac_signals_wait(int timeout_ms);

/* How many TERM and INT have come; was there a HUP since the last time? */
int ac_signals_stops(void);
bool ac_signals_take_hangup(void);

#endif
