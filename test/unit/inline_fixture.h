/* Calls that run inline, one at a time; the last one is kept for a look at. */
#ifndef INLINE_FIXTURE_H
#define INLINE_FIXTURE_H

#include "rpc_fixture.h"

static anycable_socket *current;
static struct heard heard;

static inline int setup(void **state) {
  (void)state;
  fx_begin();
  fx_start(0, 1);
  return 0;
}

static inline void let_go(void) {
  if (current)
    ac_rpc_release(current);
  current = NULL;
}

static inline int teardown(void **state) {
  (void)state;
  let_go();
  fx_end();
  return 0;
}

/* The reply is good until the next one. */
static inline const struct ac_wire_reply *run_call(int method,
                                                   const char *command) {
  let_go();
  current = fx_call(method, command);
  fx_submit(current, &heard);
  assert_int_equal(heard.times, 1);
  assert_int_equal(heard.result, AC_RPC_REPLY);
  return ac_rpc_call_reply(current);
}

static inline const struct ac_wire_reply *
run_command(const char *command, int (*handler)(anycable_socket *socket)) {
  fx.command = handler;
  return run_call(ANYCABLE_COMMAND, command);
}

#endif
