/* How long callbacks and deferred calls live. */
#include "world.h"

#include <thread>

using anycable::channel;
using anycable::deferred;
using anycable::outcome;
using world::counted;
using world::jack;

namespace {

std::atomic<int> alive{0};

/* A framework of one's own that does nothing. */
struct trivial {
  trivial(anycable::socket &, const counted &) {}
  void open() {}
  void close() {}
  void command(std::string_view, std::string_view, std::string_view) {}
};

/* Whatever becomes of its registration, a callback is freed once. */
void check_freed() {
  {
    anycable::app app;
    const counted one(alive);
    app.on_connect([one](anycable::connection &) {});
    app.on_connect([one](anycable::connection &) {}); /* refused */
    app.channel("A").on_action(
        "move", [one = std::make_unique<counted>(one)](channel &) {});
    app.channel("").on_subscribe([one](channel &) {}); /* no such class */
    app.add_interceptor([one](anycable::socket &) {}, nullptr);
    app.channel_lookup(
        [one](std::string_view) { return anycable::channel_class(); });
    CHECK(alive == 7);
    CHECK_EQUAL(app.error(),
                "anycable_app_on_connect: there is a callback already");
    anycable::app other = std::move(app);
    app = anycable::app();
    CHECK(alive == 7);
    std::swap(app, other);
    CHECK(alive == 7);
  }
  CHECK(alive == 0);
  {
    anycable::app app;
    app.channel("A").on_action("a", [one = counted(alive)](channel &) {});
    const jack served(app);
    app.on_error([one = counted(alive)](anycable::socket &, outcome,
                                        std::string_view) {}); /* too late */
    CHECK(alive == 2);
  }
  CHECK(alive == 0);
  {
    anycable::app app;
    const anycable::app taken = std::move(app);
    app.on_connect([one = counted(alive)](anycable::connection &) {});
    app.channel("A").on_subscribe([one = counted(alive)](channel &) {});
    app.factory<trivial>(counted(alive));
    CHECK(!app);
    CHECK(alive == 0);
    app = anycable::app();
    app.factory<trivial>(counted(alive));
    app.factory<trivial>(counted(alive)); /* refused */
    CHECK(alive == 2);
  }
}

/* The last deferred call frees the application and its callbacks. */
void check_outlives() {
  deferred later;
  {
    anycable::app app;
    app.channel("A").on_subscribe(
        [&later, one = counted(alive)](channel &chan) {
          later = chan.defer();
          return outcome::pending;
        });
    jack one(app);
    one.subscribe();
  }
  CHECK(alive == 1);
  CHECK(later.cancelled());
  later.channel().transmit("1"); /* to nobody */
  CHECK(later.finish() == ANYCABLE_ERR_CANCELLED);
  CHECK(!later);
  CHECK(alive == 0);
}

void check_deferred() {
  anycable::app app;
  deferred later;
  CHECK(!later);
  CHECK(later.cancelled());
  CHECK(later.finish() == ANYCABLE_ERR_STATE);
  CHECK(later.on_cancel([] {}) == ANYCABLE_ERR_STATE);
  app.on_connect([&](anycable::connection &conn) {
    later = conn.defer();
    CHECK(later);
    CHECK(!conn.defer()); /* it is already */
    return outcome::pending;
  });
  app.channel("A").on_subscribe([&](channel &chan) {
    later = chan.defer();
    return outcome::pending;
  });
  jack one(app);
  CHECK(!later.channel());
  CHECK(later.connection().identify("user", "jack"));
  CHECK_EQUAL(later.socket().request().sid(), "1");
  CHECK(later.finish());
  CHECK(later.finish() == ANYCABLE_ERR_STATE);
  anycable_node_run(one.node);
  CHECK_EQUAL(one.heard(), "{'type':'welcome','sid':'1'}");
  CHECK_EQUAL(anycable::str(anycable_client_identifiers(one.client)),
              "{\"user\":\"jack\"}");

  one.subscribe();
  std::thread([mine = std::move(later)]() mutable {
    mine.channel().transmit_string("slow");
    mine.finish();
  }).join();
  anycable_node_run(one.node);
  CHECK_EQUAL(one.heard(),
              "{'identifier':'{'channel':'A','room':'1'}','message':'slow'}"
              "{'type':'confirm_subscription','identifier':"
              "'{'channel':'A','room':'1'}'}");

  one.subscribe("{\"channel\":\"A\"}");
  later = deferred(); /* dropped */
  anycable_node_run(one.node);
  CHECK(one.failed("a deferred call was freed without an answer"));
}

void check_on_cancel() {
  anycable::app app;
  deferred later;
  int told = 0;
  app.channel("A").on_subscribe([&](channel &chan) {
    later = chan.defer();
    CHECK(later.on_cancel([&told, one = counted(alive)] { told++; }));
    CHECK(later.on_cancel([] {}) == ANYCABLE_ERR_STATE);
    return outcome::pending;
  });
  app.channel("B").on_subscribe([&](channel &chan) {
    later = chan.defer();
    CHECK(later.on_cancel([&, one = counted(alive)] {
      later = deferred(); /* frees what runs here */
      told += alive;
    }));
    return outcome::pending;
  });
  jack one(app);
  one.subscribe();
  CHECK(alive == 1);
  deferred moved = std::move(later);
  anycable_node_advance(one.node, 4000);
  CHECK(told == 1);
  CHECK(moved.cancelled());
  CHECK(moved.finish() == ANYCABLE_ERR_CANCELLED);
  CHECK(alive == 0);
  one.heard();
  one.subscribe("{\"channel\":\"B\"}");
  anycable_node_advance(one.node, 4000);
  CHECK(told == 2);
  CHECK(!later);
  CHECK(alive == 0);
}

/* From many threads, while the server stops. */
void check_threads() {
  std::atomic<int> finished{0};
  std::thread threads[8];
  {
    anycable::app app;
    std::atomic<int> next{0};
    app.channel("A").on_receive(
        [&, one = counted(alive)](channel &chan, std::string_view) {
          const int i = next++;
          threads[i] = std::thread([&finished, later = chan.defer()]() mutable {
            later.channel().transmit_string("done");
            later.finish();
            finished++;
          });
          return outcome::pending;
        });
    jack one(app);
    one.subscribe();
    for (int i = 0; i < 8; i++) {
      one.perform("x");
      if (i < 4)
        anycable_node_wait(one.node, 10000);
    }
    for (int i = next; i < 8; i++)
      threads[i] = std::thread([] {});
  }
  for (std::thread &thread : threads)
    thread.join();
  CHECK(finished >= 5);
  CHECK(alive == 0);
}

} // namespace

int main() {
  check_freed();
  check_outlives();
  check_deferred();
  check_on_cancel();
  check_threads();
  return world::end(45);
}
