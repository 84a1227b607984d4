/* The servers of a setting: "nats://USER:PASSWORD@HOST:PORT, tls://...". */
#ifndef AC_NATS_SERVERS_H
#define AC_NATS_SERVERS_H

#include <stdbool.h>
#include <stddef.h>

struct ac_nats_server {
  char *url;      /* without credentials: for nats.c, and for the log */
  char *host;     /* without brackets: the name in its certificate */
  char *user;     /* NULL, or */
  char *password; /* both of them; */
  char *token;    /* or NULL, or this */
  bool tls;       /* not without */
};

struct ac_nats_servers {
  struct ac_nats_server *all;
  size_t count;
  size_t next; /* the one to try now */
};

/* Reads |list|. 0, or an anycable_result with the reason, which names no
 * credentials. What was filled in is to be freed in any case. */
int ac_nats_servers_read(struct ac_nats_servers *servers, const char *list,
                         char *reason, size_t reason_size);
void ac_nats_servers_free(struct ac_nats_servers *servers);

/* Puts them into an order that is left to chance. */
void ac_nats_servers_shuffle(struct ac_nats_servers *servers);

#endif
