/* A chat in C++: whoever connects as ?user=NAME subscribes to rooms, speaks in
 * them, and hears what others say there. See chat.c for the same in C.
 *
 * Start it, and AnyCable's server in front of it, with a Redis on this machine:
 *
 *     build/examples/chat_cpp
 *     anycable-go --broadcast_adapter=redis
 *
 * and in a browser, with the client @rails/actioncable:
 *
 *     const consumer = createConsumer('ws://localhost:8080/cable?user=jack')
 *     const room = consumer.subscriptions.create(
 *       { channel: 'ChatChannel', room: '1' },
 *       { received: ({ user, text }) => console.log(user, text) })
 *     room.perform('speak', { text: 'Hello!' })
 */
#include <anycable.hpp>

using anycable::outcome;

namespace {

constexpr std::size_t max_text = 2000; /* bytes */

/* Without a name a client is told "unauthorized", and stays away. */
outcome connected(anycable::connection &client) {
  const auto user = client.param("user");
  return user.empty() ? outcome::reject : client.identify("user", user);
}

/* The client hears from now on what is published to the room's stream. */
outcome subscribed(anycable::channel &chat) {
  const auto room = chat.param("room");
  return room.empty() ? chat.reject("no room")
                      : chat.stream_from("chat/", room);
}

/* Everybody in the room hears it, the client too. An exception here would end
 * the call in an error, as fail() does. */
outcome speak(anycable::channel &chat) {
  const auto text = chat.data_string("text");
  if (text.empty() || text.size() > max_text)
    return chat.fail("a message of no length, or too long");

  /* {"user":"jack","text":"Hello!"} */
  anycable::builder message(chat);
  message.object()
      .add("user", chat.connection().identifier("user"))
      .add("text", text)
      .end();
  return chat.broadcast(chat.stream("chat/", chat.param("room")),
                        message.text());
}

} // namespace

int main(int argc, char **argv) {
  anycable::app app;
  app.on_connect(connected);
  app.channel("ChatChannel")
      .on_subscribe(subscribed)
      .on_action("speak", speak)
      .on_unsubscribe([](anycable::channel &chat) {
        chat.socket().log(ANYCABLE_LOG_INFO, "somebody leaves");
      });

  /* Reads the environment and the arguments (--help lists them), and serves
   * until SIGINT or SIGTERM. */
  return app.main(argc, argv);
}
