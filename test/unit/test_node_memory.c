/* Out of memory at every point of a node's life: nothing crashes or leaks, and
 * what is not done says so. The broadcaster's thread allocates as well, so the
 * points are not the same in each run. */
#include "node_fixture.h"

#include "failing_malloc.h"

static int command(anycable_socket *socket, anycable_str name) {
  anycable_socket_set_istate(socket, "i", ANYCABLE_STR("1"));
  anycable_socket_set_cstate(socket, "c", ANYCABLE_STR("1"));
  if (anycable_str_is(name, "subscribe"))
    anycable_socket_subscribe(socket, ANYCABLE_STR(ROOM), ANYCABLE_STR("s"));
  if (!anycable_str_is(name, "unsubscribe"))
    anycable_socket_presence_join(socket, ANYCABLE_STR("s"), ANYCABLE_STR("id"),
                                  ANYCABLE_STR("{}"));
  anycable_socket_whisper(socket, ANYCABLE_STR("s"));
  return fx_send(socket, "answer");
}

static size_t recorded;

static void record(anycable_str line, void *ctx) {
  (void)ctx;
  recorded += line.len;
  if (recorded == line.len)
    snprintf(fx.words, sizeof(fx.words), "%s", line.ptr);
}

/* True if each step went well. */
static bool steps(anycable_node *node) {
  const char *const headers[] = {"Cookie", "a=1", NULL};
  const anycable_client_options options = {.size = sizeof(options),
                                           .headers = headers};
  const anycable_client_options token = {.size = sizeof(token),
                                         .identifiers = "{}"};
  anycable_node_use_broker(node);
  anycable_node_on_rpc(node, record, NULL);
  anycable_client *one = anycable_node_connect(node, URL, &options);
  anycable_client *two = anycable_node_connect(node, URL, &token);
  bool well = one && two;
  well &= anycable_client_subscribe(one, ROOM) == ANYCABLE_OK;
  well &= anycable_client_subscribe(two, ROOM) == ANYCABLE_OK;
  well &= anycable_client_perform(one, ROOM, "x") == ANYCABLE_OK;
  well &= anycable_client_whisper(one, ROOM, "{\"b\":1.5,\"a\":[1]}") ==
          ANYCABLE_OK;
  well &= anycable_node_publish(
              node, ANYCABLE_STR("[{\"stream\":\"s\",\"data\":\"\\\"x\\\"\","
                                 "\"meta\":{\"broadcast_type\":\"t\"}}]")) ==
          ANYCABLE_OK;
  well &= anycable_client_send(one, "{\"command\":\"presence\",\"identifier\":"
                                    "\"{\\\"channel\\\":\\\"Room\\\"}\"}") ==
          ANYCABLE_OK;
  well &= anycable_client_unsubscribe(two, ROOM) == ANYCABLE_OK;
  well &= anycable_node_replay(node, anycable_str_of(fx.words)) == ANYCABLE_OK;
  size_t frames = 0;
  while (anycable_client_receive(one).len > 0)
    frames++;
  well &= frames == 6;
  anycable_client_close(one);
  anycable_node_advance(node, 20000);
  well &= anycable_node_publish(
              node, ANYCABLE_STR("{\"command\":\"disconnect\",\"payload\":"
                                 "{\"identifier\":\"{}\"}}")) == ANYCABLE_OK;
  return well && fx.disconnects == 2;
}

static bool life(void) {
  bool well = false;
  memset(&fx, 0, sizeof(fx));
  recorded = 0;
  fx.command = command;
  anycable_app *app = anycable_app_new();
  anycable_app_set_factory(app, &fx_ops, NULL, NULL);
  anycable_node *node = anycable_node_new(app);
  if (node)
    well = steps(node);
  else
    assert_true(strlen(anycable_app_error(app)) > 0);
  anycable_node_free(node);
  anycable_app_free(app);
  return well;
}

static void test_each(void **state) {
  (void)state;
  fail_at(0, false);
  assert_true(life());
  const int total = failing.seen;
  assert_in_range(total, 50, 5000);
  for (int pass = 0; pass < 2; pass++) {
    int bad = 0;
    for (int i = 1; i <= total; i++) {
      fail_at(i, pass == 1);
      bad += !life();
      fail_no_more();
    }
    assert_true(bad > 10); /* or nothing failed at all */
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_each)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
