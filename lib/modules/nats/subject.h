/* Subjects of NATS. */
#ifndef AC_NATS_SUBJECT_H
#define AC_NATS_SUBJECT_H

/* NULL if one can publish to |subject|, else what is wrong with it. nats.c does
 * not look: a space or a line's end would become a command of its own. */
const char *ac_nats_subject_check(const char *subject);

#endif
