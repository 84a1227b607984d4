/* The adapter "nats": publishing by NATS. In a library of its own,
 * libanycable-nats, as it needs nats.c.
 *
 *     cc program.c $(pkg-config --cflags --libs anycable-nats)
 *
 *     anycable_config_add_adapter(config, anycable_nats_adapter(), NULL);
 *     anycable_config_set(config, ANYCABLE_SETTING_BROADCAST_ADAPTER, "nats");
 *
 * A program that does not link it gets it all the same where a configuration
 * names the adapter: libanycable.so loads it from its own directory. A program
 * that has the core linked statically must link it. */
#ifndef ANYCABLE_NATS_H
#define ANYCABLE_NATS_H

#include <anycable/adapter.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The table for anycable_config_add_adapter(), whose ctx is NULL.
 *
 *  A message is PUBLISHED when the server has taken it: it has answered a PING
 *  that went out behind it on the same connection. Who is subscribed then gets
 *  it; NATS keeps nothing for those that are not. A message larger than the
 *  server allows, or to a subject that the user may not publish to, has FAILED.
 *  No message is sent twice.
 *
 *  Servers are tried one after the other. A cluster's other servers, of which
 *  its servers tell, are not used unless ANYCABLE_SETTING_NATS_SERVERS has
 *  them. With tls:// the certificate must be trusted by the system and bear the
 *  name of the host; with nats:// TLS is used where the server demands it. In
 *  the credentials of a URL, %40 stands for @, and so on.
 *
 *  What happens to the process, from the first message on: nats.c starts three
 *  threads and adds a function to atexit(); the adapter starts one for each
 *  connection. None takes a signal of the host's. nats.c would ignore SIGPIPE
 *  and seed rand(): the adapter restores what the host had, at once; for that
 *  moment other threads see the change. A socket may be inherited by a child
 *  that another thread makes while it connects. nats.c reads
 *  NATS_DEFAULT_LIB_WRITE_DEADLINE and NATS_DEFAULT_TO_LIB_MSG_DELIVERY from
 *  the environment, which change nothing here, and aborts where a mutex fails.
 *  A program that uses nats.c itself must not call nats_Close() meanwhile.
 *  Returns: a constant table.
 *  Threads: any. */
ANYCABLE_EXTERN const anycable_adapter *anycable_nats_adapter(void);

#ifdef __cplusplus
}
#endif

#endif
