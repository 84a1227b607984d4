/* A publication as AnyCable reads it: {"stream":...,"data":...,"meta":...}, in
 * which the data is a JSON text inside a string. Checked first, then measured,
 * then written; nothing is allocated. */
#ifndef AC_BROADCAST_MESSAGE_H
#define AC_BROADCAST_MESSAGE_H

#include <anycable/broadcaster.h>
#include <stdbool.h>

struct ac_message {
  anycable_str stream;
  anycable_str data;
  bool string; /* |data| is what clients get, not JSON for it */
  anycable_publish_options options; /* all of it, whatever the user's size */
};

/* Reads a message out of a user's arguments; |options| may be NULL.
 * ANYCABLE_OK, or ANYCABLE_ERR_INVALID for options of no known form. */
int ac_message_init(struct ac_message *message, anycable_str stream,
                    anycable_str data, bool string,
                    const anycable_publish_options *options);

/* Can AnyCable take it, and deliver just that? ANYCABLE_OK, _ERR_INVALID,
 * _ERR_PROTO, _ERR_ENCODING or _ERR_LIMIT. */
int ac_message_check(const struct ac_message *message, unsigned depth);

/* How long it is, and the message itself, for which |out| has room; returns its
 * end. Only for one that was checked. */
size_t ac_message_size(const struct ac_message *message);
char *ac_message_write(const struct ac_message *message, char *out);

/* The command that disconnects clients, likewise. */
size_t ac_disconnect_size(anycable_str identifiers, bool reconnect);
char *ac_disconnect_write(anycable_str identifiers, bool reconnect, char *out);

/* Text that AnyCable can decode? ANYCABLE_OK or ANYCABLE_ERR_ENCODING. */
int ac_message_text(anycable_str text);

#endif
