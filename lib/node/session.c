/* What AnyCable keeps for a client. */
#include <stdlib.h>
#include <string.h>

#include "node/node.h"

anycable_str ac_node_copy(anycable_str text) {
  char *copy = malloc(text.len + 1);
  if (!copy)
    return ac_str(NULL, 0);
  if (text.len > 0)
    memcpy(copy, text.ptr, text.len);
  copy[text.len] = '\0';
  return ac_str(copy, text.len);
}

void ac_node_discard(anycable_str text) {
  free((char *)text.ptr);
}

struct ac_frame *ac_frame_new(anycable_str text) {
  struct ac_frame *frame = malloc(sizeof(*frame) + text.len + 1);
  if (!frame)
    return NULL;
  ac_list_init(&frame->link);
  frame->len = text.len;
  if (text.len > 0)
    memcpy(frame->text, text.ptr, text.len);
  frame->text[text.len] = '\0';
  return frame;
}

void ac_frames_free(struct ac_list *frames) {
  struct ac_list *link;
  while ((link = ac_list_shift(frames)))
    free(ac_container_of(link, struct ac_frame, link));
}

/* --- state ---------------------------------------------------------------- */

static struct ac_pair *find(const struct ac_wire_map *map, anycable_str key) {
  for (size_t i = 0; i < map->n; i++) {
    if (anycable_str_equal(map->items[i].key, key))
      return &map->items[i];
  }
  return NULL;
}

anycable_str ac_state_find(const struct ac_wire_map *map, anycable_str key) {
  const struct ac_pair *pair = find(map, key);
  return pair ? pair->value : ac_str_empty();
}

static void delete_pair(struct ac_wire_map *map, struct ac_pair *pair) {
  ac_node_discard(pair->key);
  ac_node_discard(pair->value);
  memmove(pair, pair + 1,
          (size_t)(map->items + map->n - (pair + 1)) * sizeof(*pair));
  map->n--;
}

static struct ac_pair *add_pair(struct ac_wire_map *map, anycable_str key) {
  struct ac_pair *items =
      realloc(map->items, (map->n + 1) * sizeof(*map->items));
  if (!items)
    return NULL;
  map->items = items;
  anycable_str copy = ac_node_copy(key);
  if (!copy.ptr)
    return NULL;
  items[map->n] = (struct ac_pair){copy, {NULL, 0}};
  return &items[map->n++];
}

bool ac_state_put(struct ac_wire_map *map, anycable_str key,
                  anycable_str value) {
  struct ac_pair *pair = find(map, key);
  if (value.len == 0) {
    if (pair)
      delete_pair(map, pair);
    return true;
  }
  anycable_str copy = ac_node_copy(value);
  if (copy.ptr && !pair)
    pair = add_pair(map, key);
  if (!copy.ptr || !pair) {
    ac_node_discard(copy);
    return false;
  }
  ac_node_discard(pair->value);
  pair->value = copy;
  return true;
}

void ac_state_free(struct ac_wire_map *map) {
  while (map->n > 0)
    delete_pair(map, &map->items[map->n - 1]);
  free(map->items);
  *map = (struct ac_wire_map){NULL, 0};
}

/* --- channels ------------------------------------------------------------- */

struct ac_channel *ac_channel_find(const anycable_client *client,
                                   anycable_str identifier) {
  for (struct ac_list *l = client->channels.next; l != &client->channels;
       l = l->next) {
    struct ac_channel *channel = ac_container_of(l, struct ac_channel, link);
    if (anycable_str_equal(channel->identifier, identifier))
      return channel;
  }
  return NULL;
}

struct ac_channel *ac_channel_need(anycable_client *client,
                                   anycable_str identifier) {
  struct ac_channel *channel = ac_channel_find(client, identifier);
  if (channel)
    return channel;
  channel = calloc(1, sizeof(*channel));
  if (channel)
    channel->identifier = ac_node_copy(identifier);
  if (!channel || !channel->identifier.ptr) {
    free(channel);
    ac_node_no_memory(client->node);
    return NULL;
  }
  ac_list_append(&client->channels, &channel->link);
  return channel;
}

static size_t find_stream(const struct ac_channel *channel,
                          anycable_str stream) {
  size_t i = 0;
  while (i < channel->streams.n &&
         !anycable_str_equal(channel->streams.items[i], stream))
    i++;
  return i;
}

bool ac_channel_start(struct ac_channel *channel, anycable_str stream) {
  struct ac_wire_list *streams = &channel->streams;
  if (find_stream(channel, stream) < streams->n)
    return true;
  anycable_str *items =
      realloc(streams->items, (streams->n + 1) * sizeof(*items));
  if (!items)
    return false;
  streams->items = items;
  items[streams->n] = ac_node_copy(stream);
  if (!items[streams->n].ptr)
    return false;
  streams->n++;
  return true;
}

void ac_channel_stop(struct ac_channel *channel, anycable_str stream) {
  struct ac_wire_list *streams = &channel->streams;
  size_t i = find_stream(channel, stream);
  if (i == streams->n)
    return;
  ac_node_discard(streams->items[i]);
  streams->n--;
  memmove(&streams->items[i], &streams->items[i + 1],
          (streams->n - i) * sizeof(*streams->items));
}

void ac_channel_stop_all(struct ac_channel *channel) {
  while (channel->streams.n > 0)
    ac_node_discard(channel->streams.items[--channel->streams.n]);
}

void ac_channel_free(struct ac_channel *channel) {
  ac_list_remove(&channel->link);
  ac_channel_stop_all(channel);
  free(channel->streams.items);
  ac_state_free(&channel->state);
  ac_node_discard(channel->identifier);
  free(channel);
}

void ac_channel_tidy(struct ac_channel *channel) {
  if (!channel->confirmed && !channel->stateful && channel->streams.n == 0)
    ac_channel_free(channel);
}
