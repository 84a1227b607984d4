/* Where a command connects to, and how: ADDRESS and the flags that all
 * commands have that make an RPC. */
#ifndef TOOL_TARGET_H
#define TOOL_TARGET_H

#include "args.h"
#include "grpc_client.h"

struct target {
  struct address address;
  bool has_address;
  int64_t timeout_ms; /* -1: none */
  bool tls, skip_verify;
  const char *ca, *server_name;
  struct grpc_metadata *metadata;
  size_t metadata_count;

  struct tls *tls_context; /* target_check() makes it */
};

/* The shared flags of a command that connects. */
extern const struct flag target_flags[];

void target_init(struct target *target, int64_t timeout_ms);
void target_deinit(struct target *target);

/* Takes the operand ADDRESS. False: the mistake has been told. */
bool target_set_address(struct target *target, struct args *args,
                        const char *text);

/* Takes the flag |id| of target_flags. False: the mistake has been told. */
bool target_set_flag(struct target *target, struct args *args, int id,
                     const char *value);

/* Adds metadata that is not from --metadata; nothing for an empty value.
 * |flag| names it in a complaint. False: the mistake has been told. */
bool target_add_metadata(struct target *target, struct args *args,
                         const char *flag, const char *name, const char *value);

/* Checks what the flags say together. False: the mistake has been told. */
bool target_check(struct target *target, struct args *args);

/* One RPC on a connection of its own. Fills |call| in where the target knows;
 * see grpc_client_unary() and grpc_client_stream(). */
bool target_call(struct target *target, struct grpc_call *call, bool stream,
                 struct grpc_status *status);

#endif
