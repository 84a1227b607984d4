/* The way of one call through user code: version, interceptors, the session's
 * handler, last words, and the reply. On the thread that holds the call. */
#include <string.h>

#include "rpc/call.h"

#define PROTOCOL "v1"

/* The server says which versions it speaks, separated by commas. */
static bool version_fits(anycable_str offered) {
  while (offered.len > 0) {
    const char *comma = memchr(offered.ptr, ',', offered.len);
    size_t len = comma ? (size_t)(comma - offered.ptr) : offered.len;
    size_t from = 0, to = len;
    while (from < to && offered.ptr[from] == ' ')
      from++;
    while (to > from && offered.ptr[to - 1] == ' ')
      to--;
    if (anycable_str_is(ac_str(offered.ptr + from, to - from), PROTOCOL))
      return true;
    if (!comma)
      break;
    offered = ac_str(offered.ptr + len + 1, offered.len - len - 1);
  }
  return false;
}

static int check_version(anycable_socket *call) {
  anycable_str offered =
      ac_request_metadata(&call->request, ac_str("protov", 6));
  if (!call->rpc->config.version_check || version_fits(offered))
    return ANYCABLE_OK;
  ac_socket_explain(call,
                    "incompatible protocol: this backend speaks %s, the "
                    "server speaks %s",
                    PROTOCOL, offered.len > 0 ? offered.ptr : "no version");
  return ANYCABLE_ERR_PROTO;
}

/* ANYCABLE_DONE to go on; all else is the answer. */
static int ask_interceptors(anycable_socket *call) {
  const anycable_app *app = call->rpc->app;
  for (size_t i = 0; i < app->n_interceptors; i++) {
    call->befores = i + 1;
    if (!app->interceptors[i].before)
      continue;
    int rc = app->interceptors[i].before(call, app->interceptors[i].ctx);
    if (rc == ANYCABLE_DONE)
      continue;
    if (rc != ANYCABLE_PENDING)
      return rc;
    ac_socket_explain(call, "an interceptor cannot answer later");
    return ANYCABLE_ERR_STATE;
  }
  return ANYCABLE_DONE;
}

static int handle(anycable_socket *call) {
  const anycable_session_ops *ops = &call->rpc->app->ops;
  const struct ac_wire_request *message = &call->request.message;
  call->session =
      ops->create(call, message->identifiers, message->subscriptions.items,
                  message->subscriptions.n, call->rpc->app->ctx);
  if (!call->session) {
    if (call->message.len == 0)
      ac_socket_explain(call, "the session could not be created");
    return ANYCABLE_ERR_FAILED;
  }
  call->deferrable = true;
  int outcome;
  if (call->request.method == ANYCABLE_CONNECT)
    outcome = ops->handle_open(call->session);
  else if (call->request.method == ANYCABLE_COMMAND)
    outcome = ops->handle_channel_command(call->session, message->identifier,
                                          message->command, message->data);
  else
    outcome = ops->handle_close(call->session);
  return outcome;
}

/* A subscription may be refused as a matter of course: only with a reason is
 * that worth a line. */
static void log_end(anycable_socket *call, int outcome) {
  bool connect = call->request.method == ANYCABLE_CONNECT;
  if (outcome == ANYCABLE_DONE) {
    ac_socket_log(call, ANYCABLE_LOG_DEBUG, "done");
    return;
  }
  if (outcome == ANYCABLE_REJECT && (connect || call->message.len > 0))
    ac_socket_log(call, ANYCABLE_LOG_INFO, "rejected: %s",
                  call->message.len > 0 ? call->message.ptr
                                        : "the application said no");
  else if (outcome < 0)
    ac_socket_log(call, ANYCABLE_LOG_ERROR, "%s: %s",
                  connect ? "rejected" : "failed", call->reply.error_msg.ptr);
}

static void run_afters(anycable_socket *call, int outcome) {
  const anycable_app *app = call->rpc->app;
  for (size_t i = call->befores; i > 0; i--) {
    const struct ac_interceptor *interceptor = &app->interceptors[i - 1];
    if (interceptor->after)
      interceptor->after(call, outcome, interceptor->ctx);
  }
}

static void encode(anycable_socket *call) {
  if (call->transport->encode)
    call->encoded = call->transport->encode(call->request.method, &call->reply,
                                            call->arena);
}

void ac_call_complete(anycable_socket *call, int outcome) {
  const anycable_app *app = call->rpc->app;
  call->deferrable = false;
  if (atomic_load(&call->cancelled)) {
    call->open = false;
    run_afters(call, ANYCABLE_ERR_CANCELLED);
    return;
  }
  outcome = ac_reply_outcome(call, outcome);
  if (call->session && app->ops.completed) {
    app->ops.completed(call->session, outcome);
    outcome = ac_reply_outcome(call, outcome); /* its own outputs count too */
  }
  ac_reply_build(call, outcome);
  call->open = false;
  log_end(call, outcome);
  if (outcome < 0 && app->on_error)
    app->on_error(call, outcome, call->reply.error_msg.ptr, app->on_error_ctx);
  run_afters(call, outcome);
  encode(call);
  if (ac_call_is_deferred(call)) /* and answered although it is */
    atomic_store(&call->cancelled, true);
}

/* What a call has come to when user code has returned. */
enum settled {
  SETTLED_DONE,     /* it said what the call ends in */
  SETTLED_FINISHED, /* so did its deferred, before that returned */
  SETTLED_PENDING /* the call is the deferred's, our hold of the session too */
};

static enum settled settle(anycable_socket *call, int *outcome) {
  int running = AC_CALL_RUNNING;
  bool pending = *outcome == ANYCABLE_PENDING;
  if (pending && ac_call_is_deferred(call)) {
    if (atomic_compare_exchange_strong(&call->phase, &running, AC_CALL_PENDING))
      return SETTLED_PENDING;
    *outcome = call->outcome;
    atomic_store(&call->phase, AC_CALL_DONE);
    return SETTLED_FINISHED;
  }
  if (pending) {
    ac_socket_explain(call, "a handler returned ANYCABLE_PENDING, but did "
                            "not call anycable_socket_defer()");
    *outcome = ANYCABLE_ERR_STATE;
  }
  atomic_store(&call->phase, AC_CALL_DONE);
  return SETTLED_DONE;
}

bool ac_call_resume(anycable_socket *call, int *outcome) {
  const anycable_session_ops *ops = &call->rpc->app->ops;
  enum settled settled = SETTLED_FINISHED;
  ac_call_set_deferred(call, NULL);
  while (ops->resume && settled == SETTLED_FINISHED) {
    atomic_store(&call->phase, AC_CALL_RUNNING);
    *outcome = ops->resume(call->session, *outcome);
    settled = settle(call, outcome);
    if (settled == SETTLED_FINISHED)
      ac_call_set_deferred(call, NULL);
  }
  return settled != SETTLED_PENDING;
}

bool ac_call_run(anycable_socket *call) {
  call->open = true;
  int outcome = check_version(call);
  if (outcome == ANYCABLE_OK)
    outcome = ask_interceptors(call);
  if (outcome == ANYCABLE_ANSWERED)
    outcome = ANYCABLE_DONE;
  else if (outcome == ANYCABLE_DONE)
    outcome = handle(call);
  enum settled settled = settle(call, &outcome);
  if (settled == SETTLED_PENDING ||
      (settled == SETTLED_FINISHED && !ac_call_resume(call, &outcome)))
    return false;
  ac_call_complete(call, outcome);
  return true;
}

void ac_call_drop_holder(anycable_socket *call) {
  const anycable_session_ops *ops = &call->rpc->app->ops;
  if (atomic_fetch_sub(&call->holders, 1) != 1)
    return;
  if (call->session && ops->destroy)
    ops->destroy(call->session);
  ac_call_unref(call);
}
