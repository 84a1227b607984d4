/* State: AnyCable keeps it for each client, and brings it along with every
 * call. So a backend holds nothing, and any of several can answer the next one.
 *
 * Each subscription has its own state (istate), and each connection has one
 * that its subscriptions share (cstate). Here the one counts the messages of a
 * subscription, the other all of a client's.
 *
 *     build/examples/counters
 *     anycable-go
 *
 * and in a browser, with the client @rails/actioncable:
 *
 *     const consumer = createConsumer('ws://localhost:8080/cable')
 *     const counter = consumer.subscriptions.create(
 *       { channel: 'CounterChannel', name: 'apples' },
 *       { received: ({ here, everywhere }) => console.log(here, everywhere) })
 *     counter.perform('count')
 */
#include <anycable.h>
#include <stdlib.h>

/* State is text; where there is none yet, it is empty, which reads as 0. */
static long number(anycable_str text) {
  return strtol(text.ptr, NULL, 10);
}

static anycable_str text_of(anycable_channel *counter, long value) {
  return anycable_socket_format(anycable_channel_socket(counter), "%ld", value);
}

static int subscribed(anycable_channel *counter, void *ctx) {
  (void)ctx;
  return anycable_channel_set_istate(counter, "n", ANYCABLE_STR("0"));
}

static int count(anycable_channel *counter, anycable_str data, void *ctx) {
  (void)data, (void)ctx;
  long here = number(anycable_channel_istate(counter, "n")) + 1;
  long everywhere = number(anycable_channel_cstate(counter, "n")) + 1;
  anycable_channel_set_istate(counter, "n", text_of(counter, here));
  anycable_channel_set_cstate(counter, "n", text_of(counter, everywhere));
  return anycable_channel_transmit(
      counter, anycable_socket_format(anycable_channel_socket(counter),
                                      "{\"here\":%ld,\"everywhere\":%ld}", here,
                                      everywhere));
}

/* The client unsubscribed, or is gone: the state is there in both cases. */
static int unsubscribed(anycable_channel *counter, void *ctx) {
  (void)ctx;
  anycable_socket_log(anycable_channel_socket(counter), ANYCABLE_LOG_INFO,
                      "counted %ld %s",
                      number(anycable_channel_istate(counter, "n")),
                      anycable_channel_param(counter, "name").ptr);
  return ANYCABLE_DONE;
}

int main(int argc, char **argv) {
  anycable_app *app = anycable_app_new();
  anycable_channel_class *counter = anycable_app_channel(app, "CounterChannel");
  anycable_channel_class_on_subscribe(counter, subscribed, NULL);
  anycable_channel_class_on_action(counter, "count", count, NULL);
  anycable_channel_class_on_unsubscribe(counter, unsubscribed, NULL);
  return anycable_main(app, argc, argv);
}
