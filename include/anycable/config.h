/* How a server listens and what it allows.
 *
 * A new config holds the defaults. Setters copy what they are given, return
 * ANYCABLE_OK or an error, and keep the first error with its text: who does not
 * check them is told by anycable_server_new(). What was set before an error
 * stays. A NULL config is ANYCABLE_ERR_INVALID. */
#ifndef ANYCABLE_CONFIG_H
#define ANYCABLE_CONFIG_H

#include <anycable/error.h>
#include <anycable/log.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct anycable_config anycable_config;

/* Limits of a server, set by anycable_config_set_limit(). Each is a whole
 * number; in brackets the default. 0 means "none" only where it says so. */
enum anycable_limit {
  /* Sizes, in bytes. */
  ANYCABLE_LIMIT_MESSAGE = 0,     /* one request [4 MiB] */
  ANYCABLE_LIMIT_REPLY = 1,       /* one reply [4 MiB] */
  ANYCABLE_LIMIT_CALL_MEMORY = 2, /* one call, all in all [32 MiB] */
  ANYCABLE_LIMIT_MEMORY = 3,      /* received and unsent data [256 MiB] */
  ANYCABLE_LIMIT_HEADERS = 4,     /* of a call, +32 each [16 KiB] */

  /* Counts. */
  ANYCABLE_LIMIT_HEADER_COUNT = 5,      /* of a call [100] */
  ANYCABLE_LIMIT_CONNECTIONS = 6,       /* at a time [1024] */
  ANYCABLE_LIMIT_STREAMS = 7,           /* calls of a connection [1000] */
  ANYCABLE_LIMIT_DEFERRED = 8,          /* deferred calls at a time [10000] */
  ANYCABLE_LIMIT_ELEMENTS = 9,          /* repeated fields of one [65536] */
  ANYCABLE_LIMIT_UNKNOWN_FIELDS = 10,   /* of a request [1024] */
  ANYCABLE_LIMIT_SINGULAR_REPEATS = 11, /* of one field [16] */
  ANYCABLE_LIMIT_JSON_DEPTH = 12,       /* nesting of JSON texts [64] */

  /* Times, in milliseconds. */
  ANYCABLE_LIMIT_CALL_TIME = 13,         /* without a deadline [30000] */
  ANYCABLE_LIMIT_HANDSHAKE_TIME = 14,    /* until HTTP/2 begins [10000] */
  ANYCABLE_LIMIT_REQUEST_TIME = 15,      /* until it is complete [30000] */
  ANYCABLE_LIMIT_SEND_TIME = 16,         /* without progress [20000] */
  ANYCABLE_LIMIT_IDLE_TIME = 17,         /* of a connection; 0: none [300000] */
  ANYCABLE_LIMIT_AGE_GRACE = 18,         /* for calls, after its age [30000] */
  ANYCABLE_LIMIT_KEEPALIVE_TIME = 19,    /* silence; 0: none [60000] */
  ANYCABLE_LIMIT_KEEPALIVE_TIMEOUT = 20, /* for an answer [20000] */
  ANYCABLE_LIMIT_PING_INTERVAL = 21,     /* faster is a strike [5000] */

  /* What one connection may do before it is told to go away: a stock, and how
   * much of it comes back every second (_RATE), or every minute (strikes). */
  ANYCABLE_LIMIT_PING_STRIKES = 22,  /* a minute [100] */
  ANYCABLE_LIMIT_PINGS_RATE = 23,    /* pings, however slow [100] */
  ANYCABLE_LIMIT_SETTINGS_RATE = 24, /* SETTINGS frames [10] */
  ANYCABLE_LIMIT_RESETS = 25,        /* streams that it reset [10000] */
  ANYCABLE_LIMIT_RESETS_RATE = 26,   /* [1000] */
  ANYCABLE_LIMIT_GLITCHES = 27,      /* useless or wrong frames [200] */
  ANYCABLE_LIMIT_GLITCHES_RATE = 28, /* [20] */
  ANYCABLE_LIMIT_EMPTY_FRAMES = 29,  /* empty DATA in a row [10] */

  ANYCABLE_LIMIT_END = 30 /* how many there are; grows */
};

/** Makes a config that holds the defaults. It reads no environment.
 *  Returns: the config; NULL if there is no memory.
 *  Threads: any.
 *  Ownership: yours, until anycable_config_free(). */
ANYCABLE_EXTERN anycable_config *anycable_config_new(void) ANYCABLE_WARN_UNUSED;

/** Frees |config|; servers made from it are not concerned. NULL is fine.
 *  Threads: the one that owns |config|. */
ANYCABLE_EXTERN void anycable_config_free(anycable_config *config);

/** Says in words what the first error was.
 *  Returns: the text, never NULL, empty if there was none. For a NULL
 *  |config|: "out of memory".
 *  Threads: the one that owns |config|.
 *  Ownership: borrowed until |config| is freed. */
ANYCABLE_EXTERN const char *
anycable_config_error(const anycable_config *config);

/** Sets where to listen, in place of what was set before:
 *
 *    "127.0.0.1:50051"   an IPv4 address or a host name, and a port
 *    "[::1]:50051"       an IPv6 address
 *    ":50051"            every address of the machine
 *    "127.0.0.1:0"       a free port, see anycable_server_address()
 *    "unix:/run/app.sock"   a left-over file is replaced, one in use is not
 *
 *  Several, separated by commas, are listened on at the same time. The default
 *  is "127.0.0.1:50051".
 *  Returns: ANYCABLE_OK, ANYCABLE_ERR_INVALID, ANYCABLE_ERR_NOMEM.
 *  Threads: the one that owns |config|. */
ANYCABLE_EXTERN int anycable_config_set_rpc_host(anycable_config *config,
                                                 const char *addresses);

/** Adds a socket that listens already, as from a supervisor (socket
 *  activation) or from the process before: no call fails between the two. May
 *  be called several times. Without anycable_config_set_rpc_host() the default
 *  address is not listened on then.
 *  Returns: ANYCABLE_OK, ANYCABLE_ERR_INVALID, ANYCABLE_ERR_NOMEM.
 *  Threads: the one that owns |config|.
 *  Ownership: |fd| stays yours; each server works on a duplicate, and makes
 *  the socket itself non-blocking. */
ANYCABLE_EXTERN int anycable_config_add_listen_fd(anycable_config *config,
                                                  int fd);

/** Switches TLS on, for every address. |cert| (the chain) and |key| are each
 *  the path of a PEM file or PEM text itself. Both NULL switches it off.
 *  Files are read by anycable_server_new() and anycable_server_reload_tls().
 *  Returns: ANYCABLE_OK, ANYCABLE_ERR_INVALID, ANYCABLE_ERR_NOMEM.
 *  Threads: the one that owns |config|. */
ANYCABLE_EXTERN int anycable_config_set_rpc_tls(anycable_config *config,
                                                const char *cert,
                                                const char *key);

/** Demands a certificate from clients, signed by one of |ca|: a path or PEM
 *  text; NULL demands none. AnyCable's server has none to show; this is for
 *  proxies in between. Makes sense only together with
 *  anycable_config_set_rpc_tls().
 *  Returns: ANYCABLE_OK, ANYCABLE_ERR_INVALID if empty, ANYCABLE_ERR_NOMEM.
 *  Threads: the one that owns |config|. */
ANYCABLE_EXTERN int
anycable_config_set_rpc_tls_client_ca(anycable_config *config, const char *ca);

/** Sets how many threads run handlers, at most; they are made as needed. 0
 *  runs handlers on the I/O thread, which is fastest, if they never block. The
 *  default is 30. In a host's loop handlers run inline whatever this says.
 *  Returns: ANYCABLE_OK, ANYCABLE_ERR_INVALID outside 0 to 1024.
 *  Threads: the one that owns |config|. */
ANYCABLE_EXTERN int anycable_config_set_workers(anycable_config *config,
                                                int workers);

/** Sets how many calls wait for a worker, at most; over it, calls are refused
 *  with RESOURCE_EXHAUSTED, which AnyCable retries. The default is 1024 (the
 *  Ruby SDK's is 20). No call waits longer than its deadline.
 *  Returns: ANYCABLE_OK, ANYCABLE_ERR_INVALID outside 1 to 1000000.
 *  Threads: the one that owns |config|. */
ANYCABLE_EXTERN int anycable_config_set_queue(anycable_config *config,
                                              int calls);

/** Sets after how many seconds a connection is replaced by a new one, which
 *  spreads load over backends; 10 % jitter. 0: never. The default is 300.
 *  Returns: ANYCABLE_OK, ANYCABLE_ERR_INVALID if negative.
 *  Threads: the one that owns |config|. */
ANYCABLE_EXTERN int
anycable_config_set_max_connection_age(anycable_config *config, int seconds);

/** Sets whether a call must come with the protocol version that this library
 *  speaks ("protov" is "v1"). On by default.
 *  Returns: ANYCABLE_OK.
 *  Threads: the one that owns |config|. */
ANYCABLE_EXTERN int anycable_config_set_version_check(anycable_config *config,
                                                      bool on);

/** Sets who receives log lines. By default nobody does.
 *  Returns: ANYCABLE_OK.
 *  Threads: the one that owns |config|.
 *  Ownership: |ctx| is borrowed until the servers are freed. */
ANYCABLE_EXTERN int anycable_config_set_log(anycable_config *config,
                                            anycable_log_fn fn, void *ctx);

/** Sets the most talkative level that is logged, ANYCABLE_LOG_INFO by default.
 *  Returns: ANYCABLE_OK, ANYCABLE_ERR_INVALID if |level| is no
 *  anycable_log_level.
 *  Threads: the one that owns |config|. */
ANYCABLE_EXTERN int anycable_config_set_log_level(anycable_config *config,
                                                  int level);

/** Sets the application's secret, from which keys are derived; NULL for none.
 *  Returns: ANYCABLE_OK, ANYCABLE_ERR_INVALID if empty, ANYCABLE_ERR_NOMEM.
 *  Threads: the one that owns |config|. */
ANYCABLE_EXTERN int anycable_config_set_secret(anycable_config *config,
                                               const char *secret);

/** Sets |limit|, an anycable_limit, to |value|.
 *  Returns: ANYCABLE_OK, ANYCABLE_ERR_INVALID for a limit that is not known or
 *  a value that makes no sense for it.
 *  Threads: the one that owns |config|. */
ANYCABLE_EXTERN int anycable_config_set_limit(anycable_config *config,
                                              int limit, int64_t value);

/** The value of |limit|, an anycable_limit.
 *  Returns: the value, -1 for a limit that is not known.
 *  Threads: the one that owns |config|. */
ANYCABLE_EXTERN int64_t anycable_config_limit(const anycable_config *config,
                                              int limit);

/** Reads the environment, with the names of the Ruby SDK. Variables that are
 *  unset or empty change nothing.
 *
 *    ANYCABLE_RPC_HOST                  anycable_config_set_rpc_host()
 *    ANYCABLE_RPC_TLS_CERT, _KEY        anycable_config_set_rpc_tls()
 *    ANYCABLE_RPC_TLS_CLIENT_CA         ..._set_rpc_tls_client_ca()
 *    ANYCABLE_RPC_POOL_SIZE             anycable_config_set_workers()
 *    ANYCABLE_RPC_MAX_WAITING_REQUESTS  anycable_config_set_queue()
 *    ANYCABLE_RPC_MAX_CONNECTION_AGE    ..._set_max_connection_age()
 *    ANYCABLE_VERSION_CHECK_ENABLED     anycable_config_set_version_check()
 *    ANYCABLE_LOG_LEVEL                 anycable_config_set_log_level()
 *    ANYCABLE_LOG_FILE                  for anycable_main(): default stderr
 *    ANYCABLE_LOG_GRPC                  logs connections, not only at debug
 *    ANYCABLE_DEBUG                     log level debug, and the one above
 *    ANYCABLE_SECRET                    anycable_config_set_secret()
 *    ANYCABLE_RPC_POLL_PERIOD, ANYCABLE_RPC_POOL_KEEP_ALIVE   no effect here
 *
 *  What is right is set, whatever else is wrong.
 *  Returns: ANYCABLE_OK; ANYCABLE_ERR_INVALID, where anycable_config_error()
 *  names the variable, the value and what is allowed; ANYCABLE_ERR_NOMEM.
 *  Threads: the one that owns |config|, while nobody changes the environment.
 */
ANYCABLE_EXTERN int anycable_config_load_env(anycable_config *config);

/** Reads command line flags: what anycable_config_load_env() reads, as
 *  --rpc-host=ADDRESS or --rpc-host ADDRESS. A word that begins with two dashes
 *  is taken as a value only behind "=". What is on or off is on as --debug or
 *  --debug=true, and off as --debug=false. The last flag of a name counts, and
 *  over the environment if that was read before.
 *
 *  Flags that it knows are taken out of |argv| and |argc|; all else stays for
 *  the program, in its order. "--" ends the flags: it is taken out, too, and
 *  what follows stays.
 *  Returns: as anycable_config_load_env().
 *  Threads: the one that owns |config|.
 *  Ownership: the values are copied. */
ANYCABLE_EXTERN int anycable_config_load_args(anycable_config *config,
                                              int *argc, char **argv);

/** The help text for the flags, a line or two each, without a heading.
 *  Returns: a constant string.
 *  Threads: any. */
ANYCABLE_EXTERN const char *anycable_config_help(void);

#ifdef __cplusplus
}
#endif

#endif
