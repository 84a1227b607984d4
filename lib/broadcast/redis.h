/* The adapters "redis" (PUBLISH) and "redisx" (XADD), and what checks their
 * settings. */
#ifndef AC_BROADCAST_REDIS_H
#define AC_BROADCAST_REDIS_H

#include <anycable/adapter.h>
#include <stddef.h>

const anycable_adapter *ac_redis_adapter(void);
const anycable_adapter *ac_redisx_adapter(void);

/* Can these be values of ANYCABLE_SETTING_REDIS_URL and _SENTINELS?
 * ANYCABLE_OK; ANYCABLE_ERR_INVALID or _NOMEM with the reason, which does not
 * name the setting, and has nothing of its value, as that may hold a password,
 * in |reason|. */
int ac_redis_url_check(const char *url, char *reason, size_t reason_size);
int ac_redis_sentinels_check(const char *sentinels, char *reason,
                             size_t reason_size);

#endif
