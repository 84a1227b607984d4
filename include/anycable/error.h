/* What a call can end in: outcomes of handlers, and errors. */
#ifndef ANYCABLE_ERROR_H
#define ANYCABLE_ERROR_H

#include <anycable/version.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What functions and handlers return; values are only ever added.
 *
 * Functions return ANYCABLE_OK or a negative value, an error; a few return
 * another positive value that they name.
 *
 * Handlers return an outcome: ANYCABLE_DONE, ANYCABLE_REJECT, ANYCABLE_PENDING,
 * or an error. What AnyCable does with it:
 *
 *                   DONE              REJECT              an error
 *   Connect         lets it in        frames go out,      closes it, frames
 *                                     closes it           are dropped
 *   subscribe       adds it, applies  adds nothing, takes nothing; the client
 *                   all outputs       no streams, istate  hears nothing
 *                                     or presence; frames
 *                                     and cstate apply
 *   unsubscribe     removes it,       the same as DONE    nothing: it stays
 *                   applies outputs                       subscribed
 *   message         applies all       the same as DONE    nothing; the client
 *                   outputs                               hears nothing
 *   Disconnect      -                 -                   counts it
 */
enum anycable_result {
  ANYCABLE_OK = 0,

  /* Outcomes. */
  ANYCABLE_DONE = 0,    /* Status SUCCESS */
  ANYCABLE_REJECT = 1,  /* Status FAILURE: connection or subscription refused */
  ANYCABLE_PENDING = 2, /* answered later, see anycable_socket_defer() */
  ANYCABLE_ANSWERED = 3, /* interceptors only: SUCCESS without the handler */

  ANYCABLE_CLOSED = 4, /* anycable_server_dispatch(): drained */

  /* Errors; as an outcome, Status ERROR. */
  ANYCABLE_ERR_NOMEM = -1,        /* out of memory, or over the call's cap */
  ANYCABLE_ERR_INVALID = -2,      /* an argument makes no sense */
  ANYCABLE_ERR_STATE = -3,        /* not now, not in this kind of call */
  ANYCABLE_ERR_IO = -4,           /* the operating system refused */
  ANYCABLE_ERR_TLS = -5,          /* a certificate or key is unusable */
  ANYCABLE_ERR_PROTO = -6,        /* the other side broke the protocol */
  ANYCABLE_ERR_LIMIT = -7,        /* a limit is reached */
  ANYCABLE_ERR_FORKED = -8,       /* made before fork(), used in the child */
  ANYCABLE_ERR_BUSY = -9,         /* handlers still run */
  ANYCABLE_ERR_FAILED = -10,      /* the application said so */
  ANYCABLE_ERR_ENCODING = -11,    /* text is not valid UTF-8, or has a NUL */
  ANYCABLE_ERR_CANCELLED = -12,   /* the call has ended already */
  ANYCABLE_ERR_UNAVAILABLE = -13, /* a peer cannot be reached, or goes down */
  ANYCABLE_ERR_TIMEOUT = -14,     /* not done in the time given */
  ANYCABLE_ERR_EXPIRED = -15,     /* a token's time is over, or not yet there */
  ANYCABLE_ERR_SIGNATURE = -16    /* signed with another secret, or forged */
};

/** Says what |error| means, for logs: "out of memory".
 *  Returns: a constant string, "unknown error" for a value not listed.
 *  Threads: any. */
ANYCABLE_EXTERN const char *anycable_strerror(int error);

#ifdef __cplusplus
}
#endif

#endif
