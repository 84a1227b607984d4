/* Clients: how they come and go, and what can be asked of them. */
#include <stdlib.h>
#include <string.h>

#include "node/node.h"
#include "node/value.h"

/* --- coming --------------------------------------------------------------- */

/* Copies options of any size that this library knows how to read. */
static bool read_options(const anycable_client_options *from,
                         anycable_client_options *out) {
  const size_t known = sizeof(*out);
  memset(out, 0, known);
  if (!from)
    return true;
  if (from->size < sizeof(from->size))
    return false;
  for (size_t i = known; i < from->size; i++) {
    if (((const char *)from)[i])
      return false;
  }
  memcpy(out, from, from->size < known ? from->size : known);
  return true;
}

static bool is_printable(const char *text) {
  for (; *text > ' ' && *text < 0x7f; text++)
    ;
  return !*text;
}

/* The URL as AnyCable makes it of the request: http or https, a path at
 * least, and no fragment. False where |url| makes no sense. */
static bool put_url(struct ac_text *out, const char *url) {
  const char *authority = url ? strstr(url, "://") : NULL;
  if (!authority || !is_printable(url))
    return false;
  anycable_str scheme = ac_str(url, (size_t)(authority - url));
  bool secure = ac_str_equal_nocase(scheme, ANYCABLE_STR("wss")) ||
                ac_str_equal_nocase(scheme, ANYCABLE_STR("https"));
  if (!secure && !ac_str_equal_nocase(scheme, ANYCABLE_STR("ws")) &&
      !ac_str_equal_nocase(scheme, ANYCABLE_STR("http")))
    return false;
  authority += 3;
  size_t host = strcspn(authority, "/?#");
  if (host == 0 || memchr(authority, '@', host))
    return false;
  const char *path = authority + host;
  ac_text_puts(out, secure ? "https://" : "http://");
  ac_text_add(out, *path == '/' ? "$$" : "$/$", ac_str(authority, host),
              ac_str(path, strcspn(path, "#")));
  return true;
}

static bool set_url(anycable_client *client, const char *url) {
  struct ac_text text = {0};
  bool good = put_url(&text, url);
  if (good) {
    client->url = ac_node_copy(ac_text_str(&text));
    if (text.failed || !client->url.ptr)
      ac_node_no_memory(client->node);
  }
  ac_text_deinit(&text);
  return good;
}

/* Names in lower case, as they are configured; the first value of each. */
static bool set_header(anycable_client *client, const char *name,
                       const char *value) {
  struct ac_text lower = {0};
  for (const char *p = name; *p; p++) {
    char c = *p >= 'A' && *p <= 'Z' ? (char)(*p - 'A' + 'a') : *p;
    ac_text_put(&lower, ac_str(&c, 1));
  }
  anycable_str key = ac_text_str(&lower);
  bool set = !lower.failed &&
             (ac_state_find(&client->headers, key).len > 0 ||
              ac_state_put(&client->headers, key, anycable_str_of(value)));
  ac_text_deinit(&lower);
  return set;
}

static bool set_headers(anycable_client *client,
                        const anycable_client_options *options) {
  const char *const *header = options->headers;
  for (; header && header[0]; header += 2) {
    if (!header[1] || !header[0][0])
      return false;
    if (!set_header(client, header[0], header[1]))
      ac_node_no_memory(client->node);
  }
  const char *addr = options->remote_addr ? options->remote_addr : "127.0.0.1";
  if (!ac_state_put(&client->headers, ANYCABLE_STR("REMOTE_ADDR"),
                    anycable_str_of(addr)))
    ac_node_no_memory(client->node);
  return true;
}

/* The next number, where the test gives none. */
static bool set_sid(anycable_client *client, const char *sid) {
  char number[24];
  size_t at = sizeof(number) - 1;
  number[at] = '\0';
  if (!sid) {
    for (uint64_t n = ++client->node->sids; n > 0; n /= 10)
      number[--at] = (char)('0' + n % 10);
    sid = number + at;
  }
  client->sid = ac_node_copy(anycable_str_of(sid));
  if (!client->sid.ptr)
    ac_node_no_memory(client->node);
  return *sid && is_printable(sid);
}

static anycable_client *client_new(anycable_node *node) {
  anycable_client *client = calloc(1, sizeof(*client));
  if (!client) {
    ac_node_no_memory(node);
    return NULL;
  }
  client->node = node;
  client->identifiers = ac_str(NULL, 0);
  client->close_reason = "";
  ac_list_init(&client->channels);
  ac_list_init(&client->waiting);
  ac_list_init(&client->received);
  ac_list_append(&node->clients, &client->link);
  return client;
}

/* A token was checked: AnyCable lets it in by itself. */
static void welcome(anycable_client *client, const char *identifiers) {
  struct ac_text text = {0};
  client->identifiers = ac_node_copy(anycable_str_of(identifiers));
  if (!client->identifiers.ptr)
    ac_node_no_memory(client->node);
  client->phase = AC_CLIENT_CONNECTED;
  ac_text_add(&text, "{\"type\":\"welcome\",\"sid\":\"$\"}",
              client->sid); /* not escaped */
  ac_client_transmit(client, ac_text_str(&text));
  ac_text_deinit(&text);
}

static void connect(anycable_client *client) {
  struct ac_exchange *exchange = ac_exchange_new(
      client->node, client, ANYCABLE_CONNECT, ac_answer_connect);
  if (!exchange)
    return;
  const struct ac_wire_request request = {
      .env = {.url = client->url, .headers = client->headers}};
  client->exchange = exchange;
  ac_exchange_submit(exchange, client->sid, &request);
}

anycable_client *anycable_node_connect(anycable_node *node, const char *url,
                                       const anycable_client_options *options) {
  anycable_client_options all;
  if (!ac_node_enter(node))
    return NULL;
  if (!read_options(options, &all)) {
    ac_node_fail(node, ANYCABLE_ERR_INVALID, "the options make no sense");
    return NULL;
  }
  anycable_client *client = client_new(node);
  if (!client)
    return NULL;
  bool good = set_url(client, url) && set_headers(client, &all) &&
              set_sid(client, all.sid);
  if (!good)
    ac_node_fail(node, ANYCABLE_ERR_INVALID,
                 "the URL, a header or the sid makes no sense");
  if (good && !node->out_of_memory) {
    if (all.identifiers)
      welcome(client, all.identifiers);
    else
      connect(client);
    ac_node_settle(node, ANYCABLE_OK);
  }
  if (good && !node->out_of_memory)
    return client;
  /* It stays with the node, where a call may know it. */
  client->phase = AC_CLIENT_CLOSED;
  if (client->exchange)
    ac_exchange_drop(client->exchange);
  client->exchange = NULL;
  return NULL;
}

/* --- going ---------------------------------------------------------------- */

void ac_client_free(anycable_client *client) {
  while (!ac_list_empty(&client->channels))
    ac_channel_free(
        ac_container_of(client->channels.next, struct ac_channel, link));
  ac_frames_free(&client->waiting);
  ac_frames_free(&client->received);
  ac_state_free(&client->headers);
  ac_state_free(&client->cstate);
  ac_node_discard(client->sid);
  ac_node_discard(client->url);
  ac_node_discard(client->identifiers);
  free((void *)client->given);
  free(client);
}

static bool put_channel(struct ac_exchange *exchange,
                        const struct ac_channel *channel,
                        struct ac_wire_request *request) {
  struct ac_wire_map *istate = &request->env.istate;
  struct ac_text text = {0};
  if (channel->confirmed)
    request->subscriptions.items[request->subscriptions.n++] =
        channel->identifier;
  if (!channel->stateful)
    return true;
  ac_text_put_map(&text, &channel->state);
  anycable_str json =
      ac_arena_copy(ac_exchange_arena(exchange), ac_text_str(&text));
  istate->items[istate->n++] = (struct ac_pair){channel->identifier, json};
  bool put = !text.failed && json.ptr;
  ac_text_deinit(&text);
  return put;
}

/* The state of all, each a JSON object under its identifier. */
static bool put_channels(struct ac_exchange *exchange,
                         struct ac_wire_request *request) {
  const struct ac_list *channels = &exchange->client->channels;
  struct ac_arena *arena = ac_exchange_arena(exchange);
  size_t n = 0;
  for (const struct ac_list *l = channels->next; l != channels; l = l->next)
    n++;
  request->env.istate.items = ac_arena_alloc(arena, n * sizeof(struct ac_pair));
  request->subscriptions.items =
      ac_arena_alloc(arena, n * sizeof(anycable_str));
  bool put = request->env.istate.items && request->subscriptions.items;
  for (const struct ac_list *l = channels->next; put && l != channels;
       l = l->next)
    put = put_channel(exchange, ac_container_of(l, struct ac_channel, link),
                      request);
  return put;
}

static void disconnect(anycable_client *client) {
  if (!client->disconnectable)
    return;
  struct ac_exchange *exchange = ac_exchange_new(
      client->node, client, ANYCABLE_DISCONNECT, ac_answer_disconnect);
  if (!exchange)
    return;
  struct ac_wire_request request = {.env = {.url = client->url,
                                            .headers = client->headers,
                                            .cstate = client->cstate},
                                    .identifiers = client->identifiers};
  if (put_channels(exchange, &request)) {
    ac_exchange_submit(exchange, client->sid, &request);
    return;
  }
  ac_node_no_memory(client->node);
  ac_exchange_drop(exchange);
}

/* What is in flight is cancelled, what waits is lost. */
static void end(anycable_client *client) {
  bool connected = client->phase == AC_CLIENT_CONNECTED;
  client->phase = AC_CLIENT_CLOSED;
  if (client->exchange)
    ac_exchange_drop(client->exchange);
  client->exchange = NULL;
  ac_frames_free(&client->waiting);
  for (struct ac_list *l = client->channels.next; l != &client->channels;
       l = l->next)
    ac_channel_stop_all(ac_container_of(l, struct ac_channel, link));
  if (!connected)
    return;
  ac_presence_fade(client);
  disconnect(client);
}

void ac_client_shut(anycable_client *client, int code, const char *reason) {
  if (client->phase == AC_CLIENT_CLOSED)
    return;
  client->close_code = code;
  client->close_reason = reason;
  end(client);
}

void anycable_client_close(anycable_client *client) {
  if (!client || !ac_node_enter(client->node))
    return;
  if (client->phase != AC_CLIENT_CLOSED) {
    client->left = client->phase == AC_CLIENT_CONNECTED;
    end(client);
  } else if (client->left) {
    disconnect(client);
  }
  ac_node_settle(client->node, ANYCABLE_OK);
}

/* --- frames --------------------------------------------------------------- */

void ac_client_transmit(anycable_client *client, anycable_str text) {
  if (client->phase == AC_CLIENT_CLOSED || text.len == 0)
    return;
  struct ac_frame *frame = ac_frame_new(text);
  if (frame)
    ac_list_append(&client->received, &frame->link);
  else
    ac_node_no_memory(client->node);
}

anycable_str anycable_client_receive(anycable_client *client) {
  if (!client)
    return ac_str_empty();
  free((void *)client->given);
  struct ac_list *link = ac_list_shift(&client->received);
  client->given = link ? ac_container_of(link, struct ac_frame, link) : NULL;
  return client->given ? ac_str(client->given->text, client->given->len)
                       : ac_str_empty();
}

int anycable_client_send(anycable_client *client, const char *text) {
  if (!client || !text)
    return ANYCABLE_ERR_INVALID;
  anycable_node *node = client->node;
  if (!ac_node_enter(node))
    return ANYCABLE_ERR_STATE;
  if (client->phase == AC_CLIENT_CLOSED)
    return ac_node_fail(node, ANYCABLE_ERR_STATE, "the connection is closed");
  struct ac_frame *frame = ac_frame_new(anycable_str_of(text));
  if (!frame) {
    ac_node_no_memory(node);
    return ANYCABLE_ERR_NOMEM;
  }
  if (client->exchange) {
    ac_list_append(&client->waiting, &frame->link);
    return ANYCABLE_OK;
  }
  int result = ac_command_handle(client, frame);
  return ac_node_settle(node, result);
}

/* |data| is put as a string, or as the JSON that it is. */
static int send(anycable_client *client, const char *command,
                const char *identifier, const char *data, bool string) {
  struct ac_text text = {0};
  if (!client || !identifier)
    return ANYCABLE_ERR_INVALID;
  ac_text_add(&text, "{\"command\":@,\"identifier\":@",
              anycable_str_of(command), anycable_str_of(identifier));
  if (data)
    ac_text_add(&text, string ? ",\"data\":@" : ",\"data\":$",
                anycable_str_of(data));
  ac_text_puts(&text, "}");
  anycable_str frame = ac_text_str(&text);
  int result = text.failed ? ANYCABLE_ERR_NOMEM
                           : anycable_client_send(client, frame.ptr);
  ac_text_deinit(&text);
  return result;
}

int anycable_client_subscribe(anycable_client *client, const char *identifier) {
  return send(client, "subscribe", identifier, NULL, false);
}

int anycable_client_unsubscribe(anycable_client *client,
                                const char *identifier) {
  return send(client, "unsubscribe", identifier, NULL, false);
}

int anycable_client_perform(anycable_client *client, const char *identifier,
                            const char *data) {
  return send(client, "message", identifier, data ? data : "", true);
}

int anycable_client_whisper(anycable_client *client, const char *identifier,
                            const char *data) {
  return send(client, "whisper", identifier, data, false);
}

/* --- questions ------------------------------------------------------------ */

bool anycable_client_connected(const anycable_client *client) {
  return client && client->phase == AC_CLIENT_CONNECTED;
}

int anycable_client_close_code(const anycable_client *client) {
  return client ? client->close_code : 0;
}

const char *anycable_client_close_reason(const anycable_client *client) {
  return client ? client->close_reason : "";
}

anycable_str anycable_client_identifiers(const anycable_client *client) {
  return client && client->identifiers.ptr ? client->identifiers
                                           : ac_str_empty();
}

static const struct ac_channel *channel_of(const anycable_client *client,
                                           const char *identifier) {
  return client ? ac_channel_find(client, anycable_str_of(identifier)) : NULL;
}

bool anycable_client_subscribed(const anycable_client *client,
                                const char *identifier) {
  const struct ac_channel *channel = channel_of(client, identifier);
  return channel && channel->confirmed && client->phase == AC_CLIENT_CONNECTED;
}

anycable_str anycable_client_stream(const anycable_client *client,
                                    const char *identifier, size_t index) {
  const struct ac_channel *channel = channel_of(client, identifier);
  return channel && index < channel->streams.n ? channel->streams.items[index]
                                               : ac_str_empty();
}

anycable_str anycable_client_cstate(const anycable_client *client,
                                    const char *key) {
  return client ? ac_state_find(&client->cstate, anycable_str_of(key))
                : ac_str_empty();
}

anycable_str anycable_client_istate(const anycable_client *client,
                                    const char *identifier, const char *key) {
  const struct ac_channel *channel = channel_of(client, identifier);
  return channel ? ac_state_find(&channel->state, anycable_str_of(key))
                 : ac_str_empty();
}
