/* Reading and building JSON. */
#include "world.h"

#include <cmath>
#include <limits>

using anycable::builder;
using anycable::channel;
using anycable::json;
using anycable::outcome;

namespace {

void reads(channel &chan, std::string_view data) {
  const json all = chan.data();
  CHECK(all.integer("big").value_or(0) == INT64_C(9007199254740993));
  CHECK(!all.integer("none"));
  CHECK(!all.integer("text"));
  CHECK(std::abs(all.number("half").value_or(0) - 0.5) < 1e-9);
  CHECK(all.boolean("yes").value_or(false));
  CHECK(!all.boolean("big"));
  CHECK_EQUAL(all.string("text"), "a\"b");
  CHECK_EQUAL(all.text("text"), "\"a\\\"b\"");
  CHECK_EQUAL(all.string("none"), "");
  CHECK(all.type("none") == ANYCABLE_JSON_NONE);
  CHECK(all.type("null") == ANYCABLE_JSON_NULL);
  CHECK(all.type() == ANYCABLE_JSON_OBJECT);
  CHECK_EQUAL(all["list"][0].string(), "x");
  CHECK_EQUAL(all[std::string("list")].text(), "[\"x\",\"y\"]");
  CHECK(all["list"].size() == 2);
  CHECK(!all["list"][2]);
  CHECK(!all["none"]["at"]["all"]);
  std::string seen;
  for (json item : all["list"])
    seen += item.string();
  for (json member : all["map"])
    (seen += member.key()) += member.text();
  for (json nothing : all["none"])
    seen += nothing.text();
  CHECK_EQUAL(seen, "xyk1l2");
  outcome why;
  CHECK(json::read(chan.socket(), data, &why));
  CHECK(why == outcome::done);
  CHECK(!json::read(chan.socket(), "{", &why));
  CHECK(why == ANYCABLE_ERR_PROTO);
  CHECK(!json::read(chan.socket(), "nonsense"));

  builder text(chan);
  const std::string own = "s";
  text.object()
      .add("json", all["map"])
      .add("string", own)
      .add("view", std::string_view("v"))
      .add("int", -1)
      .add("long", INT64_C(9007199254740993))
      .add("unsigned", ~std::uint64_t{0})
      .add("double", 0.5)
      .add("float", 0.25F)
      .add("bool", true)
      .add("null", nullptr)
      .raw("raw", "[]")
      .array("list")
      .add("x")
      .add(1)
      .raw("{}")
      .array()
      .end()
      .end()
      .object("empty")
      .end()
      .end();
  chan.transmit(text.text());
}

void check_own() {
  builder text;
  CHECK(static_cast<bool>(text));
  CHECK_EQUAL(text.array().add("x").end().text(), "[\"x\"]");
  text.reset();
  text.add(std::numeric_limits<double>::infinity());
  CHECK(text.error() == ANYCABLE_ERR_INVALID);
  CHECK_EQUAL(text.text(), "");
  builder other = std::move(text);
  CHECK(!text);
  other.reset();
  CHECK_EQUAL(other.add(nullptr).text(), "null");

  anycable::identity jack;
  CHECK_EQUAL(jack.set("user", "jack").set("role", "admin").json(),
              "{\"role\":\"admin\",\"user\":\"jack\"}");
  CHECK_EQUAL(jack.set("", "x").json(), "");
}

} // namespace

int main() {
  anycable::app app;
  app.channel("A").on_receive(reads);
  app.channel("B").on_subscribe([](channel &chan) {
    builder half(chan.connection());
    half.object();
    chan.transmit(half.text());
  });
  world::jack one(app);
  one.heard();
  one.subscribe();
  const std::string heard =
      one.perform("{\"big\":\"9007199254740993\",\"half\":5e-1,\"yes\":true,"
                  "\"text\":\"a\\\"b\",\"null\":null,\"list\":[\"x\",\"y\"],"
                  "\"map\":{\"k\":1,\"l\":2}}");
  CHECK_EQUAL(heard,
              "{'identifier':'{'channel':'A','room':'1'}','message':"
              "{'json':{'k':1,'l':2},'string':'s','view':'v','int':-1,"
              "'long':9007199254740993,'unsigned':18446744073709551615,"
              "'double':0.5,'float':0.25,'bool':true,'null':null,'raw':[],"
              "'list':['x',1,{},[]],'empty':{}}}");
  CHECK_EQUAL(one.subscribe("{\"channel\":\"B\"}"), "");
  check_own();
  return world::end(34);
}
