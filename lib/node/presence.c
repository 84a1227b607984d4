/* Who is there, by stream: kept by AnyCable's broker. */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/json.h"
#include "node/node.h"
#include "node/value.h"

#define LINGER (15 * AC_SECOND)

/* One id of one stream, and the sessions that it is there by. */
struct presence {
  struct ac_list link;
  anycable_str stream;
  anycable_str id;
  anycable_str info; /* JSON as it is sent; empty for none */
  struct ac_list members;
};

struct member {
  struct ac_list link;
  anycable_str sid;
  uint64_t end; /* UINT64_MAX while it is connected */
};

static struct presence *presence_at(struct ac_list *link) {
  return ac_container_of(link, struct presence, link);
}

static struct member *member_at(struct ac_list *link) {
  return ac_container_of(link, struct member, link);
}

static struct member *find_member(struct presence *presence, anycable_str sid) {
  for (struct ac_list *l = presence->members.next; l != &presence->members;
       l = l->next) {
    if (anycable_str_equal(member_at(l)->sid, sid))
      return member_at(l);
  }
  return NULL;
}

/* The one that |sid| is there by, or the one with |id|. */
static struct presence *find(anycable_node *node, anycable_str stream,
                             const anycable_str *sid, const anycable_str *id) {
  for (struct ac_list *l = node->presences.next; l != &node->presences;
       l = l->next) {
    struct presence *presence = presence_at(l);
    if (anycable_str_equal(presence->stream, stream) &&
        (sid ? find_member(presence, *sid) != NULL
             : anycable_str_equal(presence->id, *id)))
      return presence;
  }
  return NULL;
}

static void free_member(struct member *member) {
  ac_list_remove(&member->link);
  ac_node_discard(member->sid);
  free(member);
}

static void free_presence(struct presence *presence) {
  ac_list_remove(&presence->link);
  while (!ac_list_empty(&presence->members))
    free_member(member_at(presence->members.next));
  ac_node_discard(presence->stream);
  ac_node_discard(presence->id);
  ac_node_discard(presence->info);
  free(presence);
}

void ac_presence_free(anycable_node *node) {
  while (!ac_list_empty(&node->presences))
    free_presence(presence_at(node->presences.next));
}

/* --- what others hear
 * --------------------------------------------------------- */

static void put_record(struct ac_text *text, const struct presence *presence) {
  if (presence->info.len > 0)
    ac_text_add(text, "\"info\":$,", presence->info);
  ac_text_add(text, "\"id\":@}", presence->id);
}

static void tell(anycable_node *node, const struct presence *presence,
                 bool join) {
  struct ac_text text = {0};
  if (join) {
    ac_text_puts(&text, "{\"type\":\"join\",");
    put_record(&text, presence);
  } else {
    ac_text_add(&text, "{\"type\":\"leave\",\"id\":@}", presence->id);
  }
  const struct ac_message_to message = {.stream = presence->stream,
                                        .data = ac_text_str(&text),
                                        .type = ANYCABLE_STR("presence"),
                                        .transient = true};
  if (text.failed)
    ac_node_no_memory(node);
  else
    ac_hub_broadcast(node, &message);
  ac_text_deinit(&text);
}

/* --- coming
 * -------------------------------------------------------------------- */

static anycable_str stream_of(const anycable_client *client,
                              anycable_str identifier) {
  const struct ac_channel *channel = ac_channel_find(client, identifier);
  return channel ? ac_state_find(&channel->state, ANYCABLE_STR("$p"))
                 : ac_str_empty();
}

/* ANYCABLE_OK, or why there can be no presence. */
static int check(const anycable_client *client, anycable_str identifier) {
  if (stream_of(client, identifier).len == 0)
    return ac_node_fail(client->node, ANYCABLE_ERR_PROTO,
                        "presence stream not found for identifier: %s",
                        identifier.ptr);
  if (!client->node->broker)
    return ac_node_fail(client->node, ANYCABLE_ERR_PROTO,
                        "presence not supported");
  return ANYCABLE_OK;
}

static struct presence *add(anycable_node *node, anycable_str stream,
                            anycable_str id) {
  struct presence *presence = calloc(1, sizeof(*presence));
  if (!presence)
    return NULL;
  ac_list_init(&presence->members);
  ac_list_append(&node->presences, &presence->link);
  presence->stream = ac_node_copy(stream);
  presence->id = ac_node_copy(id);
  if (presence->stream.ptr && presence->id.ptr)
    return presence;
  free_presence(presence);
  return NULL;
}

static bool set_info(struct presence *presence, anycable_str info) {
  struct ac_text text = {0};
  if (info.len > 0 && ac_value_put(&text, info) != ANYCABLE_OK)
    ac_text_quote(&text, info);
  anycable_str json = ac_text_str(&text);
  if (anycable_str_is(json, "null"))
    json.len = 0;
  anycable_str copy = text.failed ? ac_str(NULL, 0) : ac_node_copy(json);
  ac_text_deinit(&text);
  if (!copy.ptr)
    return false;
  ac_node_discard(presence->info);
  presence->info = copy;
  return true;
}

static bool add_member(struct presence *presence, anycable_str sid) {
  if (find_member(presence, sid))
    return true;
  struct member *member = calloc(1, sizeof(*member));
  if (!member)
    return false;
  member->end = UINT64_MAX;
  member->sid = ac_node_copy(sid);
  ac_list_append(&presence->members, &member->link);
  if (member->sid.ptr)
    return true;
  free_member(member);
  return false;
}

int ac_presence_join(anycable_client *client, anycable_str identifier,
                     anycable_str id, anycable_str info) {
  anycable_node *node = client->node;
  int error = check(client, identifier);
  if (error)
    return error;
  anycable_str stream = stream_of(client, identifier);
  struct presence *mine = find(node, stream, &client->sid, NULL);
  if (mine && !anycable_str_equal(mine->id, id))
    return ac_node_fail(node, ANYCABLE_ERR_PROTO, "presence ID mismatch");
  struct presence *presence = find(node, stream, NULL, &id);
  bool first = !presence;
  if (first)
    presence = add(node, stream, id);
  if (!presence || !add_member(presence, client->sid) ||
      !set_info(presence, info)) {
    if (presence && first)
      free_presence(presence);
    ac_node_no_memory(node);
    return ANYCABLE_ERR_NOMEM;
  }
  if (first)
    tell(node, presence, true);
  return ANYCABLE_OK;
}

/* --- going
 * --------------------------------------------------------------------- */

static void remove_member(anycable_node *node, struct presence *presence,
                          struct member *member) {
  free_member(member);
  if (!ac_list_empty(&presence->members))
    return;
  ac_list_remove(&presence->link);
  ac_list_init(&presence->link);
  tell(node, presence, false);
  free_presence(presence);
}

int ac_presence_remove(anycable_client *client, anycable_str stream) {
  struct presence *presence = find(client->node, stream, &client->sid, NULL);
  if (!presence)
    return ac_node_fail(client->node, ANYCABLE_ERR_PROTO,
                        "presence info not found");
  remove_member(client->node, presence, find_member(presence, client->sid));
  return ANYCABLE_OK;
}

int ac_presence_leave(anycable_client *client, anycable_str identifier) {
  int error = check(client, identifier);
  return error ? error
               : ac_presence_remove(client, stream_of(client, identifier));
}

void ac_presence_fade(anycable_client *client) {
  anycable_node *node = client->node;
  for (struct ac_list *l = node->presences.next; l != &node->presences;
       l = l->next) {
    struct member *member = find_member(presence_at(l), client->sid);
    if (member)
      member->end = atomic_load(&node->loop.now) + LINGER;
  }
}

/* The member that ends first, and where it is; NULL if none does. */
static struct member *first_end(const anycable_node *node,
                                struct presence **presence) {
  struct member *first = NULL;
  for (struct ac_list *l = node->presences.next; l != &node->presences;
       l = l->next) {
    struct ac_list *members = &presence_at(l)->members;
    for (struct ac_list *m = members->next; m != members; m = m->next) {
      if (member_at(m)->end == UINT64_MAX ||
          (first && first->end <= member_at(m)->end))
        continue;
      first = member_at(m);
      *presence = presence_at(l);
    }
  }
  return first;
}

uint64_t ac_presence_next(const anycable_node *node) {
  struct presence *presence;
  const struct member *first = first_end(node, &presence);
  return first ? first->end : UINT64_MAX;
}

void ac_presence_expire(anycable_node *node) {
  struct presence *presence;
  struct member *member;
  while ((member = first_end(node, &presence)) &&
         member->end <= atomic_load(&node->loop.now))
    remove_member(node, presence, member);
}

/* --- questions
 * ------------------------------------------------------------------ */

static void put_records(struct ac_text *text, const anycable_node *node,
                        anycable_str stream) {
  struct ac_text records = {0};
  char total[24];
  unsigned n = 0;
  for (struct ac_list *l = node->presences.next; l != &node->presences;
       l = l->next) {
    if (!anycable_str_equal(presence_at(l)->stream, stream))
      continue;
    if (n++ > 0)
      ac_text_puts(&records, ",");
    ac_text_puts(&records, "{");
    put_record(&records, presence_at(l));
  }
  int len = snprintf(total, sizeof(total), "%u", n);
  ac_text_add(text, "{\"type\":\"info\",\"total\":$",
              ac_str(total, (size_t)len));
  if (n > 0)
    ac_text_add(text, ",\"records\":[$]", ac_text_str(&records));
  ac_text_puts(text, "}");
  text->failed |= records.failed;
  ac_text_deinit(&records);
}

int ac_presence_info(anycable_client *client, anycable_str identifier) {
  anycable_str stream = stream_of(client, identifier);
  struct ac_text text = {0};
  int error = check(client, identifier);
  if (error && stream.len == 0)
    return error;
  ac_text_puts(&text, "{\"type\":\"presence\",");
  if (identifier.len > 0)
    ac_text_add(&text, "\"identifier\":@,", identifier);
  ac_text_puts(&text, "\"message\":");
  if (error)
    ac_text_puts(&text, "{\"type\":\"error\",\"total\":0}");
  else
    put_records(&text, client->node, stream);
  ac_text_puts(&text, "}");
  ac_client_transmit(client, ac_text_str(&text));
  if (text.failed)
    ac_node_no_memory(client->node);
  ac_text_deinit(&text);
  return error;
}
