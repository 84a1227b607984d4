/* Where calls run: inline, or on workers behind a queue.
 *
 * A whole turn's calls are queued under one lock; one worker is woken, and
 * wakes the next one if there is more to do.
 *
 * Connect, Command and Disconnect wait in lines of their own, which workers
 * serve in turn: so a flood of one does not hold up the others. It does not
 * lock them out either: each has a right to a share of the queue. Who comes to
 * a full one, and has less, has the newest call of the longest line refused; so
 * nothing is kept free for who does not come. A client's calls never overtake
 * each other, as AnyCable makes the next one when it has the answer to the one
 * before. */
#include "base/thread.h"
#include "rpc/call.h"

static void *work(void *arg);

static struct ac_line *line_of(const anycable_socket *call) {
  return &call->rpc->lines[call->request.method - ANYCABLE_CONNECT];
}

/* Takes a call that no thread runs yet out of the batch or the queue. */
static bool withdraw(anycable_socket *call) {
  struct ac_rpc *rpc = call->rpc;
  if (call->in_batch) {
    call->in_batch = false;
    ac_list_remove(&call->link);
    return true;
  }
  pthread_mutex_lock(&rpc->mutex);
  bool queued = call->queued;
  if (queued) {
    call->queued = false;
    ac_list_remove(&call->link);
    line_of(call)->n--;
    rpc->n_queued--;
  }
  pthread_mutex_unlock(&rpc->mutex);
  return queued;
}

static void expire(struct ac_timer *timer) {
  anycable_socket *call = ac_container_of(timer, anycable_socket, timer);
  atomic_fetch_add(&call->refs, 1);
  if (withdraw(call))
    ac_call_drop_holder(call); /* it will never run */
  else if (atomic_load(&call->phase) != AC_CALL_DONE)
    ac_call_cancel(call);
  ac_rpc_answer(call, AC_RPC_EXPIRED);
  ac_call_unref(call);
}

void ac_rpc_release(anycable_socket *call) {
  struct ac_rpc *rpc = call->rpc;
  if (call->awaited)
    ac_rpc_count_end(call, AC_RPC_ENDS_CANCELLED);
  call->awaited = false;
  rpc->runtime.timer_clear(rpc->runtime.loop, &call->timer);
  if (atomic_load(&call->phase) != AC_CALL_DONE) {
    if (!call->submitted || withdraw(call))
      ac_call_drop_holder(call);
    else
      ac_call_cancel(call);
  }
  ac_call_unref(call);
}

/* For ac_rpc_inside, which asks only whether its own thread is the one. */
static void set_inline(struct ac_rpc *rpc, bool running) {
  atomic_store_explicit(&rpc->inline_thread, pthread_self(),
                        memory_order_relaxed);
  atomic_store_explicit(&rpc->inline_running, running, memory_order_relaxed);
}

/* A handler may take its time: what the clock said after the last one counts
 * where the turn began before. */
static bool too_late(const struct ac_rpc *rpc, const anycable_socket *call) {
  uint64_t now = rpc->runtime.now(rpc->runtime.loop);
  return (now > rpc->last_run ? now : rpc->last_run) >= call->deadline;
}

static void run_inline(anycable_socket *call) {
  struct ac_rpc *rpc = call->rpc;
  if (too_late(rpc, call)) {
    atomic_store(&call->phase, AC_CALL_DONE);
    ac_rpc_answer(call, AC_RPC_EXPIRED);
    ac_call_drop_holder(call);
    return;
  }
  set_inline(rpc, true);
  bool done = ac_call_run(call);
  rpc->last_run = rpc->runtime.clock(rpc->runtime.loop);
  if (done)
    ac_rpc_answer(call, too_late(rpc, call) ? AC_RPC_EXPIRED : call->result);
  else if (rpc->runtime.timer_set(rpc->runtime.loop, &call->timer,
                                  call->deadline) != 0)
    expire(&call->timer);
  if (done)
    ac_call_drop_holder(call); /* user code too */
  set_inline(rpc, false);
}

void ac_rpc_submit(anycable_socket *call, uint64_t deadline,
                   const struct ac_rpc_transport *transport, void *origin) {
  struct ac_rpc *rpc = call->rpc;
  call->submitted = true;
  call->deadline = deadline;
  call->transport = transport;
  call->origin = origin;
  call->awaited = true;
  ac_rpc_count_begin(call);
  call->timer.fire = expire;
  if (rpc->config.workers == 0) {
    run_inline(call);
    return;
  }
  call->in_batch = true;
  ac_list_append(&rpc->batch, &call->link);
}

/* --- the queue ------------------------------------------------------------ */

static bool spawn(struct ac_rpc *rpc) {
  if (ac_thread_start(&rpc->threads[rpc->n_threads], work, rpc) != 0)
    return false;
  rpc->n_threads++;
  return true;
}

/* Has one more worker look at the queue. Under the lock. */
static void rouse(struct ac_rpc *rpc) {
  if (rpc->waking || rpc->n_queued == 0)
    return;
  if (rpc->idle > 0)
    pthread_cond_signal(&rpc->work);
  else if (rpc->n_threads >= rpc->config.workers || !spawn(rpc))
    return;
  rpc->waking = true;
}

/* How many calls may wait: the queue, and one for each worker that could take
 * it at once. */
static size_t room(const struct ac_rpc *rpc) {
  size_t workers = (size_t)rpc->config.workers;
  size_t busy = rpc->running - rpc->visiting;
  size_t free_workers = workers > busy ? workers - busy : 0;
  size_t most = rpc->config.queue + free_workers;
  return most > rpc->n_queued ? most - rpc->n_queued : 0;
}

/* Makes room for a call of |line| in a full queue: if it has less than its
 * share, the newest call of the longest line is refused, if that has more. */
static bool push_out(struct ac_rpc *rpc, const struct ac_line *line,
                     struct ac_list *refused) {
  size_t share = rpc->config.queue / AC_SHARES;
  struct ac_line *longest = &rpc->lines[0];
  for (int i = 1; i < AC_LINES; i++)
    if (rpc->lines[i].n > longest->n)
      longest = &rpc->lines[i];
  if (line->n >= share || longest->n <= share)
    return false;
  struct ac_list *newest = longest->calls.prev;
  ac_list_remove(newest);
  ac_list_append(refused, newest);
  longest->n--;
  rpc->n_queued--;
  return true;
}

/* |left| is how many there is room for. */
static void put_in(struct ac_rpc *rpc, anycable_socket *call, size_t *left,
                   struct ac_list *refused) {
  struct ac_line *line = line_of(call);
  if (*left > 0) {
    --*left;
  } else if (!push_out(rpc, line, refused)) {
    ac_list_append(refused, &call->link);
    return;
  }
  call->in_batch = false;
  call->queued = true;
  ac_list_append(&line->calls, &call->link);
  line->n++;
  rpc->n_queued++;
}

/* Before calls are in the queue, where they are others' too. Those for which
 * there is no memory go to |refused|. */
static void set_timers(struct ac_rpc *rpc, struct ac_list *refused) {
  struct ac_list *next;
  for (struct ac_list *l = rpc->batch.next; l != &rpc->batch; l = next) {
    anycable_socket *call = ac_container_of(l, anycable_socket, link);
    next = l->next;
    if (rpc->runtime.timer_set(rpc->runtime.loop, &call->timer,
                               call->deadline) == 0)
      continue;
    ac_list_remove(l);
    ac_list_append(refused, l);
  }
}

static void refuse(struct ac_list *refused) {
  struct ac_list *link;
  while ((link = ac_list_shift(refused))) {
    anycable_socket *call = ac_container_of(link, anycable_socket, link);
    call->in_batch = false;
    call->queued = false;
    atomic_store(&call->phase, AC_CALL_DONE);
    ac_rpc_answer(call, AC_RPC_REFUSED);
    ac_call_drop_holder(call);
  }
}

/* Under the lock. */
static void empty_queue(struct ac_rpc *rpc, struct ac_list *out) {
  for (int i = 0; i < AC_LINES; i++) {
    ac_list_splice(out, &rpc->lines[i].calls);
    rpc->lines[i].n = 0;
  }
  rpc->n_queued = 0;
}

bool ac_rpc_flush(struct ac_rpc *rpc) {
  struct ac_list refused;
  struct ac_list *link;
  if (ac_list_empty(&rpc->batch))
    return false;
  ac_list_init(&refused);
  set_timers(rpc, &refused);
  pthread_mutex_lock(&rpc->mutex);
  size_t left = rpc->closed ? 0 : room(rpc);
  while ((link = ac_list_shift(&rpc->batch)))
    put_in(rpc, ac_container_of(link, anycable_socket, link), &left, &refused);
  rouse(rpc);
  if (rpc->n_threads == 0) /* and not one to be had */
    empty_queue(rpc, &refused);
  pthread_mutex_unlock(&rpc->mutex);
  bool any = !ac_list_empty(&refused);
  refuse(&refused);
  return any;
}

/* --- workers -------------------------------------------------------------- */

/* Takes the next call that is worth running. Under the lock. */
static anycable_socket *next_call(struct ac_rpc *rpc) {
  if (rpc->n_queued == 0)
    return NULL;
  do
    rpc->turn = (rpc->turn + 1) % AC_LINES;
  while (rpc->lines[rpc->turn].n == 0);
  struct ac_line *line = &rpc->lines[rpc->turn];
  struct ac_list *link = ac_list_shift(&line->calls);
  anycable_socket *call = ac_container_of(link, anycable_socket, link);
  call->queued = false;
  line->n--;
  rpc->n_queued--;
  rpc->running++;
  rouse(rpc);
  return call;
}

/* Waits for a call. NULL when the rpc is closed. Under the lock. */
static anycable_socket *await(struct ac_rpc *rpc) {
  for (;;) {
    anycable_socket *call = rpc->closed ? NULL : next_call(rpc);
    if (call || rpc->closed)
      return call;
    rpc->idle++;
    pthread_cond_wait(&rpc->work, &rpc->mutex);
    rpc->idle--;
    rpc->waking = false;
  }
}

/* Runs a call. True if it is done, false if it is pending now. */
static bool run(anycable_socket *call) {
  const struct ac_runtime *runtime = &call->rpc->runtime;
  if (runtime->clock(runtime->loop) >= call->deadline) { /* too late to begin */
    call->result = AC_RPC_EXPIRED;
    atomic_store(&call->phase, AC_CALL_DONE);
    return true;
  }
  return ac_call_run(call);
}

/* One lock a call, as long as there are calls. */
static void *work(void *arg) {
  struct ac_rpc *rpc = arg;
  pthread_mutex_lock(&rpc->mutex);
  rpc->waking = false;
  anycable_socket *call = await(rpc);
  while (call) {
    pthread_mutex_unlock(&rpc->mutex);
    bool done = run(call);
    if (done) {
      atomic_fetch_add(&call->refs, 1); /* for the list of finished calls */
      ac_call_drop_holder(call);
    }
    pthread_mutex_lock(&rpc->mutex);
    bool wake = done && ac_rpc_publish_locked(rpc, call);
    ac_rpc_ran_locked(rpc);
    call = rpc->closed ? NULL : next_call(rpc);
    if (wake) {
      pthread_mutex_unlock(&rpc->mutex);
      rpc->runtime.wake(rpc->runtime.loop);
      pthread_mutex_lock(&rpc->mutex);
    }
    if (!call)
      call = await(rpc);
  }
  pthread_mutex_unlock(&rpc->mutex);
  return NULL;
}
