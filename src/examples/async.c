/* Answering later: handlers hand calls to threads of the application's own,
 * which answer them when they have the answer, and no worker of the library
 * waits meanwhile. Here it is a search that takes as long as the client says.
 *
 *     build/examples/async
 *     anycable-go
 *
 * A browser subscribes to SearchChannel, as in chat.c, and asks by
 * search.perform('find', { what: 'cheese', ms: 500 }). */
#include <anycable.h>
#include <pthread.h>
#include <time.h>

/* A call to be answered, in the call's own memory. */
typedef struct job {
  struct job *next;
  anycable_deferred *deferred;
} job;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static job *first, **last = &first;
static bool stopping;

static int find(anycable_channel *channel, anycable_str data, void *ctx) {
  (void)data, (void)ctx;
  job *j = anycable_socket_alloc(anycable_channel_socket(channel), sizeof *j);
  if (!j)
    return ANYCABLE_ERR_NOMEM;
  j->deferred = anycable_channel_defer(channel);
  if (!j->deferred)
    return ANYCABLE_ERR_LIMIT; /* too many wait already */
  pthread_mutex_lock(&lock);
  *last = j;
  last = &j->next;
  pthread_cond_signal(&changed);
  pthread_mutex_unlock(&lock);
  return ANYCABLE_PENDING; /* the call is another thread's from here on */
}

/* Searches, on a thread of ours, and does what the handler would have done. */
static void run(job *j) {
  anycable_channel *channel = anycable_deferred_channel(j->deferred);
  anycable_socket *socket = anycable_channel_socket(channel);
  anycable_str what = anycable_channel_data_string(channel, "what");
  int64_t ms = 0;
  anycable_json_int(anycable_channel_data(channel), "ms", &ms);
  anycable_socket_log(socket, ANYCABLE_LOG_INFO, "looking for %s", what.ptr);

  /* Cancelled is what has passed its deadline. Who does not look can be told:
   * anycable_deferred_on_cancel(). */
  for (; ms > 0 && !anycable_deferred_cancelled(j->deferred); ms -= 10)
    nanosleep(&(struct timespec){.tv_nsec = 10 * 1000000}, NULL);
  if (ms > 0)
    anycable_socket_log(socket, ANYCABLE_LOG_INFO, "gave up %s", what.ptr);

  anycable_str found = anycable_socket_format(
      socket, "{\"found\":%s}", anycable_socket_quote(socket, what).ptr);
  int outcome = anycable_channel_transmit(channel, found);
  anycable_deferred_finish(j->deferred, outcome); /* no effect if cancelled */
  anycable_deferred_free(j->deferred);            /* and |j| with it */
}

static void *work(void *arg) {
  pthread_mutex_lock(&lock);
  while (first || !stopping) {
    job *j = first;
    if (!j) {
      pthread_cond_wait(&changed, &lock);
      continue;
    }
    first = j->next;
    last = first ? last : &first;
    pthread_mutex_unlock(&lock);
    run(j);
    pthread_mutex_lock(&lock);
  }
  pthread_mutex_unlock(&lock);
  return arg;
}

int main(int argc, char **argv) {
  pthread_t threads[4];
  for (int i = 0; i < 4; i++)
    if (pthread_create(&threads[i], NULL, work, NULL))
      return 1;
  anycable_app *app = anycable_app_new();
  anycable_channel_class *search = anycable_app_channel(app, "SearchChannel");
  anycable_channel_class_on_action(search, "find", find, NULL);
  int status = anycable_main(app, argc, argv); /* drains: calls are answered */

  pthread_mutex_lock(&lock);
  stopping = true;
  pthread_cond_broadcast(&changed);
  pthread_mutex_unlock(&lock);
  for (int i = 0; i < 4; i++)
    pthread_join(threads[i], NULL);
  return status;
}
