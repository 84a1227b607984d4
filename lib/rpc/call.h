/* The inside of a call, which is what the public socket is. */
#ifndef AC_RPC_CALL_H
#define AC_RPC_CALL_H

#include <anycable/deferred.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>

#include "base/list.h"
#include "rpc/app.h"
#include "rpc/rpc.h"
#include "rpc/stats.h"

struct anycable_request {
  int method;
  struct ac_wire_request message;
  const struct ac_pair *metadata;
  size_t n_metadata;
  anycable_str sid;
  struct ac_arena *arena; /* what is decoded on demand goes here */
};

/* Where a call is, as the threads that may hold it see it. */
enum ac_call_phase {
  AC_CALL_RUNNING,  /* with the thread of its handler, or before it */
  AC_CALL_PENDING,  /* the handler has returned; its deferred has it */
  AC_CALL_FINISHED, /* the deferred was finished before the handler returned */
  AC_CALL_DONE
};

/* What a reply takes on the wire before anything was put out: its status. */
enum { AC_CALL_REPLY_FIXED = 2 };

/* User code that runs on a thread which is no worker. */
struct ac_visit {
  struct ac_list link; /* in ac_rpc.visits */
  pthread_t thread;
};

/* Lists of what was put out. */
struct ac_strings {
  anycable_str *items;
  size_t n;
  size_t room;
};

struct ac_pairs {
  struct ac_pair *items;
  size_t n;
  size_t room;
};

/* A call may be deferred several times, one after the other: the next one is
 * made when the one before was finished, which may not be freed yet. */
struct anycable_deferred {
  anycable_socket *call;
  void (*on_cancel)(anycable_deferred *deferred, void *ctx);
  void *on_cancel_ctx;
  bool finished;    /* the holder's own: finish was called */
  bool handed_over; /* and so is this: the handler's hold came along */
  bool freed;       /* under the lock */
  struct ac_visit *cancelling; /* on_cancel runs just now */
};

struct anycable_socket {
  struct anycable_request request;
  struct ac_rpc *rpc;
  struct ac_arena *arena;
  void *session;
  struct ac_socket_datum *data; /* of anycable_socket_set_data() */

  /* The transport's, on the I/O thread. */
  const struct ac_rpc_transport *transport;
  void *origin;
  bool awaited; /* |answered| is to be called */
  struct ac_timer timer;
  uint64_t deadline;
  uint64_t began;
  bool submitted;
  bool queued; /* in the batch or the queue; under the lock once flushed */
  bool in_batch;
  struct ac_list link; /* in the batch, the queue, or the list of finished */

  /* Who keeps the memory: the transport, and the handler's side. */
  atomic_int refs;
  atomic_int holders; /* of the session: the handler's run, each deferred; the
                         run's is the deferred's once the call is pending */
  atomic_int phase;
  atomic_bool cancelled;
  struct anycable_deferred deferred; /* the first one */
  struct anycable_deferred *current; /* that is not finished; under the lock
                                        but for who holds the call */

  /* The handler's. */
  int outcome;          /* that a deferred was finished with */
  int error;            /* the first output that failed */
  anycable_str message; /* of anycable_socket_fail() */
  size_t befores;       /* interceptors that were asked */
  bool open;            /* output is taken */
  bool rejected;        /* anycable_socket_reject() was called */
  bool deferrable;      /* a handle_ function runs */
  bool close;
  bool stop_all;
  size_t reply_size; /* what the outputs take on the wire, at most */
  struct ac_strings streams;
  struct ac_strings stopped;
  struct ac_strings transmissions;
  struct ac_pairs cstate;
  struct ac_pairs istate;
  struct ac_wire_presence presence;
  anycable_str identifiers; /* that Connect answers */

  enum ac_rpc_result result;
  struct ac_wire_reply reply;
  anycable_str encoded;
};

/* Calls of one method that wait for a worker. */
struct ac_line {
  struct ac_list calls;
  size_t n;
};

/* A line has a right to one of so many parts of the queue. */
enum { AC_LINES = 3, AC_SHARES = 8 };

struct ac_rpc {
  atomic_size_t refs; /* the server, and each deferred call */
  anycable_app *app;
  struct ac_rpc_config config;
  struct ac_runtime runtime;
  struct ac_log log;
  struct ac_list batch; /* submitted in this turn; the I/O thread's */
  uint64_t last_run;    /* when the last inline handler returned */
  struct ac_rpc_stats stats;
  _Atomic(pthread_t) inline_thread;
  atomic_bool inline_running; /* the I/O thread runs a handler */

  pthread_mutex_t mutex;          /* all below */
  pthread_cond_t work;            /* workers wait for calls */
  pthread_cond_t quiet;           /* somebody waits for user code to end */
  struct ac_line lines[AC_LINES]; /* the queue */
  int turn;                       /* whose is next */
  struct ac_list finished;
  size_t n_queued;   /* in all lines */
  size_t n_deferred; /* not freed yet */
  size_t running;    /* calls on workers, and visits */
  size_t visiting;   /* these alone */
  struct ac_list visits;
  pthread_t *threads;
  int n_threads;
  int idle;
  bool waking;  /* one idle worker was signalled and is not yet there */
  bool watched; /* the loop is woken when nothing runs any more */
  bool closed;  /* nothing is taken any more */
};

/* --- call.c --------------------------------------------------------------- */

/* One who keeps the memory less. */
void ac_call_unref(anycable_socket *call);

/* --- request.c ------------------------------------------------------------ */

/* A metadata value, of a name in lower case. */
anycable_str ac_request_metadata(const anycable_request *request,
                                 anycable_str name);

/* --- run.c: from before to the reply -------------------------------------- */

/* Runs a call on this thread: checks, interceptors, handler. When it returns,
 * the call is DONE, or PENDING and no longer this thread's, which has no hold
 * of the session to drop either. True if DONE. */
bool ac_call_run(anycable_socket *call);

/* A deferred call was finished: asks the session how it goes on, on this
 * thread. True if it has ended, in |*outcome|. False if it is PENDING anew, and
 * no longer this thread's. */
bool ac_call_resume(anycable_socket *call, int *outcome);

/* Ends a call with |outcome|: last words, interceptors, the reply. */
void ac_call_complete(anycable_socket *call, int outcome);

/* One holder of the session less; the last destroys it. Then the handler's
 * side lets go of the memory. */
void ac_call_drop_holder(anycable_socket *call);

/* --- reply.c -------------------------------------------------------------- */

/* What a handler's |outcome| really is: an error if an output failed or it is
 * none; and the connection's identifiers, where it is let in. */
int ac_reply_outcome(anycable_socket *call, int outcome);

/* Builds the reply to a call that ends in |outcome|, from what was put out. */
void ac_reply_build(anycable_socket *call, int outcome);

/* --- output.c ------------------------------------------------------------- */

/* Sets the error message, for an error of the library's own. */
void ac_socket_explain(anycable_socket *call, const char *format, ...)
    ANYCABLE_PRINTF(2, 3);
/* Remembers an output's error. */
int ac_socket_failed(anycable_socket *call, int error);
/* The size of a field of |len| bytes on the wire. */
size_t ac_socket_field_size(size_t len);
/* Adds |n| bytes to the reply's size. False if it gets too large. */
bool ac_socket_charge(anycable_socket *call, size_t n);
/* Is |text| good to send? Copies it. */
int ac_socket_text(anycable_socket *call, anycable_str text, anycable_str *out);
void ac_socket_log(anycable_socket *call, int level, const char *format, ...)
    ANYCABLE_PRINTF(3, 4);
void ac_socket_vlog(anycable_socket *call, int level, const char *format,
                    va_list args) ANYCABLE_PRINTF(3, 0);
int ac_socket_list_add(anycable_socket *call, struct ac_strings *list,
                       anycable_str text);
/* The same for |n| texts that are one. */
int ac_socket_list_join(anycable_socket *call, struct ac_strings *list,
                        const anycable_str *texts, size_t n);

/* --- state.c -------------------------------------------------------------- */

/* Sets a key of istate or cstate; the server's own keys too. */
int ac_state_set(anycable_socket *call, struct ac_pairs *changes,
                 anycable_str key, anycable_str value);
anycable_str ac_state_get(const struct ac_pairs *changes,
                          const struct ac_wire_map *known, anycable_str key);

/* --- rpc.c ---------------------------------------------------------------- */

/* Tells the transport, once; it may release the call from inside. */
void ac_rpc_answer(anycable_socket *call, enum ac_rpc_result result);
/* Hands a call over to the I/O thread. True if that must be woken. Under the
 * lock. */
bool ac_rpc_publish_locked(struct ac_rpc *rpc, anycable_socket *call);
/* User code has run. Under the lock. */
void ac_rpc_ran_locked(struct ac_rpc *rpc);

/* A call is DONE on another thread than the I/O thread: it is answered from
 * there. Drops the caller's claim to it. */
void ac_rpc_finished(anycable_socket *call);
void ac_rpc_unref(struct ac_rpc *rpc);

/* User code is about to run on a thread that is no worker, or has run. False
 * if the rpc is closed. */
bool ac_rpc_enter(struct ac_rpc *rpc, struct ac_visit *visit);
void ac_rpc_leave(struct ac_rpc *rpc, struct ac_visit *visit);

/* The same for who has the lock. */
void ac_rpc_enter_locked(struct ac_rpc *rpc, struct ac_visit *visit);
void ac_rpc_leave_locked(struct ac_rpc *rpc, struct ac_visit *visit);

/* --- stats.c -------------------------------------------------------------- */

/* Each once for every call that was submitted. The I/O thread. */
void ac_rpc_count_begin(anycable_socket *call);
void ac_rpc_count_end(anycable_socket *call, enum ac_rpc_end end);

/* --- deferred.c ----------------------------------------------------------- */

/* Was the call deferred, and that deferred not finished yet? */
bool ac_call_is_deferred(const anycable_socket *call);
/* What it is deferred by from now on: nothing, before it runs again. */
void ac_call_set_deferred(anycable_socket *call,
                          struct anycable_deferred *deferred);

/* Cancels: flags, and tells the deferred. The I/O thread. */
void ac_call_cancel(anycable_socket *call);

#endif
