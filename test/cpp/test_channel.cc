/* Connections and channels: every wrapper once, with what comes of it. */
#include "world.h"

#include <functional>

using anycable::channel;
using anycable::connection;
using anycable::outcome;
using world::jack;

namespace {

void check_connection() {
  anycable::app app;
  app.on_connect([](connection &conn) {
       CHECK_EQUAL(conn.param("user"), "jack");
       CHECK_EQUAL(conn.request().path(), "/cable");
       CHECK_EQUAL(conn.request().sid(), "1");
       CHECK(conn.request().method() == ANYCABLE_CONNECT);
       conn.identify("user", conn.param("user"));
       conn.identify(std::string("role"), std::string("admin"));
       CHECK_EQUAL(conn.identifier("role"), "admin");
       CHECK(conn.set_cstate("color", "red"));
       CHECK_EQUAL(conn.cstate("color"), "red");
       return conn.transmit("{\"first\":1}");
     })
      .on_connect(
          "/closed",
          [](connection &conn) { return conn.reject("maintenance", true); })
      .on_connect("/failing",
                  [](connection conn) { return conn.fail("100% broken"); });
  int gone = 0;
  app.on_disconnect([&gone](const connection &conn) {
    CHECK_EQUAL(conn.identifiers(), "{\"role\":\"admin\",\"user\":\"jack\"}");
    gone++;
  });
  app.on_disconnect("/elsewhere", [](connection &) {});
  app.channel("A");
  jack one(app);
  CHECK_EQUAL(one.heard(), "{'first':1}{'type':'welcome','sid':'1'}");
  CHECK_EQUAL(anycable::str(anycable_client_cstate(one.client, "color")),
              "red");
  anycable_client_close(one.client);
  CHECK(gone == 1);

  one.client = anycable_node_connect(one.node, "ws://x/closed", nullptr);
  CHECK_EQUAL(one.heard(),
              "{'type':'disconnect','reason':'maintenance','reconnect':true}");
  one.client = anycable_node_connect(one.node, "ws://x/failing", nullptr);
  CHECK(one.failed("100% broken"));
}

void check_subscription() {
  anycable::app app;
  std::string steps;
  app.channel("A")
      .before([&](channel &chan) {
        steps += "before ";
        steps += chan.action();
      })
      .after([&](channel &, outcome how) {
        steps += how ? ", after. " : ", after no. ";
      })
      .on_subscribe([](channel &chan) {
        CHECK_EQUAL(chan.name(), "A");
        CHECK_EQUAL(chan.params()["room"].string(), chan.param("room"));
        CHECK_EQUAL(chan.connection().param("user"), "jack");
        CHECK_EQUAL(chan.socket().request().command(), "subscribe");
        if (chan.param("room") != "1")
          return chan.reject("no such room");
        CHECK_EQUAL(chan.identifier(), world::id);
        CHECK_EQUAL(chan.stream("chat/", "1"), "chat/1");
        chan.stream_from("all");
        chan.whisper("all");
        chan.presence_join("all", "jack", "{\"name\":\"Jack\"}");
        chan.set_istate("seen", "0");
        return chan.stream_from("chat/", chan.param("room"));
      })
      .on_unsubscribe([&](channel &chan) {
        CHECK_EQUAL(chan.istate("seen"), "0");
        chan.presence_leave();
      });
  jack one(app);
  one.heard();
  const std::string heard = one.subscribe();
  CHECK(heard.find("confirm_subscription") != std::string::npos);
  auto stream = [&](std::size_t i) {
    return anycable::str(anycable_client_stream(one.client, world::id, i));
  };
  auto istate = [&](const char *key) {
    return anycable::str(anycable_client_istate(one.client, world::id, key));
  };
  CHECK_EQUAL(stream(0), "all");
  CHECK_EQUAL(stream(1), "chat/1");
  CHECK_EQUAL(stream(2), "");
  CHECK_EQUAL(istate("$w"), "all");
  CHECK_EQUAL(istate("$p"), "all");
  CHECK(one.rpc.find("'presence':{'type':'join','id':'jack'") !=
        std::string::npos);
  CHECK_EQUAL(one.subscribe("{\"channel\":\"A\",\"room\":\"2\"}").substr(0, 29),
              "{'type':'reject_subscription'");
  CHECK(one.rpc.find("no such room") != std::string::npos);
  one.unsubscribe();
  CHECK(one.rpc.find("'presence':{'type':'leave'") != std::string::npos);
  CHECK_EQUAL(steps, "before subscribe, after. before subscribe, after no. "
                     "before unsubscribe, after. ");
}

void check_output() {
  anycable::app app;
  app.channel("A")
      .on_action("json", [](channel &chan,
                            std::string_view data) { chan.transmit(data); })
      .on_action("text",
                 [](channel &chan) {
                   return chan.transmit_string(chan.data_string("text"));
                 })
      .on_action("frame",
                 [](channel &chan) { chan.transmit_frame("{\"whole\":1}"); })
      .on_action("state",
                 [](channel &chan) {
                   chan.set_cstate("color", "blue");
                   CHECK_EQUAL(chan.cstate("color"), "blue");
                   return ANYCABLE_DONE;
                 })
      .on_action("say",
                 [](channel &chan) {
                   chan.stream_from("s");
                   chan.broadcast("s", "\"all\"");
                   chan.broadcast_to_others("s", "\"others\"");
                   anycable::publish_options options;
                   options.broadcast_type = "kind";
                   chan.socket().broadcast("s", "1", options);
                   chan.socket().broadcast_string("s", "2");
                 })
      .on_action("stop",
                 [](channel &chan) {
                   chan.stop_stream("a");
                   chan.stop_stream("b/", "1");
                   chan.whisper({});
                 })
      .on_action("stop all", [](channel &chan) { chan.stop_all_streams(); })
      .on_action("fail", [](channel &chan) { chan.fail("50% done"); })
      .on_action("code", [](channel &) -> int { return ANYCABLE_ERR_IO; })
      .on_action("leave",
                 [](channel &chan) { return chan.close("bye", false); })
      .on_receive([](channel &chan, std::string_view data) {
        chan.transmit_string(data);
      });
  jack one(app);
  one.heard();
  one.subscribe();
  const std::string frame =
      "{'identifier':'{'channel':'A','room':'1'}','message':";
  CHECK_EQUAL(one.perform("{\"action\":\"json\"}"),
              frame + "{'action':'json'}}");
  CHECK_EQUAL(one.perform("{\"action\":\"text\",\"text\":\"hi\"}"),
              frame + "'hi'}");
  CHECK_EQUAL(one.perform("{\"action\":\"frame\"}"), "{'whole':1}");
  one.perform("{\"action\":\"state\"}");
  CHECK_EQUAL(anycable::str(anycable_client_cstate(one.client, "color")),
              "blue");
  const std::string said = one.perform("{\"action\":\"say\"}");
  CHECK(said.find("'all'") != std::string::npos);
  CHECK(said.find("'others'") == std::string::npos);
  CHECK(said.find("'type':'kind'") != std::string::npos);
  CHECK(said.find("'message':'2'") != std::string::npos);
  one.perform("{\"action\":\"stop\"}");
  CHECK(one.rpc.find("'stopped_streams':['a','b/1']") != std::string::npos);
  one.perform("{\"action\":\"stop all\"}");
  CHECK(one.rpc.find("'stop_streams':true") != std::string::npos);
  one.perform("{\"action\":\"fail\"}");
  CHECK(one.failed("50% done"));
  one.perform("{\"action\":\"code\"}");
  CHECK(one.failed(anycable_strerror(ANYCABLE_ERR_IO)));
  CHECK_EQUAL(one.perform("text"), frame + "'text'}");
  CHECK_EQUAL(one.perform("{\"action\":\"leave\"}"),
              "{'type':'disconnect','reason':'bye','reconnect':false}");
  CHECK(!anycable_client_connected(one.client));
}

/* Callables of all kinds, and names that are looked up. */
struct counter {
  int operator()(channel &) const { return ANYCABLE_DONE; }
};

outcome plain(channel &chan) {
  return chan.transmit("1");
}

void check_callables() {
  anycable::app app;
  anycable::channel_class made = app.channel();
  std::function<void(channel &)> function = [](channel &chan) {
    chan.transmit("2");
  };
  auto big = std::make_unique<std::string>("3");
  const counter kept{};
  made.on_action("pointer", plain)
      .on_action("function", function)
      .on_action("moved",
                 [big = std::move(big)](channel &chan) { chan.transmit(*big); })
      .on_action("object", kept)
      .on_action("generic", [](auto &chan, auto) { chan.transmit("4"); });
  app.channel_lookup([made](std::string_view name) {
    return name == "A" ? made : anycable::channel_class();
  });
  app.add_interceptor(
      [](anycable::socket &sock) {
        return sock.request().command() == "subscribe" &&
                       sock.request().identifier() == "{}"
                   ? outcome::answered
                   : outcome::done;
      },
      nullptr);
  std::string ends;
  app.add_interceptor(nullptr, [&](anycable::socket &, outcome how) {
    ends += how ? "." : how.what();
  });
  app.on_error(
      [&](anycable::socket &sock, outcome code, std::string_view message) {
        CHECK(code == ANYCABLE_ERR_FAILED);
        CHECK_EQUAL(sock.request().sid(), "1");
        ends += message;
      });
  jack one(app);
  one.heard();
  one.subscribe();
  std::string all;
  for (const char *action : {"pointer", "function", "moved", "generic"})
    all +=
        one.perform(("{\"action\":\"" + std::string(action) + "\"}").c_str());
  for (const char *number : {":1}", ":2}", ":3}", ":4}"})
    CHECK(all.find(number) != std::string::npos);
  one.perform("{\"action\":\"object\"}");
  CHECK(one.subscribe("{\"channel\":\"B\"}").find("reject") !=
        std::string::npos);
  one.subscribe("{}");
  CHECK(one.rpc.find("'status':1") != std::string::npos);
  one.perform("{\"action\":\"none\"}");
  CHECK(ends.find("A has no action \"none\"") != std::string::npos);
}

void check_socket() {
  anycable::app app;
  app.channel("A").on_subscribe([](channel &chan) {
    const anycable::socket sock = chan.socket();
    const auto request = sock.request();
    const auto own = request.identifier();
    CHECK(sock.get() != nullptr);
    CHECK(sock.app() != nullptr);
    CHECK(sock.subscribe(own, "one"));
    CHECK(sock.subscribe(own, "two"));
    CHECK(sock.unsubscribe(own, "two"));
    CHECK(sock.set_cstate("c", "1"));
    CHECK_EQUAL(sock.cstate("c"), "1");
    CHECK(sock.set_istate("i", "2"));
    CHECK_EQUAL(sock.istate("i"), "2");
    CHECK_EQUAL(sock.istate_of(own, "i"), "2");
    CHECK(sock.set_session("{}"));
    CHECK_EQUAL(sock.session(), "{}");
    CHECK(sock.whisper("one"));
    CHECK(sock.presence_join("one", "jack"));
    CHECK(sock.presence_leave());
    CHECK_EQUAL(sock.quote("a\"b"), "\"a\\\"b\"");
    CHECK(sock.time_left().count() > 0);
    CHECK(sock.alloc(16) != nullptr);
    CHECK(sock.transmit("{\"raw\":1}"));
    sock.log(ANYCABLE_LOG_INFO, "%s");
    CHECK_EQUAL(request.url(), "http://x/cable?user=jack");
    CHECK_EQUAL(request.query("user"), "jack");
    CHECK_EQUAL(request.header("remote_addr"), "127.0.0.1");
    CHECK_EQUAL(request.remote_addr(), "127.0.0.1");
    CHECK_EQUAL(request.cookie("none"), "");
    CHECK_EQUAL(request.metadata("protov"), "v1");
    CHECK_EQUAL(request.identifiers(), "{}");
    CHECK_EQUAL(request.data(), "");
    CHECK(request.subscription_count() == 0);
    CHECK_EQUAL(request.subscription(0), "");
    const outcome bad = sock.transmit({});
    CHECK(bad.failed());
    CHECK(bad.code() == ANYCABLE_ERR_INVALID);
    CHECK(bad != outcome::done);
  });
  app.channel("C").on_subscribe([](channel &chan) {
    chan.socket().unsubscribe_from_all(chan.identifier());
    return chan.socket().close();
  });
  jack one(app);
  one.heard();
  one.subscribe();
  CHECK(one.failed("an output failed: invalid argument"));
  one.subscribe("{\"channel\":\"C\"}");
  CHECK(!anycable_client_connected(one.client));
}

} // namespace

int main() {
  check_connection();
  check_subscription();
  check_output();
  check_callables();
  check_socket();
  return world::end(90);
}
