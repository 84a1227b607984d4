/* make demo: the example backend at work, with everything that goes over the
 * wire.
 *
 *   demo FACTORY FOLDER server ANYCABLE_GO   the real AnyCable server in front
 *                                            of it, and a WebSocket client
 *   demo FACTORY FOLDER tool ANYCABLE        the command-line tool instead
 *
 * FACTORY is the backend, FOLDER takes the logs. */
#include "demo.h"

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define IDENTIFIER "{\\\"channel\\\":\\\"Chat\\\",\\\"room\\\":\\\"1\\\"}"
#define PLAIN_IDENTIFIER "{\"channel\":\"Chat\",\"room\":\"1\"}"
#define TEXT "{\\\"action\\\":\\\"speak\\\",\\\"text\\\":\\\"Hello!\\\"}"
#define PLAIN_TEXT "{\"action\":\"speak\",\"text\":\"Hello!\"}"

enum { REFUSED = 1 }; /* the tool's exit status for Status FAILURE */

static const char TO_SERVER[] = "client > server";
static const char FROM_SERVER[] = "client < server";

void show(const char *lane, const char *text) {
  flockfile(stdout);
  do {
    int len = (int)strcspn(text, "\n");
    printf("%-26s %.*s\n", lane, len, text);
    text += len;
    lane = "";
  } while (*text++);
  fflush(stdout);
  funlockfile(stdout);
}

static void title(const char *text) {
  flockfile(stdout);
  printf("\n%s\n", text);
  fflush(stdout);
  funlockfile(stdout);
}

__attribute__((__format__(__printf__, 1, 2), __noreturn__)) static void
give_up(const char *format, ...) {
  va_list args;
  va_start(args, format);
  fputs("demo: ", stderr);
  vfprintf(stderr, format, args);
  fputs("\n", stderr);
  va_end(args);
  exit(1);
}

/* Starts a program whose output goes to the file |log|, and which ends with
 * this one. */
static pid_t start(char *const argv[], const char *log) {
  pid_t pid = fork();
  if (pid < 0)
    give_up("fork: %s", strerror(errno));
  if (pid)
    return pid;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (!freopen("/dev/null", "r", stdin) || !freopen(log, "w", stdout) ||
      dup2(STDOUT_FILENO, STDERR_FILENO) < 0)
    _exit(126);
  execv(argv[0], argv);
  perror(argv[0]);
  _exit(127);
}

static int stop(pid_t pid) {
  int status = 0;
  kill(pid, SIGTERM);
  waitpid(pid, &status, 0);
  return status;
}

/* Waits until |connects| does, which is when the program |pid| is up. */
static void wait_for(pid_t pid, bool (*connects)(const void *), const void *to,
                     const char *log) {
  struct timespec pause = {0, 10 * 1000 * 1000};
  for (int i = 0; i < 1000; i++) {
    if (connects(to))
      return;
    if (waitpid(pid, NULL, WNOHANG) == pid)
      give_up("it ended early, see %s", log);
    nanosleep(&pause, NULL);
  }
  give_up("nobody listens, see %s", log);
}

static bool connects_to_path(const void *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  snprintf(address.sun_path, sizeof address.sun_path, "%s", (const char *)path);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  bool done = connect(fd, (struct sockaddr *)&address, sizeof address) == 0;
  close(fd);
  return done;
}

static bool connects_to_port(const void *port) {
  int fd = dial(*(const int *)port);
  if (fd >= 0)
    close(fd);
  return fd >= 0;
}

static int free_port(void) {
  struct sockaddr_in address = {.sin_family = AF_INET};
  socklen_t len = sizeof address;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (fd < 0 || bind(fd, (struct sockaddr *)&address, len) ||
      getsockname(fd, (struct sockaddr *)&address, &len))
    give_up("no free port: %s", strerror(errno));
  close(fd);
  return ntohs(address.sin_port);
}

/* What is expected ends a demo that does not get it. */
static void expect(websocket *socket, const char *what) {
  char *text;
  do {
    text = websocket_receive(socket);
    if (!text)
      give_up("the client waited in vain for %s", what);
    show(FROM_SERVER, text);
    if (strstr(text, what))
      break;
    free(text);
  } while (true);
  free(text);
}

static websocket *open_as(int port, const char *path) {
  char line[128];
  snprintf(line, sizeof line, "GET %s  (WebSocket)", path);
  show(TO_SERVER, line);
  websocket *socket = websocket_open(port, path);
  if (!socket)
    give_up("no WebSocket at port %d", port);
  return socket;
}

static void say(websocket *socket, const char *frame) {
  show(TO_SERVER, frame);
  if (!websocket_send(socket, frame))
    give_up("could not send");
}

static void talk_as_client(int port) {
  title("A client that says no name is not let in:");
  websocket *nobody = open_as(port, "/cable");
  expect(nobody, "unauthorized");
  websocket_close(nobody);

  title("Jack connects:");
  websocket *jack = open_as(port, "/cable?user=jack");
  expect(jack, "welcome");
  title("subscribes to a room:");
  say(jack, "{\"command\":\"subscribe\",\"identifier\":\"" IDENTIFIER "\"}");
  expect(jack, "confirm_subscription");
  title("says something:");
  say(jack, "{\"command\":\"message\",\"identifier\":\"" IDENTIFIER
            "\",\"data\":\"" TEXT "\"}");
  expect(jack, "Hello!");
  title("and leaves:");
  show(TO_SERVER, "close");
  websocket_close(jack);
  tap_wait("Disconnect", 1);
}

static void talk_through_server(char *server, int tap, const char *folder) {
  char rpc[64], http[32], quiet[64], log[256];
  int port = free_port();
  snprintf(rpc, sizeof rpc, "--rpc_host=127.0.0.1:%d", tap);
  snprintf(http, sizeof http, "--port=%d", port);
  snprintf(quiet, sizeof quiet, "--http_broadcast_port=%d", free_port());
  snprintf(log, sizeof log, "%s/anycable-go.log", folder);
  setenv("ANYCABLE_DISABLE_TELEMETRY", "true", 1);
  pid_t pid = start((char *[]){server, (char *)"--host=127.0.0.1", http, rpc,
                               quiet, (char *)"--broadcast_adapter=http", NULL},
                    log);
  wait_for(pid, connects_to_port, &port, log);
  talk_as_client(port);
  stop(pid);
}

/* One call by the tool, which must end with |expected|. |argv| ends with
 * NULL. */
static void call(const char *what, int expected, char *const argv[],
                 const char *folder) {
  char log[256];
  title(what);
  printf("$ anycable");
  for (int i = 1; argv[i]; i++)
    printf(strpbrk(argv[i], " {?") ? " '%s'" : " %s", argv[i]);
  printf("\n");
  fflush(stdout);
  snprintf(log, sizeof log, "%s/tool.log", folder);
  int status;
  waitpid(start(argv, log), &status, 0);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != expected)
    give_up("the call failed, see %s", log);
}

static void talk_by_tool(char *tool, int tap, const char *folder) {
  char address[32];
  snprintf(address, sizeof address, "127.0.0.1:%d", tap);
#define CALL(what, expected, ...)                                              \
  call(what, expected,                                                         \
       (char *[]){tool, (char *)"call", address, __VA_ARGS__, NULL}, folder)
#define FLAG(text) (char *)(text)
#define JACK FLAG("--sid=jack-1"), FLAG("--identifiers={\"user\":\"jack\"}")
#define ROOM FLAG("--identifier=" PLAIN_IDENTIFIER)
  CALL("A client that says no name is not let in:", REFUSED, FLAG("connect"),
       FLAG("--url=http://127.0.0.1/cable"));
  CALL("Jack connects:", 0, FLAG("connect"), FLAG("--sid=jack-1"),
       FLAG("--url=http://127.0.0.1/cable?user=jack"));
  CALL("subscribes to a room:", 0, FLAG("command"), FLAG("--command=subscribe"),
       JACK, ROOM);
  CALL("says something:", 0, FLAG("command"), FLAG("--command=message"), JACK,
       ROOM, FLAG("--data=" PLAIN_TEXT));
  CALL("and leaves:", 0, FLAG("disconnect"), JACK,
       FLAG("--subscription=" PLAIN_IDENTIFIER));
}

static char scratch[] = "/tmp/anycable-demo-XXXXXX";
static char path[64]; /* of the backend's socket, in scratch */

static void clean_up(void) {
  unlink(path);
  rmdir(scratch);
}

int main(int argc, char **argv) {
  if (argc != 5)
    give_up("usage: demo FACTORY FOLDER server|tool PROGRAM");
  alarm(60); /* whatever hangs, the demo ends, and its programs with it */
  char host[128], log[256];
  char *folder = argv[2];
  if (!mkdtemp(scratch) || atexit(clean_up))
    give_up("%s: %s", scratch, strerror(errno));
  snprintf(path, sizeof path, "%s/backend.sock", scratch);
  snprintf(host, sizeof host, "--rpc-host=unix:%s", path);
  snprintf(log, sizeof log, "%s/backend.log", folder);

  pid_t pid = start((char *[]){argv[1], host, NULL}, log);
  wait_for(pid, connects_to_path, path, log);
  int tap = tap_start(path, argv[3]);
  if (tap < 0)
    give_up("the tap cannot listen: %s", strerror(errno));
  if (strcmp(argv[3], "tool") == 0)
    talk_by_tool(argv[4], tap, folder);
  else
    talk_through_server(argv[4], tap, folder);
  if (stop(pid))
    give_up("the backend did not end well, see %s", log);
  return 0;
}
