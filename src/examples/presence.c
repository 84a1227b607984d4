/* Who is here, and who is typing: presence and whispers, which AnyCable's
 * server sees to by itself once a subscription was allowed to use them.
 *
 *     build/examples/presence
 *     anycable-go --broker=memory        (1.6 or later, for presence)
 *
 * and in a browser, with the client @anycable/web:
 *
 *     const cable = createCable('ws://localhost:8080/cable?user=jack',
 *       { protocol: 'actioncable-v1-ext-json' })
 *     const room = cable.subscribeTo('RoomChannel', { room: '1' })
 *     room.on('presence', (event) => console.log(event.type, event.id))
 *     await room.presence.info()         // all who are here
 *     room.whisper({ typing: true })     // to the others, without a call here
 */
#include <anycable.h>

static int connected(anycable_connection *connection, void *ctx) {
  (void)ctx;
  anycable_str user = anycable_connection_param(connection, "user");
  if (user.len == 0)
    return ANYCABLE_REJECT;
  anycable_connection_identify(connection, "user", user);
  return ANYCABLE_DONE;
}

/* Enters the client into the list of those who are in the room, under its name
 * and with what others are to know of it. */
static int join(anycable_channel *room) {
  anycable_str user =
      anycable_connection_identifier(anycable_channel_connection(room), "user");
  anycable_str color = anycable_channel_param(room, "color");
  anycable_builder *info =
      anycable_socket_builder(anycable_channel_socket(room));
  anycable_builder_object(info, NULL);
  anycable_builder_string(info, "name", user);
  if (color.len > 0)
    anycable_builder_string(info, "color", color);
  anycable_builder_end(info);
  return anycable_channel_presence_join(
      room,
      anycable_channel_stream(room, "room/",
                              anycable_channel_param(room, "room")),
      user, anycable_builder_text(info));
}

/* Who joins or leaves, and what others whisper, is heard by the stream.
 * AnyCable notices by itself when a client unsubscribes or is gone. */
static int subscribed(anycable_channel *room, void *ctx) {
  (void)ctx;
  anycable_str name = anycable_channel_param(room, "room");
  if (name.len == 0)
    return anycable_channel_reject(room, "no room");
  anycable_channel_stream_from(room, "room/", name);
  anycable_channel_whisper(room, anycable_channel_stream(room, "room/", name));
  return join(room);
}

/* A client can stay, and hear all, without being seen. */
static int hide(anycable_channel *room, anycable_str data, void *ctx) {
  (void)data, (void)ctx;
  return anycable_channel_presence_leave(room);
}

static int appear(anycable_channel *room, anycable_str data, void *ctx) {
  (void)data, (void)ctx;
  return join(room);
}

int main(int argc, char **argv) {
  anycable_app *app = anycable_app_new();
  anycable_app_on_connect(app, connected, NULL);
  anycable_channel_class *room = anycable_app_channel(app, "RoomChannel");
  anycable_channel_class_on_subscribe(room, subscribed, NULL);
  anycable_channel_class_on_action(room, "hide", hide, NULL);
  anycable_channel_class_on_action(room, "appear", appear, NULL);
  return anycable_main(app, argc, argv);
}
