/* Exceptions, of std and of other kinds, out of every kind of callback. */
#include "world.h"

#include <thread>
#include <vector>

using anycable::channel;
using anycable::connection;
using anycable::outcome;
using world::jack;

namespace {

struct stranger {};

[[noreturn]] void raise(bool known) {
  if (known)
    throw std::runtime_error("100% wrong");
  throw stranger();
}

const char *said(bool known) {
  return known ? "100% wrong" : "unknown exception";
}

/* Everything throws what |known| says, if its name is |which|. */
void check_calls(bool known) {
  std::string which;
  anycable::app app;
  auto perhaps = [&](const char *name) {
    if (which == name)
      raise(known);
  };
  app.on_connect([&](connection &) { perhaps("connect"); })
      .on_disconnect([&](connection &) { perhaps("disconnect"); })
      .add_interceptor([&](anycable::socket &) { perhaps("first"); }, nullptr)
      .channel_lookup([&](std::string_view) {
        perhaps("lookup");
        return anycable::channel_class();
      });
  app.channel("A")
      .before([&](channel &) { perhaps("before"); })
      .after([&](channel &, outcome) { perhaps("after"); })
      .on_subscribe([&](channel &) { perhaps("subscribe"); })
      .on_unsubscribe([&](channel &) { perhaps("unsubscribe"); })
      .on_action("act", [&](channel &, std::string_view) { perhaps("act"); })
      .on_receive([&](channel &) { perhaps("receive"); });
  which = "connect";
  {
    jack none(app);
    CHECK(none.failed(said(known)));
    CHECK(!anycable_client_connected(none.client));
    which = "";
    none.client = anycable_node_connect(none.node, "ws://x/", nullptr);
    for (const char *step : {"subscribe", "before", "after", "first"}) {
      which = step;
      none.subscribe();
      CHECK(none.failed(said(known)));
    }
    which = "lookup";
    none.subscribe("{\"channel\":\"Z\"}");
    CHECK(none.rpc.find("no such channel") != std::string::npos);
    which = "";
    none.subscribe();
    which = "act";
    none.perform("{\"action\":\"act\"}");
    CHECK(none.failed(said(known)));
    which = "receive";
    none.perform("text");
    CHECK(none.failed(said(known)));
    which = "unsubscribe";
    none.unsubscribe();
    CHECK(none.failed(said(known)));
    which = "disconnect";
    anycable_client_close(none.client);
    CHECK(none.failed(said(known)));
  }
}

/* Where the answer is complete, there is only the log. */
void check_logged(bool known) {
  anycable::app app;
  app.on_error(
         [&](anycable::socket &, outcome, std::string_view) { raise(known); })
      .add_interceptor(nullptr,
                       [&](anycable::socket &, outcome) { raise(known); });
  app.channel("A").on_subscribe(
      [](channel &chan) { return chan.fail("on purpose"); });
  jack one(app);
  one.subscribe();
  CHECK(one.failed("on purpose"));
}

/* A handler that throws when it has deferred its call: if it still held the
 * deferred, it fails; if not, the holder has the last word. */
void check_deferred(bool known) {
  anycable::app app;
  anycable::deferred away;
  app.channel("A")
      .on_action("mine",
                 [&](channel &chan) {
                   const auto mine = chan.defer();
                   raise(known);
                 })
      .on_action("away",
                 [&](channel &chan) {
                   away = chan.defer();
                   away.on_cancel([&] { raise(known); });
                   raise(known);
                 })
      .on_action("moved", [&](channel &chan) {
        std::thread([&, later = chan.defer()]() mutable {
          try {
            auto held = std::move(later);
            held.channel().transmit("0");
            raise(known);
          } catch (...) {
          }
        }).join();
        return outcome::pending;
      });
  jack one(app);
  one.subscribe();
  one.perform("{\"action\":\"mine\"}");
  CHECK(one.failed(said(known)));
  one.perform("{\"action\":\"away\"}");
  away.channel().transmit("1");
  CHECK(away.finish());
  anycable_node_run(one.node);
  CHECK_EQUAL(one.heard(),
              "{'identifier':'{'channel':'A','room':'1'}','message':1}");
  one.perform("{\"action\":\"moved\"}");
  CHECK(one.failed("a deferred call was freed without an answer"));
  one.perform("{\"action\":\"away\"}");
  anycable_node_advance(one.node, 4000); /* its on_cancel throws, too */
  CHECK(away.cancelled());
}

/* Two threads use the call: one has it, the other one throws. */
void check_race() {
  anycable::app app;
  std::vector<std::thread> threads;
  app.channel("A").on_receive([&](channel &chan) {
    threads.emplace_back([later = chan.defer()]() mutable {
      for (int i = 0; i < 10; i++)
        later.channel().transmit("1");
      later.finish(later.channel().fail("the holder's word"));
    });
    throw stranger();
  });
  jack one(app);
  one.subscribe();
  for (int i = 0; i < 50; i++) {
    one.perform("x");
    anycable_node_wait(one.node, 10000);
    const bool either = one.failed("the holder's word") ||
                        one.failed("unknown exception"); /* it was freed */
    CHECK(either);
  }
  for (std::thread &thread : threads)
    thread.join();
}

void check_constructors() {
  anycable::config config;
  config.set_workers(-1);
  anycable::app app;
  try {
    const anycable::server server(app, config);
    CHECK(false);
  } catch (const anycable::error &thrown) {
    CHECK(thrown.code() == ANYCABLE_ERR_INVALID);
    CHECK_EQUAL(thrown.what(), app.error());
    CHECK(*thrown.what() != '\0');
  }
  anycable::config good;
  try {
    const anycable::broadcaster none("pigeon", good);
    CHECK(false);
  } catch (const anycable::error &thrown) {
    CHECK(thrown.code() == ANYCABLE_ERR_INVALID);
    CHECK_EQUAL(thrown.what(), good.error());
  }
  /* What a copy of a callable throws comes back to whoever registers it. */
  struct uncopied {
    uncopied() = default;
    uncopied(const uncopied &) { throw stranger(); }
    void operator()(connection &) const {}
  };
  const uncopied one;
  try {
    app.on_connect(one);
    CHECK(false);
  } catch (const stranger &) {
    CHECK(true);
  }
}

} // namespace

int main() {
  for (const bool known : {true, false}) {
    check_calls(known);
    check_logged(known);
    check_deferred(known);
  }
  check_race();
  check_constructors();
  return world::end(80);
}
