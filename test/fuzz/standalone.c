/* Runs a fuzz target without a fuzzer, so that any compiler can replay what a
 * fuzzer found:
 *
 *   TARGET FILE...               each file, and each file of each directory
 *   TARGET -n COUNT [-s SEED] [FILE...]
 *                                then COUNT mutations of the files, or of some
 *                                built-in texts where there are none
 *
 * The same seed gives the same inputs. An input that kills the process is in
 * "crash-standalone" in the current directory. */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MAX_SIZE 65536
#define MAX_SEEDS 4096

struct input {
  uint8_t *data;
  size_t size;
};

static struct input seeds[MAX_SEEDS];
static size_t n_seeds;
static struct input current;
static uint64_t random_state = 1;

static const char *const built_in[] = {
    "",
    "{\"channel\":\"ChatChannel\",\"room\":\"1\"}",
    "{\"action\":\"speak\",\"text\":\"h\\u00e9\\ud83d\\ude00\",\"n\":[-1.5e3]}",
    "{\"$w\":\"s\",\"k\":\"1\",\"\\u006b\":{\"a\":[[],{},true,false,null]}}",
    "9223372036854775807",
    "http://localhost:8080/cable?token=1&b=a%20b+c#top",
    "POST /anycable.RPC/Connect HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}",
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "{\"ext\":\"{\\\"user\\\":1}\",\"exp\":1700000001.5,\"nbf\":0,\"alg\":"
    "\"HS256\"}",
    "eyJhbGciOiJIUzI1NiJ9.eyJleHQiOiJ4In0."
    "KNCpTNSJvbRgDKfJHVvLXZQwXvdJzj6tC9hFDW0BqPc",
    "ImEvYiI=--"
    "4486499f69adc05a8b77796b376fced1d8072a976e40097a44aa9c50025e9a8c",
    "ImE_YiI=",
    "{\"command\":\"message\",\"identifier\":\"{\\\"channel\\\":\\\"A\\\"}\","
    "\"data\":\"{}\",\"env\":{\"url\":\"u\",\"headers\":{\"a\":\"b\"},"
    "\"cstate\":{\"k\":\"1\"},\"istate\":null},\"x\":[{}]}",
    "{\"identifiers\":\"u\",\"subscriptions\":[\"a\",\"b\"],\"env\":{}}",
};

static void *or_die(void *p) {
  if (!p) {
    perror("standalone");
    exit(2);
  }
  return p;
}

static void crashed(int sig) {
  int fd = open("crash-standalone", O_WRONLY | O_CREAT | O_TRUNC, 0644);
  if (fd >= 0 && write(fd, current.data, current.size) < 0)
    _exit(2);
  signal(sig, SIG_DFL);
  raise(sig);
}

/* A sanitizer that has a handler of its own reports first, and aborts then. */
#define SEEN __attribute__((visibility("default")))
SEEN const char *__asan_default_options(void);
const char *__asan_default_options(void) {
  return "abort_on_error=1";
}
SEEN const char *__ubsan_default_options(void);
const char *__ubsan_default_options(void) {
  return "abort_on_error=1";
}

static void keep_crashes(void) {
  static const int signals[] = {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL};
  for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++) {
    struct sigaction before;
    sigaction(signals[i], NULL, &before);
    if (before.sa_handler == SIG_DFL)
      signal(signals[i], crashed);
  }
}

static void run(const uint8_t *data, size_t size) {
  /* In memory of its own, so that reading beyond it is found. */
  uint8_t *copy = or_die(malloc(size ? size : 1));
  if (size > 0)
    memcpy(copy, data, size);
  current.data = copy;
  current.size = size;
  LLVMFuzzerTestOneInput(copy, size);
  free(copy);
}

static void add_seed(const void *data, size_t size) {
  if (n_seeds == MAX_SEEDS)
    return;
  uint8_t *copy = or_die(malloc(size ? size : 1));
  if (size > 0)
    memcpy(copy, data, size);
  seeds[n_seeds].data = copy;
  seeds[n_seeds++].size = size;
}

static void load_file(FILE *file) {
  static uint8_t data[1 << 23];
  size_t size = fread(data, 1, sizeof(data), file);
  run(data, size);
  if (size <= MAX_SIZE)
    add_seed(data, size);
}

static void load(const char *path) {
  DIR *dir = opendir(path);
  if (!dir) {
    FILE *file = or_die(fopen(path, "rb"));
    load_file(file);
    fclose(file);
    return;
  }
  for (struct dirent *entry; (entry = readdir(dir));) {
    char name[4096];
    if (entry->d_name[0] == '.')
      continue;
    snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
    load(name);
  }
  closedir(dir);
}

static size_t below(size_t n) {
  random_state ^= random_state << 13;
  random_state ^= random_state >> 7;
  random_state ^= random_state << 17;
  return n ? (size_t)(random_state >> 11) % n : 0;
}

/* Replaces |old| bytes at |at| by |new| bytes from |from|, if they fit. */
static size_t replace(uint8_t *data, size_t size, size_t at, size_t old,
                      const uint8_t *from, size_t new) {
  if (size - old + new > MAX_SIZE)
    return size;
  memmove(data + at + new, data + at + old, size - at - old);
  if (new > 0)
    memcpy(data + at, from, new);
  return size - old + new;
}

static size_t mutate(uint8_t *data, size_t size) {
  static const char likely[] = "\"\\{}[]:,-0.eE+utfn \t\n\r%&=?#/\x00\x01\x7f"
                               "\x80\xc2\xe2\xff";
  static uint8_t piece[MAX_SIZE];
  size_t at = below(size + 1);
  size_t len = below(size - at + 1);
  uint8_t byte = (uint8_t)below(256);
  if (below(2))
    byte = (uint8_t)likely[below(sizeof(likely) - 1)];
  const struct input *other = &seeds[below(n_seeds)];
  size_t from = below(other->size + 1);
  switch (below(6)) {
  case 0: /* cut a piece out */
    return replace(data, size, at, len < 16 ? len : below(16), NULL, 0);
  case 1: /* the same piece twice */
    memcpy(piece, data + at, len);
    return replace(data, size, at, 0, piece, len);
  case 2: /* a piece of another one */
    return replace(data, size, at, len, other->data + from,
                   below(other->size - from + 1));
  case 3: /* a bit */
    if (at < size)
      data[at] ^= (uint8_t)(1u << below(8));
    return size;
  case 4: /* a byte, instead of another */
    return replace(data, size, at, at < size, &byte, 1);
  default: /* a byte more */
    return replace(data, size, at, 0, &byte, 1);
  }
}

static void run_mutations(unsigned long count) {
  static uint8_t data[MAX_SIZE];
  for (unsigned long i = 0; i < count; i++) {
    const struct input *seed = &seeds[below(n_seeds)];
    size_t size = seed->size;
    if (size > 0)
      memcpy(data, seed->data, size);
    for (size_t n = below(8) + 1; n > 0; n--)
      size = mutate(data, size);
    run(data, size);
  }
}

int main(int argc, char **argv) {
  unsigned long count = 0;
  int option;
  while ((option = getopt(argc, argv, "n:s:")) != -1) {
    if (option == 'n') {
      count = strtoul(optarg, NULL, 10);
    } else if (option == 's') {
      random_state = strtoull(optarg, NULL, 10) * 2 + 1;
    } else {
      fprintf(stderr, "usage: %s [-n COUNT] [-s SEED] [FILE...]\n", argv[0]);
      return 2;
    }
  }
  keep_crashes();
  for (int i = optind; i < argc; i++)
    load(argv[i]);
  size_t n_files = n_seeds;
  for (size_t i = 0; n_files == 0 && i < sizeof(built_in) / sizeof(*built_in);
       i++) {
    add_seed(built_in[i], strlen(built_in[i]));
    run(seeds[i].data, seeds[i].size);
  }
  run_mutations(count);
  for (size_t i = 0; i < n_seeds; i++)
    free(seeds[i].data);
  printf("%zu files, %lu mutations\n", n_files, count);
  return 0;
}
