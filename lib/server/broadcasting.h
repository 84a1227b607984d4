/* Broadcasters from a configuration: finds the adapter, and wires it. */
#ifndef AC_SERVER_BROADCASTING_H
#define AC_SERVER_BROADCASTING_H

#include <anycable/app.h>

#include "server/config.h"

/* Makes the broadcaster with the adapter |name|. ANYCABLE_OK or an error, with
 * the reason in |reason|. */
int ac_broadcasting_new(anycable_broadcaster **out, const char *name,
                        const anycable_config *config, char *reason,
                        size_t reason_size);

/* Gives |app| those that |config| names, if it has none; likewise. On an error
 * it has some of them: those are to be let go of. */
int ac_broadcasting_add(anycable_app *app, const anycable_config *config,
                        char *reason, size_t reason_size);

#endif
