/* Publishing: from what a user says to a message in the queue, or in the batch
 * of the thread. Any thread. */
#include <stdlib.h>

#include "base/clock.h"
#include "broadcast/broadcaster.h"

/* --- into the queue ------------------------------------------------------- */

/* Makes room, or waits for it, as configured. ANYCABLE_OK where there is. Under
 * the lock, which waiting gives away for a while. */
static int make_room(anycable_broadcaster *broadcaster, size_t size) {
  const struct ac_broadcaster_config *config = &broadcaster->config;
  if (ac_queue_fits(&broadcaster->queue, size))
    return ANYCABLE_OK;
  if (config->when_full != ANYCABLE_FULL_WAIT ||
      !ac_queue_could_fit(&broadcaster->queue, size) ||
      ac_broadcaster_inside(broadcaster))
    return ANYCABLE_ERR_LIMIT;
  uint64_t deadline = ac_clock_now() + config->wait;
  while (ac_broadcaster_wait(broadcaster, deadline)) {
    if (ac_queue_fits(&broadcaster->queue, size))
      return ANYCABLE_OK;
  }
  /* Room and the deadline may have come at the same time. */
  return ac_queue_fits(&broadcaster->queue, size) ? ANYCABLE_OK
                                                  : ANYCABLE_ERR_LIMIT;
}

/* Under the lock. */
static int enqueue(anycable_broadcaster *broadcaster,
                   const struct ac_writer *writer) {
  if (broadcaster->stopping)
    return ANYCABLE_ERR_STATE;
  if (!ac_queue_open(&broadcaster->queue))
    return ANYCABLE_ERR_NOMEM;
  int error = make_room(broadcaster, writer->size);
  if (!error && !broadcaster->started)
    error = ac_sender_start(broadcaster);
  if (error)
    return error;
  char *out = ac_queue_append(&broadcaster->queue, writer->size, writer->tag);
  writer->write(writer, out);
  broadcaster->counts.taken++;
  broadcaster->entered++;
  return ANYCABLE_OK;
}

/* A publisher's thread whose callback is being told of a drop. */
struct dropper {
  struct ac_list link;
  pthread_t thread;
};

/* Does a callback publish? That is not dropped: it would be told from within,
 * and so on, for as long as the stack lasts. Under the lock. */
static bool in_callback(const anycable_broadcaster *broadcaster) {
  const struct ac_list *list = &broadcaster->droppers;
  for (const struct ac_list *at = list->next; at != list; at = at->next) {
    if (pthread_equal(ac_container_of(at, const struct dropper, link)->thread,
                      pthread_self()))
      return true;
  }
  return ac_broadcaster_inside(broadcaster);
}

/* There was no room: what the configuration wants then. Under the lock. */
static int no_room(anycable_broadcaster *broadcaster) {
  if (broadcaster->config.when_full != ANYCABLE_FULL_DROP ||
      in_callback(broadcaster)) {
    broadcaster->counts.refused++;
    return ANYCABLE_ERR_LIMIT;
  }
  broadcaster->counts.taken++;
  broadcaster->counts.dropped++;
  return ANYCABLE_OK;
}

/* The callback sees the message that it would have been; without memory, none.
 */
static void tell_dropped(anycable_broadcaster *broadcaster,
                         const struct ac_writer *writer) {
  if (!broadcaster->on_fate)
    return;
  struct dropper dropper = {.thread = pthread_self()};
  char *text = malloc(writer->size);
  struct ac_queue_item item = {{"", 0}, writer->tag};
  if (text)
    item.payload =
        (anycable_str){text, (size_t)(writer->write(writer, text) - text)};
  pthread_mutex_lock(&broadcaster->mutex);
  ac_list_append(&broadcaster->droppers, &dropper.link);
  pthread_mutex_unlock(&broadcaster->mutex);
  ac_broadcaster_tell(broadcaster, ANYCABLE_FATE_DROPPED, -1,
                      "the queue is full", &item);
  pthread_mutex_lock(&broadcaster->mutex);
  ac_list_remove(&dropper.link);
  pthread_mutex_unlock(&broadcaster->mutex);
  free(text);
}

int ac_publish(anycable_broadcaster *broadcaster,
               const struct ac_writer *writer) {
  if (writer->size > broadcaster->config.message_max)
    return ANYCABLE_ERR_LIMIT;
  pthread_mutex_lock(&broadcaster->mutex);
  int error = enqueue(broadcaster, writer);
  bool wake = !error && broadcaster->idle;
  bool dropped = false;
  if (wake)
    broadcaster->idle = false;
  if (error == ANYCABLE_ERR_LIMIT) {
    error = no_room(broadcaster);
    dropped = !error;
  }
  pthread_mutex_unlock(&broadcaster->mutex);
  if (wake)
    pthread_cond_signal(&broadcaster->work);
  if (dropped)
    tell_dropped(broadcaster, writer);
  return error;
}

/* --- messages ------------------------------------------------------------- */

static char *write_message(const struct ac_writer *writer, char *out) {
  return ac_message_write(writer->from, out);
}

/* Adds to the thread's batch, if it has one: 1; 0 if not; or an error. */
static int add_to_batch(anycable_broadcaster *broadcaster,
                        const struct ac_message *message, size_t size) {
  if (message->options.immediate || atomic_load(&broadcaster->n_batches) == 0)
    return 0;
  pthread_mutex_lock(&broadcaster->mutex);
  struct ac_batch *batch = ac_batch_find(broadcaster);
  int rc = batch ? ac_batch_add(broadcaster, batch, message, size) : 0;
  pthread_mutex_unlock(&broadcaster->mutex);
  return batch && rc == ANYCABLE_OK ? 1 : rc;
}

static int publish(anycable_broadcaster *broadcaster, anycable_str stream,
                   anycable_str data, bool string,
                   const anycable_publish_options *options) {
  struct ac_message message;
  if (!broadcaster)
    return ANYCABLE_ERR_INVALID;
  if (ac_forked(broadcaster->fork_page))
    return ANYCABLE_ERR_FORKED;
  int error = ac_message_init(&message, stream, data, string, options);
  if (!error && data.len > broadcaster->config.message_max)
    error = ANYCABLE_ERR_LIMIT;
  if (!error)
    error = ac_message_check(&message, broadcaster->config.json_depth);
  if (error)
    return error;
  const struct ac_writer writer = {ac_message_size(&message), write_message,
                                   &message, message.options.tag};
  int batched = add_to_batch(broadcaster, &message, writer.size);
  if (batched)
    return batched > 0 ? ANYCABLE_OK : batched;
  return ac_publish(broadcaster, &writer);
}

int anycable_broadcaster_publish(anycable_broadcaster *broadcaster,
                                 anycable_str stream, anycable_str json,
                                 const anycable_publish_options *options) {
  return publish(broadcaster, stream, json, false, options);
}

int anycable_broadcaster_publish_string(
    anycable_broadcaster *broadcaster, anycable_str stream, anycable_str text,
    const anycable_publish_options *options) {
  return publish(broadcaster, stream, text, true, options);
}

/* --- remote disconnect ---------------------------------------------------- */

struct disconnect {
  anycable_str identifiers;
  bool reconnect;
};

static char *write_disconnect(const struct ac_writer *writer, char *out) {
  const struct disconnect *disconnect = writer->from;
  return ac_disconnect_write(disconnect->identifiers, disconnect->reconnect,
                             out);
}

int anycable_broadcaster_disconnect(anycable_broadcaster *broadcaster,
                                    anycable_str identifiers, bool reconnect) {
  if (!broadcaster || identifiers.len == 0)
    return ANYCABLE_ERR_INVALID;
  if (ac_forked(broadcaster->fork_page))
    return ANYCABLE_ERR_FORKED;
  int error = ac_message_text(identifiers);
  if (error)
    return error;
  const struct disconnect disconnect = {identifiers, reconnect};
  const struct ac_writer writer = {ac_disconnect_size(identifiers, reconnect),
                                   write_disconnect, &disconnect, NULL};
  return ac_publish(broadcaster, &writer);
}
