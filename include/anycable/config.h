/* How a server listens and what it allows, and how broadcasters publish.
 *
 * A new config holds the defaults. Setters copy what they are given, return
 * ANYCABLE_OK or an error, and keep the first error with its text: who does not
 * check them is told by anycable_server_new() and anycable_broadcaster_new().
 * What was set before an error stays. A NULL config is ANYCABLE_ERR_INVALID. */
#ifndef ANYCABLE_CONFIG_H
#define ANYCABLE_CONFIG_H

#include <anycable/error.h>
#include <anycable/log.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct anycable_config anycable_config;

/* Limits of a server and of broadcasters, set by anycable_config_set_limit().
 * Each is a whole number; in brackets the default. 0 means "none" only where it
 * says so. */
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

  /* Of each broadcaster: bytes, messages, and milliseconds. */
  ANYCABLE_LIMIT_BROADCAST_BYTES = 30,        /* queued, +32 each [8 MiB] */
  ANYCABLE_LIMIT_BROADCAST_COUNT = 31,        /* queued [65536] */
  ANYCABLE_LIMIT_BROADCAST_MESSAGE = 32,      /* bytes of one [1 MiB] */
  ANYCABLE_LIMIT_BROADCAST_TIME = 33,         /* for an answer [1000] */
  ANYCABLE_LIMIT_BROADCAST_CONNECT_TIME = 34, /* to be there [2000] */
  ANYCABLE_LIMIT_FLUSH_TIME = 35,             /* when it is freed [2000] */
  ANYCABLE_LIMIT_REDIS_STREAM = 36,           /* "redisx": kept [100000] */

  ANYCABLE_LIMIT_END = 37 /* how many there are; grows */
};

/* Settings that are texts, set by anycable_config_set(); in brackets the
 * default. Each can be in the environment, and on the command line:
 * ANYCABLE_SETTING_REDIS_URL is ANYCABLE_REDIS_URL and --redis-url. What is on
 * or off is "true" or "false". */
enum anycable_setting {
  /* "redis", "redisx", "http", "nats", "memory", or an adapter that was added;
   * an application may have several, separated by commas. */
  ANYCABLE_SETTING_BROADCAST_ADAPTER = 0, /* ["redis"] */

  /* Keys and secrets. Where they are not set, those that AnyCable uses then. */
  ANYCABLE_SETTING_BROADCAST_KEY = 1,  /* for "http" [from the secret] */
  ANYCABLE_SETTING_STREAMS_SECRET = 2, /* signs streams [the secret] */
  ANYCABLE_SETTING_JWT_SECRET = 3,     /* signs tokens [the secret] */
  ANYCABLE_SETTING_JWT_TTL = 4,        /* seconds, 0: for ever ["3600"] */

  /* redis://USER:PASSWORD@HOST:PORT/DATABASE, rediss:// for TLS, or
   * unix:///PATH?db=DATABASE. The environment's REDIS_URL is read too. */
  ANYCABLE_SETTING_REDIS_URL = 5, /* ["redis://localhost:6379"] */

  /* [rediss://][USER:PASSWORD@]HOST:PORT, several separated by commas: who is
   * asked for the master, the name of which is the URL's HOST. */
  ANYCABLE_SETTING_REDIS_SENTINELS = 6, /* [none] */

  /* The channel of "redis", the stream of "redisx". */
  ANYCABLE_SETTING_REDIS_CHANNEL = 7, /* ["__anycable__"] */

  /* For rediss://. The Ruby SDK checks certificates only if it is asked to.
   * Those below are each the path of a PEM file, or PEM text. */
  ANYCABLE_SETTING_REDIS_TLS_VERIFY = 8,           /* ["true"] */
  ANYCABLE_SETTING_REDIS_TLS_CLIENT_CERT_PATH = 9, /* what we show [none] */
  ANYCABLE_SETTING_REDIS_TLS_CLIENT_KEY_PATH = 10, /* and its key [none] */
  ANYCABLE_SETTING_REDIS_TLS_CA_CERT_PATH = 11,    /* [the system's] */

  /* nats://USER:PASSWORD@HOST:PORT, tls:// for TLS; several separated by
   * commas, tried in any order. */
  ANYCABLE_SETTING_NATS_SERVERS = 12, /* ["nats://localhost:4222"] */
  ANYCABLE_SETTING_NATS_CHANNEL = 13, /* the subject ["__anycable__"] */
  ANYCABLE_SETTING_NATS_DONT_RANDOMIZE_SERVERS = 14, /* in order ["false"] */

  /* "http://localhost:8080/_broadcast" if there is a key or a secret, and else
   * "http://localhost:8090/_broadcast". */
  ANYCABLE_SETTING_HTTP_BROADCAST_URL = 15, /* [as above] */

  /* HTTP RPC, for a WebSocket server that calls by HTTP: the path in front of
   * /connect, /command and /disconnect, such as "/_anycable". It is served on
   * the addresses of gRPC, or on those of the HTTP_HOST, if there are any:
   * addresses as those of anycable_config_set_rpc_host(). HTTP/1.1 in any case;
   * HTTP/2 as well on those of gRPC. */
  ANYCABLE_SETTING_HTTP_RPC_MOUNT_PATH = 16, /* [none: no HTTP RPC] */
  ANYCABLE_SETTING_HTTP_HOST = 17,           /* [none] */

  /* What calls by HTTP must bring as "Authorization: Bearer". Without any,
   * addresses that other machines can reach are refused, unless HTTP_RPC_PUBLIC
   * is "true". */
  ANYCABLE_SETTING_HTTP_RPC_SECRET = 18, /* [from the secret] */
  ANYCABLE_SETTING_HTTP_RPC_PUBLIC = 19, /* ["false"] */

  /* For load balancers and metrics: GET of the first path is answered 200 while
   * the server serves, and 503 before and after; of the second, with the
   * figures of anycable_server_metrics(). They are wherever HTTP is; and on
   * this port of all addresses, where there is nothing else, and no TLS. */
  ANYCABLE_SETTING_HTTP_HEALTH_PORT = 20,  /* [none] */
  ANYCABLE_SETTING_HTTP_HEALTH_PATH = 21,  /* ["/health"] */
  ANYCABLE_SETTING_HTTP_METRICS_PATH = 22, /* ["/metrics"] */

  /* How anycable_main() logs: "text", or "json", a line of
   * anycable_log_json() each. */
  ANYCABLE_SETTING_LOG_FORMAT = 23, /* ["text"] */

  /* Whether tools such as grpcurl are told what there is to be called, by
   * grpc.reflection.v1 and v1alpha. */
  ANYCABLE_SETTING_RPC_REFLECTION = 24, /* ["false"] */

  ANYCABLE_SETTING_END = 25 /* how many there are; grows */
};

/** Makes a config that holds the defaults. It reads no environment.
 *  Returns: the config; NULL if there is no memory.
 *  Threads: any.
 *  Ownership: yours, until anycable_config_free(). */
ANYCABLE_EXTERN anycable_config *anycable_config_new(void) ANYCABLE_WARN_UNUSED;

/** Frees |config|; servers and broadcasters made from it are not concerned.
 *  NULL is fine.
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
 *    "none"              nowhere, as calls come by anycable_server_http()
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
 *  Ruby SDK's is 20). Each of Connect, Command and Disconnect, which workers
 *  serve in turn, has a right to an eighth: for that, the newest calls of who
 *  has most are refused. So a flood of one does not lock out the others. No
 *  call waits longer than its deadline.
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
 *  Ownership: |ctx| is borrowed until the servers and broadcasters are freed,
 *  and so the applications, which have broadcasters made from |config|. */
ANYCABLE_EXTERN int anycable_config_set_log(anycable_config *config,
                                            anycable_log_fn fn, void *ctx);

/** Sets who receives log lines as records, with what they are about as members,
 *  in place of anycable_config_set_log().
 *  Returns: ANYCABLE_OK.
 *  Threads: the one that owns |config|.
 *  Ownership: as with anycable_config_set_log(). */
ANYCABLE_EXTERN int anycable_config_set_log_records(anycable_config *config,
                                                    anycable_log_record_fn fn,
                                                    void *ctx);

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

/** Sets |setting|, an anycable_setting, to |value|; NULL for its default.
 *  Returns: ANYCABLE_OK; ANYCABLE_ERR_INVALID for a setting that is not known
 *  or a value that makes no sense for it; ANYCABLE_ERR_NOMEM.
 *  Threads: the one that owns |config|.
 *  Ownership: |value| is copied. */
ANYCABLE_EXTERN int anycable_config_set(anycable_config *config, int setting,
                                        const char *value);

/** The value of |setting|, an anycable_setting: what was set, or else its
 *  default, derived from the secret where that is one.
 *  Returns: the value; NULL where there is none, or the setting is not known.
 *  Threads: the one that owns |config|.
 *  Ownership: borrowed until |config| is changed or freed. */
ANYCABLE_EXTERN const char *anycable_config_get(const anycable_config *config,
                                                int setting);

/** Sets what broadcasters do with messages that their queue has no room for: an
 *  anycable_when_full; and how long ANYCABLE_FULL_WAIT waits. The default is
 *  ANYCABLE_FULL_REFUSE. A handler that waits holds up its thread: without
 *  workers, the whole server.
 *  Returns: ANYCABLE_OK; ANYCABLE_ERR_INVALID for a value that is not known or
 *  a negative time.
 *  Threads: the one that owns |config|. */
ANYCABLE_EXTERN int anycable_config_set_when_full(anycable_config *config,
                                                  int when_full,
                                                  int64_t wait_ms);

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
 *    REDIS_URL                          if ANYCABLE_REDIS_URL is not set
 *    those of anycable_setting          anycable_config_set()
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
