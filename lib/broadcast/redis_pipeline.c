/* Writing and reading take turns without waiting for each other, or two full
 * sockets would wait for ever. In steady state nothing is allocated: messages
 * are copied into the connection's buffer, replies are read without objects. */
#include "broadcast/redis_pipeline.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "io/link.h"
#include "io/stream.h"

/* How much may be under way; one message may be larger. */
enum { WINDOW_BYTES = 256 * 1024 };

/* Under load it would go on for ever, and nobody would hear how it goes, or
 * look whether the master is one. */
#define RUN_TIME (AC_SECOND / 2)

/* One run. */
struct run {
  struct ac_redis_pipeline *pipeline;
  struct ac_redis_connection *connection;
  anycable_outbox *outbox;
};

/* --- the window ----------------------------------------------------------- */

/* Where the message at |index|, from the oldest, ends. */
static uint64_t *end_of(struct ac_redis_pipeline *pipeline, size_t index) {
  return &pipeline->ends[(pipeline->first + index) % AC_REDIS_WINDOW];
}

/* Where the next message will begin. */
static uint64_t tail(struct ac_redis_pipeline *pipeline) {
  return pipeline->count ? *end_of(pipeline, pipeline->count - 1)
                         : pipeline->begin;
}

static bool has_room(struct ac_redis_pipeline *pipeline) {
  return pipeline->count < AC_REDIS_WINDOW && !pipeline->closing &&
         pipeline->progress < pipeline->until &&
         tail(pipeline) - pipeline->begin < WINDOW_BYTES;
}

static void settle(struct run *run, int fate, int64_t receivers,
                   const char *reason) {
  struct ac_redis_pipeline *pipeline = run->pipeline;
  anycable_outbox_settle(run->outbox, fate, receivers, reason);
  pipeline->begin = *end_of(pipeline, 0);
  pipeline->first = (pipeline->first + 1) % AC_REDIS_WINDOW;
  pipeline->taken--;
  pipeline->count--;
}

/* Messages of which not a byte was written were never sent: they come again.
 * What is behind the last that was begun leaves the buffer, too. */
static void forget_unsent(struct run *run) {
  struct ac_redis_pipeline *pipeline = run->pipeline;
  struct ac_buffer *out = &run->connection->out;
  uint64_t end = tail(pipeline);
  while (pipeline->count > 0) {
    uint64_t begin = pipeline->count > 1
                         ? *end_of(pipeline, pipeline->count - 2)
                         : pipeline->begin;
    if (begin < pipeline->written)
      break;
    pipeline->count--;
  }
  out->end -= end - tail(pipeline);
}

/* --- replies -------------------------------------------------------------- */

/* Errors that speak of the server's state, not of the message. */
static bool is_temporary(const struct ac_redis_reply *reply) {
  static const char *const codes[] = {"LOADING",  "READONLY",  "MASTERDOWN",
                                      "TRYAGAIN", "BUSY",      "CLUSTERDOWN",
                                      "NOAUTH",   "NOREPLICAS"};
  for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
    if (ac_redis_reply_is_error(reply, codes[i]))
      return true;
  }
  return false;
}

/* The next message was refused, and is not done with. Nothing new is sent over
 * this connection, as what is forgotten here comes first. */
static void hold(struct run *run, const char *why) {
  struct ac_redis_pipeline *pipeline = run->pipeline;
  pipeline->held++;
  if (pipeline->closing)
    return;
  pipeline->closing = true;
  snprintf(pipeline->refusal, sizeof(pipeline->refusal), "%s", why);
  forget_unsent(run);
}

/* One behind them went through, or may have: they cannot come again. */
static void fail_held(struct run *run) {
  struct ac_redis_pipeline *pipeline = run->pipeline;
  char reason[AC_REDIS_REASON_SIZE + 64];
  if (pipeline->held == 0)
    return;
  snprintf(reason, sizeof(reason), "refused, while later messages went out: %s",
           pipeline->refusal);
  for (; pipeline->held > 0; pipeline->held--)
    settle(run, ANYCABLE_FATE_FAILED, -1, reason);
}

/* The reply to the oldest message that has none. Held ones wait for those
 * behind them, also for one that has failed for good: it will do so again. */
static bool answer(struct run *run, const struct ac_redis_reply *reply) {
  struct ac_redis_pipeline *pipeline = run->pipeline;
  if (pipeline->held == pipeline->count ||
      *end_of(pipeline, pipeline->held) > pipeline->written) {
    run->connection->error = "answers what was not asked";
    return false;
  }
  if (reply->root.type == pipeline->success) {
    fail_held(run);
    settle(run, ANYCABLE_FATE_PUBLISHED,
           pipeline->success == AC_REDIS_INTEGER ? reply->root.integer : -1,
           NULL);
    return true;
  }
  if (reply->root.type != AC_REDIS_ERROR) {
    run->connection->error = "answers with something else than was asked for";
    return false;
  }
  if (pipeline->held > 0 || is_temporary(reply))
    hold(run, reply->root.text);
  else
    settle(run, ANYCABLE_FATE_FAILED, -1, reply->root.text);
  return true;
}

static bool read_replies(struct run *run) {
  const struct ac_redis_reply *reply;
  for (;;) {
    if (!ac_redis_reader_next(run->connection->reader, &reply)) {
      run->connection->error = ac_redis_reader_error(run->connection->reader);
      return false;
    }
    if (!reply)
      return true;
    run->pipeline->progress = ac_clock_now();
    if (!answer(run, reply))
      return false;
  }
}

/* --- turns ---------------------------------------------------------------- */

/* The message behind the last that is sent: one that comes again, or else one
 * from the outbox. False where there is none. */
static bool next_message(struct run *run, anycable_str *message) {
  struct ac_redis_pipeline *pipeline = run->pipeline;
  size_t at = (pipeline->first + pipeline->count) % AC_REDIS_WINDOW;
  if (pipeline->count == pipeline->taken) {
    if (!anycable_outbox_next(run->outbox, &pipeline->messages[at]))
      return false;
    pipeline->taken++;
  }
  *message = pipeline->messages[at];
  return true;
}

static bool take_messages(struct run *run) {
  struct ac_redis_pipeline *pipeline = run->pipeline;
  struct ac_buffer *out = &run->connection->out;
  anycable_str message;
  while (has_room(pipeline) && next_message(run, &message)) {
    uint64_t begin = tail(pipeline);
    size_t before = ac_buffer_len(out);
    if (!ac_redis_command_append(pipeline->command, out, message)) {
      run->connection->error = "out of memory";
      return false;
    }
    pipeline->count++;
    *end_of(pipeline, pipeline->count - 1) =
        begin + ac_buffer_len(out) - before;
  }
  return true;
}

/* False when nothing more can be sent; there may be replies all the same. */
static bool send_some(struct run *run) {
  ssize_t n = ac_redis_connection_send(run->connection);
  if (n > 0) {
    run->pipeline->written += (uint64_t)n;
    run->pipeline->progress = ac_clock_now();
  }
  return n != AC_STREAM_FAILED;
}

/* Reads the replies that were sent before the connection broke. */
static void read_last(struct run *run) {
  const char *error = run->connection->error;
  while (ac_redis_connection_receive(run->connection) > 0 && read_replies(run))
    ;
  run->connection->error = error;
}

/* One turn: ANYCABLE_OK to go on, or an error. */
static int turn(struct run *run) {
  struct ac_redis_pipeline *pipeline = run->pipeline;
  struct ac_redis_connection *connection = run->connection;
  const int fd = anycable_outbox_fd(run->outbox);
  if (!send_some(run)) {
    read_last(run);
    return ANYCABLE_ERR_UNAVAILABLE;
  }
  const struct ac_wait wait = {pipeline->progress + pipeline->patience, fd};
  switch (ac_link_wait(connection->link, &wait,
                       ac_buffer_len(&connection->out) > 0)) {
  case AC_WAIT_READY:
    break;
  case AC_WAIT_TIMEOUT:
    connection->error = "does not answer in time";
    return ANYCABLE_ERR_TIMEOUT;
  case AC_WAIT_INTERRUPTED:
    connection->error = "there was no time left to wait for the answer";
    return ANYCABLE_ERR_CANCELLED;
  }
  if (ac_redis_connection_receive(connection) == AC_STREAM_FAILED ||
      !read_replies(run))
    return ANYCABLE_ERR_UNAVAILABLE;
  return ANYCABLE_OK;
}

/* --- the end -------------------------------------------------------------- */

/* The connection is of no use any more: settles what cannot come again. */
static void give_up(struct run *run, const char *reason) {
  struct ac_redis_pipeline *pipeline = run->pipeline;
  forget_unsent(run);
  /* Refused, all of them: nothing was done. */
  if (pipeline->held == pipeline->count)
    return;
  if (pipeline->again) {
    anycable_outbox_doubt(run->outbox, pipeline->count);
    return;
  }
  fail_held(run);
  while (pipeline->count > 0)
    settle(run, ANYCABLE_FATE_UNKNOWN, -1, reason);
}

void ac_redis_pipeline_begin(struct ac_redis_pipeline *pipeline) {
  pipeline->first = pipeline->taken = 0;
}

int ac_redis_pipeline_run(struct ac_redis_pipeline *pipeline,
                          struct ac_redis_connection *connection,
                          anycable_outbox *outbox, char *reason,
                          size_t reason_size) {
  struct run run = {pipeline, connection, outbox};
  int error = ANYCABLE_OK;
  pipeline->count = pipeline->held = 0;
  pipeline->begin = pipeline->written = 0;
  pipeline->closing = false;
  pipeline->progress = ac_clock_now();
  pipeline->until = pipeline->progress + RUN_TIME;
  while (!error) {
    if (!take_messages(&run))
      error = ANYCABLE_ERR_NOMEM;
    else if (pipeline->held < pipeline->count)
      error = turn(&run);
    else if (pipeline->closing)
      error = ANYCABLE_ERR_UNAVAILABLE;
    else
      return ANYCABLE_OK;
  }
  ac_redis_connection_explain(
      connection, pipeline->closing ? pipeline->refusal : connection->error,
      reason, reason_size);
  give_up(&run, reason);
  return error;
}
