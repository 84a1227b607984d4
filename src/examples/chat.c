/* A chat: whoever connects as ?user=NAME subscribes to rooms, speaks in them,
 * and hears what others say there.
 *
 * Start it, and AnyCable's server in front of it, with a Redis on this machine:
 *
 *     build/examples/chat
 *     anycable-go --broadcast_adapter=redis
 *
 * and in a browser, with the client @rails/actioncable:
 *
 *     const consumer = createConsumer('ws://localhost:8080/cable?user=jack')
 *     const room = consumer.subscriptions.create(
 *       { channel: 'ChatChannel', room: '1' },
 *       { received: ({ from, text }) => console.log(from, text) })
 *     room.perform('speak', { text: 'Hello!' })
 */
#include <anycable.h>

#define MAX_TEXT 2000 /* bytes */

/* A client connects. Without a name it is told "unauthorized", and stays away.
 */
static int connected(anycable_connection *connection, void *ctx) {
  (void)ctx;
  anycable_str user = anycable_connection_param(connection, "user");
  if (user.len == 0)
    return ANYCABLE_REJECT;
  anycable_connection_identify(connection, "user", user);
  return ANYCABLE_DONE;
}

/* A client subscribes, and hears from now on what is published to the room's
 * stream. */
static int subscribed(anycable_channel *chat, void *ctx) {
  (void)ctx;
  anycable_str room = anycable_channel_param(chat, "room");
  if (room.len == 0)
    return anycable_channel_reject(chat, "no room");
  return anycable_channel_stream_from(chat, "chat/", room);
}

/* A client speaks: everybody in the room hears it, the client too. */
static int speak(anycable_channel *chat, anycable_str data, void *ctx) {
  (void)data, (void)ctx;
  anycable_str text = anycable_channel_data_string(chat, "text");
  if (text.len == 0 || text.len > MAX_TEXT)
    return anycable_channel_fail(chat, "a message of %zu bytes", text.len);

  anycable_str user =
      anycable_connection_identifier(anycable_channel_connection(chat), "user");
  anycable_str room = anycable_channel_param(chat, "room");

  /* {"from":"jack","text":"Hello!"}. Where it cannot be built, the text is
   * empty and the call an error: there is no need to look at every step. */
  anycable_builder *message =
      anycable_socket_builder(anycable_channel_socket(chat));
  anycable_builder_object(message, NULL);
  anycable_builder_string(message, "from", user);
  anycable_builder_string(message, "text", text);
  anycable_builder_end(message);
  return anycable_channel_broadcast(
      chat, anycable_channel_stream(chat, "chat/", room),
      anycable_builder_text(message));
}

int main(int argc, char **argv) {
  anycable_app *app = anycable_app_new();
  anycable_app_on_connect(app, connected, NULL);

  anycable_channel_class *chat = anycable_app_channel(app, "ChatChannel");
  anycable_channel_class_on_subscribe(chat, subscribed, NULL);
  anycable_channel_class_on_action(chat, "speak", speak, NULL);

  /* Reads the environment and the arguments (--help lists them), and serves
   * until SIGINT or SIGTERM. */
  return anycable_main(app, argc, argv);
}
