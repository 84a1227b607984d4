/* An application that lets everybody in and answers nothing. */
#ifndef TRIVIAL_APP_H
#define TRIVIAL_APP_H

#include <anycable.h>

static void *create(anycable_socket *socket, anycable_str identifiers,
                    const anycable_str *subscriptions, size_t count,
                    void *ctx) {
  (void)identifiers, (void)subscriptions, (void)count, (void)ctx;
  return socket;
}

static int handle(void *session) {
  (void)session;
  return ANYCABLE_DONE;
}

static int command(void *session, anycable_str identifier, anycable_str name,
                   anycable_str data) {
  (void)session, (void)identifier, (void)name, (void)data;
  return ANYCABLE_DONE;
}

static const anycable_session_ops ops = {.size = sizeof(ops),
                                         .create = create,
                                         .handle_open = handle,
                                         .handle_close = handle,
                                         .handle_channel_command = command};

#endif
