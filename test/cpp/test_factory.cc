/* A factory that is a class. */
#include "world.h"

#include <functional>

using anycable::outcome;
using world::jack;

namespace {

std::atomic<int> alive{0};
std::string steps;

class session {
public:
  session(anycable::socket &socket, std::string &log, const int &number)
      : socket_(socket), log_(log), number_(number) {
    log_ += "made ";
  }
  ~session() { log_ += "freed. "; }
  session(const session &) = delete;
  session &operator=(const session &) = delete;

  outcome open() {
    log_ += "open ";
    if (socket_.request().query("user").empty())
      return socket_.reject("who?");
    return socket_.transmit("{\"type\":\"hello\"}");
  }
  void close() { log_ += "close "; }
  int command(std::string_view identifier, std::string_view command,
              std::string_view data) {
    ((log_ += command) += identifier) += ' ';
    if (data == "bad")
      return socket_.fail("bad data").code();
    if (data == "later") {
      later = socket_.defer();
      CHECK(!later.channel());
      CHECK(!later.connection());
      return ANYCABLE_PENDING;
    }
    return ANYCABLE_DONE;
  }
  std::string identifiers() {
    return "{\"n\":" + std::to_string(number_) + '}';
  }
  void completed(outcome how) { log_ += how ? "done " : how.what(); }

  static anycable::deferred later;

private:
  anycable::socket &socket_;
  std::string &log_;
  int number_;
};

anycable::deferred session::later;

void check_class() {
  anycable::app app;
  app.factory<session>(std::ref(steps), 7);
  {
    jack one(app);
    CHECK_EQUAL(one.heard(), "{'type':'hello'}");
    CHECK_EQUAL(anycable::str(anycable_client_identifiers(one.client)),
                "{\"n\":7}");
    CHECK_EQUAL(steps, "made open done freed. ");
    steps.clear();
    anycable_client_subscribe(one.client, "i");
    anycable_client_perform(one.client, "i", "bad");
    CHECK(one.failed("bad data"));
    CHECK_EQUAL(steps, "made subscribei done freed. made messagei " +
                           std::string(anycable_strerror(ANYCABLE_ERR_FAILED)) +
                           "freed. ");
    steps.clear();
    anycable_client_perform(one.client, "i", "later");
    CHECK_EQUAL(steps, "made messagei ");
    CHECK(session::later.finish());
    anycable_node_run(one.node);
    CHECK_EQUAL(steps, "made messagei done freed. ");
    steps.clear();
    anycable_client_close(one.client);
    CHECK_EQUAL(steps, "made close done freed. ");
    one.client = anycable_node_connect(one.node, "ws://x/", nullptr);
    CHECK(!anycable_client_connected(one.client));
  }
}

/* Four functions are enough, and no constructor. */
struct simple {
  anycable::socket &socket;
  world::counted one;

  void open() {}
  outcome close() { return outcome::done; }
  void command(anycable::str, anycable::str, anycable::str data) {
    if (!data.empty())
      socket.transmit(data);
  }
};

void check_aggregate() {
  {
    anycable::app app;
    app.factory<simple>(world::counted(alive));
    jack one(app);
    anycable_client_subscribe(one.client, "i");
    anycable_client_perform(one.client, "i", "{}");
    CHECK_EQUAL(one.heard(), "{}");
    CHECK_EQUAL(anycable::str(anycable_client_identifiers(one.client)), "{}");
    CHECK(alive == 1);
  }
  CHECK(alive == 0);
}

#if defined(__cpp_exceptions)
/* Each of its functions throws in its turn. */
struct throwing {
  throwing(anycable::socket &, const std::string &which) : at(which) {
    maybe("made");
  }
  void maybe(const char *name) const {
    if (at == name)
      throw std::runtime_error(at);
  }
  void open() const { maybe("open"); }
  void close() const { maybe("close"); }
  void command(anycable::str, anycable::str, anycable::str) const {
    maybe("command");
  }
  std::string_view identifiers() const {
    maybe("identifiers");
    return "x";
  }
  void completed(outcome) const { maybe("completed"); }
  const std::string &at;
};

void check_throwing() {
  std::string which;
  anycable::app app;
  app.factory<throwing>(std::cref(which));
  jack one(app);
  CHECK_EQUAL(anycable::str(anycable_client_identifiers(one.client)), "x");
  for (const char *at : {"command", "close"}) {
    which = at;
    anycable_client_subscribe(one.client, "i");
    if (which == "close")
      anycable_client_close(one.client);
    CHECK(one.failed(at));
  }
  for (const char *at : {"made", "open", "identifiers", "completed"}) {
    which = at;
    one.client = anycable_node_connect(one.node, "ws://x/", nullptr);
    CHECK(one.failed(at));
  }
}
#endif

} // namespace

int main() {
  check_class();
  check_aggregate();
#if defined(__cpp_exceptions)
  check_throwing();
  return world::end(22);
#else
  return world::end(15);
#endif
}
