/* The end of an application's life, and who holds a call meanwhile. */
#include "rpc_fixture.h"

static char order[32], a[] = "a", b[] = "b", f[] = "f", refused[] = "refused ";
static anycable_deferred *deferred;

static void tell(void *ctx) {
  strcat(order, ctx);
}

static int setup(void **state) {
  (void)state;
  order[0] = '\0';
  return 0;
}

static void test_last_of_all(void **state) {
  (void)state;
  anycable_app *app = anycable_app_new();
  assert_int_equal(anycable_app_on_free(app, tell, a), ANYCABLE_OK);
  anycable_app_set_factory(app, &fx_ops, f, tell);
  anycable_app_set_factory(app, NULL, refused, tell);
  assert_int_equal(anycable_app_on_free(app, tell, b), ANYCABLE_OK);
  assert_int_equal(anycable_app_on_free(app, NULL, NULL), ANYCABLE_ERR_INVALID);
  anycable_app_free(app);
  assert_string_equal(order, "refused fba");
}

static void test_no_app(void **state) {
  (void)state;
  assert_int_equal(anycable_app_on_free(NULL, tell, a), ANYCABLE_ERR_NOMEM);
  assert_string_equal(order, "a");
}

static int defers(anycable_socket *socket) {
  assert_false(anycable_socket_deferred(socket));
  deferred = anycable_socket_defer(socket);
  assert_true(anycable_socket_deferred(socket));
  return ANYCABLE_PENDING;
}

static void test_not_before_the_last_deferred(void **state) {
  (void)state;
  struct heard heard;
  fx_begin();
  fx.command = defers;
  fx_start(0, 1);
  anycable_app_on_free(fx.app, tell, a);
  anycable_socket *call = fx_call(ANYCABLE_COMMAND, "message");
  fx_submit(call, &heard);
  ac_rpc_release(call);
  ac_rpc_free(fx.rpc);
  ac_arena_pool_release(fx.pool);
  anycable_app_free(fx.app);
  assert_string_equal(order, "");
  anycable_deferred_free(deferred);
  assert_string_equal(order, "a");
  assert_int_equal(atomic_load(&fx.destroyed), 1);
}

/* Until it is freed, also where it was finished. */
static int gives_up(anycable_socket *socket) {
  defers(socket);
  anycable_deferred_finish(deferred, ANYCABLE_DONE);
  assert_true(anycable_socket_deferred(socket));
  anycable_deferred_free(deferred);
  assert_false(anycable_socket_deferred(socket));
  return anycable_socket_fail(socket, "on second thoughts");
}

static void test_mine_again(void **state) {
  (void)state;
  struct heard heard;
  fx_begin();
  fx.command = gives_up;
  fx_start(0, 1);
  anycable_socket *call = fx_call(ANYCABLE_COMMAND, "message");
  fx_submit(call, &heard);
  assert_int_equal(heard.times, 1);
  assert_string_equal(ac_rpc_call_reply(call)->error_msg.ptr,
                      "on second thoughts");
  ac_rpc_release(call);
  fx_end();
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup(test_last_of_all, setup),
      cmocka_unit_test_setup(test_no_app, setup),
      cmocka_unit_test_setup(test_not_before_the_last_deferred, setup),
      cmocka_unit_test_setup(test_mine_again, setup),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
