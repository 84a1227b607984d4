/* Listeners: every form of address, unix sockets stale and in use, inherited
 * descriptors, and what happens when descriptors run out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "io/listener.h"
#include "io/loop.h"

/* --- helpers -------------------------------------------------------------- */

enum { MAX_ACCEPTED = 64 };

struct world {
  struct ac_loop *loop;
  struct ac_listener *listener;
  int accepted[MAX_ACCEPTED];
  int count;
  int rounds;
  int stop_after; /* connections; 0: never */
  char dir[32];
};

static void on_accept(void *owner, int fd) {
  struct world *world = owner;
  assert_true(world->count < MAX_ACCEPTED);
  world->accepted[world->count++] = fd;
  if (world->count == world->stop_after)
    ac_listener_stop(world->listener);
}

static void on_settle(void *owner) {
  ((struct world *)owner)->rounds++;
}

static void close_accepted(struct world *world) {
  while (world->count > 0)
    close(world->accepted[--world->count]);
}

static int setup(void **state) {
  struct world *world = calloc(1, sizeof(*world));
  struct ac_loop_hooks hooks = {world, NULL, on_settle};
  world->loop = ac_loop_new(&hooks);
  strcpy(world->dir, "/tmp/test_listener.XXXXXX");
  *state = world;
  return mkdtemp(world->dir) ? 0 : -1;
}

static int teardown(void **state) {
  struct world *world = *state;
  close_accepted(world);
  ac_listener_free(world->listener);
  ac_loop_free(world->loop);
  int left = rmdir(world->dir); /* no file was left behind */
  free(world);
  return left;
}

static void open_at(struct world *world, const char *address) {
  char error[256] = "";
  world->listener = ac_listener_open(address, error, sizeof(error));
  if (!world->listener)
    fail_msg("%s", error);
}

static void start(struct world *world) {
  assert_true(
      ac_listener_start(world->listener, world->loop, on_accept, world));
}

/* Connects to a name as ac_listener_address gives it; -1 with errno. */
static int connect_to(const char *name) {
  struct sockaddr_storage any = {.ss_family = AF_UNIX};
  struct sockaddr_un *un = (void *)&any;
  struct sockaddr_in *in = (void *)&any;
  struct sockaddr_in6 *in6 = (void *)&any;
  const char *colon = strrchr(name, ':');
  char host[128];
  if (strncmp(name, "unix:", 5) == 0) {
    strcpy(un->sun_path, name + 5);
  } else if (*name == '[') {
    snprintf(host, sizeof(host), "%.*s", (int)(colon - name - 2), name + 1);
    any.ss_family = AF_INET6;
    assert_int_equal(inet_pton(AF_INET6, host, &in6->sin6_addr), 1);
    in6->sin6_port = htons((uint16_t)atoi(colon + 1));
  } else {
    snprintf(host, sizeof(host), "%.*s", (int)(colon - name), name);
    any.ss_family = AF_INET;
    assert_int_equal(inet_pton(AF_INET, host, &in->sin_addr), 1);
    in->sin_port = htons((uint16_t)atoi(colon + 1));
  }
  socklen_t len = any.ss_family == AF_UNIX ? sizeof(*un) : sizeof(any);
  int fd = socket(any.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (connect(fd, (struct sockaddr *)&any, len) == 0)
    return fd;
  int error = errno;
  close(fd);
  errno = error;
  return -1;
}

static void wait_for(struct world *world, int count) {
  while (world->count < count)
    ac_loop_dispatch(world->loop, -1);
}

static int count_fds(void) {
  int n = 0;
  DIR *dir = opendir("/proc/self/fd");
  while (readdir(dir))
    n++;
  closedir(dir);
  return n;
}

/* --- addresses ------------------------------------------------------------ */

static void accepts_at(struct world *world, const char *address,
                       const char *name) {
  open_at(world, address);
  const char *real = ac_listener_address(world->listener);
  if (strncmp(real, name, strlen(name)) != 0)
    fail_msg("%s is %s, not %s...", address, real, name);
  start(world);
  int fd = connect_to(real);
  assert_true(fd >= 0);
  wait_for(world, 1);
  assert_true(fcntl(world->accepted[0], F_GETFL) & O_NONBLOCK);
  assert_true(fcntl(world->accepted[0], F_GETFD) & FD_CLOEXEC);
  /* It is the other end of ours. */
  char byte = 0;
  assert_int_equal(write(fd, "x", 1), 1);
  while (read(world->accepted[0], &byte, 1) < 0 && errno == EAGAIN) {
  }
  assert_int_equal(byte, 'x');
  close(fd);
  close_accepted(world);
  ac_listener_free(world->listener);
  world->listener = NULL;
}

static void all_forms_of_addresses(void **state) {
  struct world *world = *state;
  char text[64], name[64];
  accepts_at(world, "127.0.0.1:0", "127.0.0.1:");
  accepts_at(world, "0.0.0.0:0", "0.0.0.0:");
  accepts_at(world, "[::1]:0", "[::1]:");
  accepts_at(world, ":0", "[::]:");
  accepts_at(world, "[::]:0", "[::]:");
  accepts_at(world, "localhost:0", "");
  snprintf(text, sizeof(text), "unix:%s/sock", world->dir);
  accepts_at(world, text, text);
  snprintf(name, sizeof(name), "unix://%s/sock", world->dir);
  accepts_at(world, name, text);
}

/* Both families reach ":port". */
static void any_address_is_of_both_families(void **state) {
  struct world *world = *state;
  char name[64];
  open_at(world, ":0");
  const char *port = strrchr(ac_listener_address(world->listener), ':');
  assert_true(atoi(port + 1) > 0);
  snprintf(name, sizeof(name), "127.0.0.1%s", port);
  int v4 = connect_to(name);
  assert_true(v4 >= 0);
  snprintf(name, sizeof(name), "[::1]%s", port);
  int v6 = connect_to(name);
  assert_true(v6 >= 0);
  close(v4);
  close(v6);
}

static void refuses_bad_addresses(void **state) {
  (void)state;
  static const char *const cases[][2] = {
      {"", "has no port; use host:port, [ipv6]:port, :port or unix:/path"},
      {"localhost", "\"localhost\" has no port"},
      {"[::1]", "has no port"},
      {"host:", "has no port from 0 to 65535"},
      {"host:65536", "has no port from 0 to 65535"},
      {"host:000080", "has no port from 0 to 65535"},
      {"host:-1", "has no port from 0 to 65535"},
      {"host:http", "has no port from 0 to 65535"},
      {"host:80 ", "has no port from 0 to 65535"},
      {"127.0.0.1:1,127.0.0.1:2", "IPv6 needs brackets"},
      {"::1:50051", "IPv6 needs brackets"},
      {"http://host:80", "IPv6 needs brackets"},
      {"[]:80", "is not an address"},
      {"[::1:80", "is not an address"},
      {"unix:", "use unix:/path"},
      {"unix:relative", "use unix:/path"},
      {"unix://host/path", "use unix:/path"},
      {"256.256.256.256:1", "host name"},
      {"192.0.2.1:0", "cannot be listened on: Cannot assign requested"},
      {"unix:/no/such/dir/sock", "No such file or directory"},
  };
  char error[256];
  for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
    assert_null(ac_listener_open(cases[i][0], error, sizeof(error)));
    if (!strstr(error, cases[i][1]) || *error != '"')
      fail_msg("\"%s\" does not have \"%s\"", error, cases[i][1]);
  }
  /* Too long in every way, with little room for the reason. */
  char huge[400];
  memset(huge, 'a', sizeof(huge));
  strcpy(huge + sizeof(huge) - 4, ":80");
  assert_null(ac_listener_open(huge, error, sizeof(error)));
  assert_int_equal(strlen(error), sizeof(error) - 1);
  memcpy(huge, "unix:/", 6);
  assert_null(ac_listener_open(huge, error, 20));
  assert_true(strlen(error) < 20);
}

static void longest_unix_path(void **state) {
  struct world *world = *state;
  char name[200];
  int n = snprintf(name, sizeof(name), "unix:%s/", world->dir);
  memset(name + n, 's', sizeof(name) - (size_t)n);
  name[5 + 107] = '\0';
  accepts_at(world, name, name);
  char error[256];
  name[5 + 107] = 's';
  name[5 + 108] = '\0';
  assert_null(ac_listener_open(name, error, sizeof(error)));
  assert_non_null(strstr(error, "longer than 107 bytes"));
}

static void port_in_use(void **state) {
  struct world *world = *state;
  char error[256];
  open_at(world, "127.0.0.1:0");
  assert_null(ac_listener_open(ac_listener_address(world->listener), error,
                               sizeof(error)));
  assert_non_null(strstr(error, "Address already in use"));
}

/* A restart does not wait for the connections of the one before. */
static void port_is_free_at_once(void **state) {
  struct world *world = *state;
  char name[64];
  open_at(world, "127.0.0.1:0");
  strcpy(name, ac_listener_address(world->listener));
  start(world);
  int fd = connect_to(name);
  wait_for(world, 1);
  close_accepted(world); /* this side closes first: TIME_WAIT is here */
  char byte;
  assert_int_equal(read(fd, &byte, 1), 0);
  close(fd);
  ac_listener_free(world->listener);
  open_at(world, name);
  assert_string_equal(ac_listener_address(world->listener), name);
}

/* --- unix sockets --------------------------------------------------------- */

static void unix_socket_in_use_is_kept(void **state) {
  struct world *world = *state;
  char name[64], error[256];
  snprintf(name, sizeof(name), "unix:%s/sock", world->dir);
  open_at(world, name);
  assert_null(ac_listener_open(name, error, sizeof(error)));
  assert_non_null(strstr(error, "Address already in use"));
  int fd = connect_to(name);
  assert_true(fd >= 0);
  close(fd);
}

static void full_unix_socket_is_in_use(void **state) {
  struct world *world = *state;
  char name[128], error[256];
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  snprintf(address.sun_path, sizeof(address.sun_path), "%s/sock", world->dir);
  snprintf(name, sizeof(name), "unix:%s", address.sun_path);
  int listener = socket(AF_UNIX, SOCK_STREAM, 0);
  bind(listener, (struct sockaddr *)&address, sizeof(address));
  listen(listener, 0);
  int fd = connect_to(name);
  assert_true(fd >= 0); /* and no room for another */
  assert_null(ac_listener_open(name, error, sizeof(error)));
  assert_non_null(strstr(error, "Address already in use"));
  close(fd);
  close(listener);
  assert_int_equal(unlink(address.sun_path), 0);
}

static void stale_unix_socket_is_replaced(void **state) {
  struct world *world = *state;
  char name[128];
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  snprintf(address.sun_path, sizeof(address.sun_path), "%s/sock", world->dir);
  snprintf(name, sizeof(name), "unix:%s", address.sun_path);
  int dead = socket(AF_UNIX, SOCK_STREAM, 0);
  assert_int_equal(bind(dead, (struct sockaddr *)&address, sizeof(address)), 0);
  close(dead);
  assert_int_equal(access(address.sun_path, F_OK), 0);
  accepts_at(world, name, name);
  assert_int_not_equal(access(address.sun_path, F_OK), 0); /* removed */
}

/* Files of the test's own: a library that is broken here removes them. */
static void other_files_are_kept(void **state) {
  struct world *world = *state;
  char file[64], link[64], error[256];
  snprintf(file, sizeof(file), "unix:%s/file", world->dir);
  snprintf(link, sizeof(link), "unix:%s/link", world->dir);
  close(open(file + 5, O_WRONLY | O_CREAT, 0600));
  assert_int_equal(symlink("file", link + 5), 0);
  assert_null(ac_listener_open(file, error, sizeof(error)));
  assert_non_null(strstr(error, "exists and is not a socket"));
  assert_null(ac_listener_open(link, error, sizeof(error)));
  assert_non_null(strstr(error, "exists and is not a socket"));
  assert_int_equal(unlink(link + 5), 0);
  assert_int_equal(unlink(file + 5), 0);
}

/* A successor has put its own socket at the same path. */
static void successors_file_is_kept(void **state) {
  struct world *world = *state;
  char name[64], error[256];
  snprintf(name, sizeof(name), "unix:%s/sock", world->dir);
  open_at(world, name);
  assert_int_equal(unlink(name + 5), 0);
  struct ac_listener *successor = ac_listener_open(name, error, sizeof(error));
  assert_non_null(successor);
  ac_listener_free(world->listener);
  world->listener = NULL;
  int fd = connect_to(name);
  assert_true(fd >= 0);
  close(fd);
  ac_listener_free(successor);
  assert_int_not_equal(access(name + 5, F_OK), 0);
}

/* --- inherited descriptors ------------------------------------------------ */

static void adopts(void **state) {
  struct world *world = *state;
  char error[256];
  struct sockaddr_in address = {.sin_family = AF_INET,
                                .sin_addr = {htonl(INADDR_LOOPBACK)}};
  int own = socket(AF_INET, SOCK_STREAM, 0);
  bind(own, (struct sockaddr *)&address, sizeof(address));
  assert_null(ac_listener_adopt(own, error, sizeof(error)));
  assert_non_null(strstr(error, "is not a listening stream socket"));
  listen(own, 5);
  world->listener = ac_listener_adopt(own, error, sizeof(error));
  assert_non_null(world->listener);
  assert_memory_equal(ac_listener_address(world->listener), "127.0.0.1:", 10);
  start(world);
  int fd = connect_to(ac_listener_address(world->listener));
  wait_for(world, 1);
  close(fd);
  /* The host's stays open, and so does the port. */
  char name[64];
  strcpy(name, ac_listener_address(world->listener));
  ac_listener_free(world->listener);
  world->listener = NULL;
  fd = connect_to(name);
  assert_true(fd >= 0);
  close(fd);
  close(own);
}

static void adopted_unix_file_is_not_ours(void **state) {
  struct world *world = *state;
  char error[256], name[128];
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  snprintf(address.sun_path, sizeof(address.sun_path), "%s/sock", world->dir);
  int own = socket(AF_UNIX, SOCK_STREAM, 0);
  bind(own, (struct sockaddr *)&address, sizeof(address));
  listen(own, 5);
  struct ac_listener *listener = ac_listener_adopt(own, error, sizeof(error));
  snprintf(name, sizeof(name), "unix:%s", address.sun_path);
  assert_string_equal(ac_listener_address(listener), name);
  ac_listener_free(listener);
  close(own);
  assert_int_equal(unlink(address.sun_path), 0);
}

static void refuses_to_adopt(void **state) {
  (void)state;
  char error[256];
  int pair[2];
  int udp = socket(AF_INET, SOCK_DGRAM, 0);
  int file = open("/dev/null", O_RDONLY);
  assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
  int seq = socket(AF_UNIX, SOCK_SEQPACKET, 0);
  struct sockaddr_un any = {.sun_family = AF_UNIX}; /* an abstract name */
  bind(seq, (struct sockaddr *)&any, sizeof(sa_family_t));
  assert_int_equal(listen(seq, 1), 0);
  int fds[] = {-1, 1000000, udp, file, pair[0], seq};
  for (size_t i = 0; i < sizeof(fds) / sizeof(*fds); i++) {
    assert_null(ac_listener_adopt(fds[i], error, sizeof(error)));
    assert_non_null(strstr(error, "listen_fd: descriptor"));
  }
  close(udp);
  close(file);
  close(seq);
  close(pair[0]);
  close(pair[1]);
}

/* --- accepting ------------------------------------------------------------ */

static void stops_and_starts(void **state) {
  struct world *world = *state;
  open_at(world, "127.0.0.1:0");
  const char *name = ac_listener_address(world->listener);
  ac_listener_stop(world->listener);
  int fds[40];
  for (int i = 0; i < 40; i++)
    fds[i] = connect_to(name); /* the kernel takes them */
  world->stop_after = 5;
  start(world);
  wait_for(world, 5);
  assert_false(ac_loop_dispatch(world->loop, 0));
  assert_int_equal(world->count, 5);
  world->stop_after = 0;
  start(world);
  assert_true(ac_loop_dispatch(world->loop, 0));
  assert_int_equal(world->count, 21); /* a bounded number a round */
  wait_for(world, 40);
  assert_false(ac_loop_dispatch(world->loop, 0));
  for (int i = 0; i < 40; i++)
    close(fds[i]);
}

/* Connections that are reset before they are accepted disturb nobody. */
static void reset_before_accept(void **state) {
  struct world *world = *state;
  open_at(world, "127.0.0.1:0");
  const char *name = ac_listener_address(world->listener);
  struct linger now = {1, 0};
  for (int i = 0; i < 10; i++) {
    int fd = connect_to(name);
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    close(fd);
  }
  start(world);
  int fd = connect_to(name);
  ac_loop_dispatch(world->loop, 0);
  assert_in_range(world->count, 1, 11);
  close(fd);
}

/* Leaves no descriptor to the process; returns the limit of before. */
static struct rlimit take_descriptors(void) {
  struct rlimit limit, low;
  int next = dup(0);
  close(next);
  getrlimit(RLIMIT_NOFILE, &limit);
  low = limit;
  low.rlim_cur = (rlim_t)next;
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
  return limit;
}

static void wait_for_close(struct world *world, int fd) {
  char byte;
  while (recv(fd, &byte, 1, MSG_DONTWAIT) < 0)
    ac_loop_dispatch(world->loop, -1);
}

static void out_of_descriptors(void **state) {
  struct world *world = *state;
  open_at(world, "127.0.0.1:0");
  const char *name = ac_listener_address(world->listener);
  start(world);
  int fds[5];
  for (int i = 0; i < 5; i++)
    fds[i] = connect_to(name);
  struct rlimit limit = take_descriptors();

  /* One connection is closed, for its peer to go elsewhere; then there is a
   * pause, in which the loop has nothing to do. */
  ac_loop_wait(world->loop, -1);
  assert_true(ac_loop_dispatch(world->loop, 0));
  assert_false(ac_loop_dispatch(world->loop, 0));
  assert_int_equal(world->count, 0);
  char byte;
  assert_int_equal(recv(fds[0], &byte, 1, 0), 0);
  assert_int_equal(recv(fds[1], &byte, 1, MSG_DONTWAIT), -1);

  /* The others take a pause each, and few rounds. */
  int before = world->rounds;
  wait_for_close(world, fds[4]);
  assert_in_range(world->rounds - before, 4, 20);

  /* With descriptors there again, it goes on by itself. */
  setrlimit(RLIMIT_NOFILE, &limit);
  int fd = connect_to(name);
  wait_for(world, 1);
  close(fd);

  /* And may be stopped in a pause. */
  fd = connect_to(name);
  limit = take_descriptors();
  wait_for_close(world, fd);
  ac_listener_free(world->listener);
  world->listener = NULL;
  setrlimit(RLIMIT_NOFILE, &limit);
  ac_loop_wait(world->loop, 120);
  ac_loop_dispatch(world->loop, 0); /* a late wake-up, for nobody */
  assert_false(ac_loop_dispatch(world->loop, 0));
  close(fd);
  for (int i = 0; i < 5; i++)
    close(fds[i]);
}

/* Somebody shut the shared socket down: no busy loop. */
static void broken_listener_rests(void **state) {
  struct world *world = *state;
  char error[256];
  struct sockaddr_in address = {.sin_family = AF_INET,
                                .sin_addr = {htonl(INADDR_LOOPBACK)}};
  int own = socket(AF_INET, SOCK_STREAM, 0);
  bind(own, (struct sockaddr *)&address, sizeof(address));
  listen(own, 5);
  world->listener = ac_listener_adopt(own, error, sizeof(error));
  start(world);
  shutdown(own, SHUT_RDWR);
  assert_true(ac_loop_dispatch(world->loop, -1));
  assert_false(ac_loop_dispatch(world->loop, 0));
  /* Mended, with another port, it accepts again. */
  assert_int_equal(listen(own, 5), 0);
  struct ac_listener *mended = ac_listener_adopt(own, error, sizeof(error));
  int fd = connect_to(ac_listener_address(mended));
  assert_true(fd >= 0);
  wait_for(world, 1);
  ac_listener_free(mended);
  close(fd);
  close(own);
}

static void leaks_no_descriptor(void **state) {
  struct world *world = *state;
  int before = count_fds();
  char name[64], error[256];
  snprintf(name, sizeof(name), "unix:%s/sock", world->dir);
  for (int i = 0; i < 3; i++) {
    accepts_at(world, "127.0.0.1:0", "");
    accepts_at(world, name, "");
    ac_listener_open("127.0.0.1:x", error, sizeof(error));
    ac_listener_open("192.0.2.1:1", error, sizeof(error));
    ac_listener_open("unix:/no/dir", error, sizeof(error));
  }
  ac_listener_free(NULL);
  assert_int_equal(count_fds(), before);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(all_forms_of_addresses),
      TEST(any_address_is_of_both_families),
      TEST(refuses_bad_addresses),
      TEST(longest_unix_path),
      TEST(port_in_use),
      TEST(port_is_free_at_once),
      TEST(unix_socket_in_use_is_kept),
      TEST(full_unix_socket_is_in_use),
      TEST(stale_unix_socket_is_replaced),
      TEST(other_files_are_kept),
      TEST(successors_file_is_kept),
      TEST(adopts),
      TEST(adopted_unix_file_is_not_ours),
      TEST(refuses_to_adopt),
      TEST(stops_and_starts),
      TEST(reset_before_accept),
      TEST(out_of_descriptors),
      TEST(broken_listener_rests),
      TEST(leaks_no_descriptor),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
