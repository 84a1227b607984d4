/* What lies around calls: configuration, servers, broadcasters, main. */
#include "world.h"

#include <anycable/memory.h>
#include <csignal>
#include <cstdlib>
#include <future>
#include <memory>
#include <poll.h>
#include <string>
#include <thread>
#include <vector>

using anycable::app;
using anycable::broadcaster;
using anycable::config;
using anycable::outcome;
using anycable::server;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

void prepare(config &settings) {
  CHECK(settings.set_rpc_host("127.0.0.1:0"));
  CHECK(settings.set_workers(1));
  CHECK(settings.set_queue(10));
  CHECK(settings.set_max_connection_age(seconds(60)));
  CHECK(settings.set_version_check(true));
  CHECK(settings.set_secret("secret"));
  CHECK(settings.set_log_level(ANYCABLE_LOG_DEBUG));
  CHECK(settings.set_rpc_tls({}, {}));
  CHECK(settings.set_rpc_tls_client_ca({}));
  CHECK(settings.set(ANYCABLE_SETTING_BROADCAST_ADAPTER, "memory"));
  CHECK(settings.set_limit(ANYCABLE_LIMIT_DEFERRED, 5));
  CHECK(settings.set_when_full(ANYCABLE_FULL_WAIT, milliseconds(5)));
}

void check_config() {
  config settings;
  prepare(settings);
  CHECK_EQUAL(settings.setting(ANYCABLE_SETTING_BROADCAST_ADAPTER), "memory");
  CHECK(settings.limit(ANYCABLE_LIMIT_DEFERRED) == 5);
  CHECK_EQUAL(settings.error(), "");
  CHECK(settings.load_env());
  char program[] = "program", queue[] = "--rpc-max-waiting-requests=7",
       rest[] = "rest";
  char *argv[] = {program, queue, rest, nullptr};
  int argc = 3;
  CHECK(settings.load_args(argc, argv));
  CHECK(argc == 2);
  CHECK_EQUAL(argv[1], "rest");
  CHECK(settings.add_listen_fd(-1) == ANYCABLE_ERR_INVALID);
  CHECK(*settings.error() != '\0');
}

void check_servers() {
  std::atomic<int> lines{0};
  auto log = [&lines](int, std::string_view line) {
    CHECK(!line.empty());
    lines++;
  };
  config settings;
  prepare(settings);
  settings.set_log(log);
  app one;
  one.channel("A");
  server threads(one, settings), turned(one, settings);
  CHECK(threads.address().substr(0, 10) == "127.0.0.1:");
  CHECK_EQUAL(threads.address(1), "");
  CHECK(threads.start());
  CHECK(threads.start() == ANYCABLE_ERR_STATE);
  CHECK(threads.reload_tls() == ANYCABLE_ERR_STATE);
  CHECK(*threads.error() != '\0');
  CHECK(threads.stop(milliseconds(5000)));
  server moved = std::move(threads);
  CHECK(!threads);
  pollfd ready = {turned.fd(), POLLIN, 0};
  turned.request_stop();
  outcome how;
  while ((how = turned.dispatch()))
    poll(&ready, 1, 1000);
  CHECK(how == outcome::closed);
  {
    server run(one, settings);
    std::thread stopper([&] { run.request_stop(); });
    CHECK(run.run());
    stopper.join();
  }
  CHECK(lines > 0);
}

/* In a host's HTTP server: nothing listens. */
void check_http() {
  config settings;
  settings.set_rpc_host("none");
  settings.set_workers(1);
  settings.set(ANYCABLE_SETTING_HTTP_RPC_MOUNT_PATH, "/_anycable");
  app one;
  one.channel("A");
  server mounted(one, settings);
  mounted.set_ready(false);
  auto ask = [&mounted](anycable::str path) {
    auto request = anycable::http_request("GET", path, {});
    const anycable_http_header header = {anycable::str("Host"),
                                         anycable::str("x")};
    request.headers = &header;
    request.header_count = 1;
    std::promise<std::string> promise;
    auto answer = promise.get_future();
    CHECK(mounted.http(
        request, [promise = std::move(promise)](
                     const anycable_http_response &response) mutable {
          promise.set_value(std::to_string(response.status) + " " +
                            std::string(anycable::str(response.body)));
        }));
    return answer.get();
  };
  CHECK_EQUAL(ask("/nowhere"), "503 Service Unavailable");
  CHECK(mounted.start());
  while (ask("/nowhere") != "404 Not Found") {
  }
  CHECK_EQUAL(ask("/health"), "503 Not Ready");
  mounted.set_ready(true);
  CHECK_EQUAL(ask("/health"), "200 Ready");
  anycable_http_request bad{};
  auto count = std::make_shared<int>(0);
  CHECK(mounted.http(bad, [count](const anycable_http_response &) {}) ==
        ANYCABLE_ERR_INVALID);
  CHECK(count.use_count() == 1);
  bool seen = false;
  mounted.metrics([&seen](const anycable_metric &metric) {
    seen = seen || anycable::str(metric.name) == "anycable_connections";
  });
  CHECK(seen);
  CHECK(mounted.stop(milliseconds(5000)));
}

void check_broadcasters() {
  anycable_memory *memory = anycable_memory_new();
  {
    config settings;
    anycable_config_add_adapter(settings.get(), anycable_memory_adapter(),
                                memory);
    broadcaster news("memory", settings);
    auto next = [&] {
      CHECK(news.flush(milliseconds(5000)));
      return std::string(anycable::str(anycable_memory_next(memory)));
    };
    CHECK(news.publish("s", "1"));
    CHECK_EQUAL(next(), "{\"stream\":\"s\",\"data\":\"1\"}");
    CHECK(news.publish_string("s", "1"));
    CHECK_EQUAL(next(), "{\"stream\":\"s\",\"data\":\"\\\"1\\\"\"}");
    CHECK(news.disconnect("u", true));
    CHECK(next().find("\"disconnect\"") != std::string::npos);
    {
      anycable::batch both(news);
      news.publish("s", "1");
      news.publish("s", "2");
    }
    CHECK_EQUAL(next().substr(0, 2), "[{");
    CHECK(news.counts().published == 4);
    CHECK_EQUAL(news.error(), "");

    app one;
    one.channel("A");
    one.add_broadcaster(news);
    CHECK(one.broadcaster_at(0) == news.get());
    broadcaster again(anycable_broadcaster_ref(one.broadcaster_at(0)));
    anycable::publish_options options;
    options.transient = true;
    CHECK(one.broadcast("s", "1", options));
    CHECK(next().find("transient") != std::string::npos);
    CHECK(one.broadcast_string("s", "1"));
    next();
    anycable::identity jack;
    CHECK(one.disconnect(jack.set("user", "jack").json(), false));
    CHECK(next().find("jack") != std::string::npos);
    anycable::batch three(one);
    one.broadcast("s", "3");
    CHECK(three.end());
    CHECK(three.end() == ANYCABLE_ERR_STATE);
    CHECK(one.flush(milliseconds(5000)));
    CHECK_EQUAL(next(), "[{\"stream\":\"s\",\"data\":\"3\"}]");
  }
  anycable_memory_free(memory);
}

/* main() serves until a signal, and destroys the callbacks. */
void check_main() {
  std::atomic<int> alive{0};
  char program[] = "program", host[] = "--rpc-host=127.0.0.1:0",
       bad[] = "--nonsense", log[] = "--log-level=error",
       adapter[] = "--broadcast-adapter=memory";
  {
    app one;
    one.on_connect([c = world::counted(alive)](anycable::connection &) {});
    char *argv[] = {program, bad, nullptr};
    CHECK(one.main(2, argv) == 2);
    CHECK(alive == 0);
    CHECK(!one);
  }
  app one;
  one.on_connect([c = world::counted(alive)](anycable::connection &) {});
  char *argv[] = {program, host, log, adapter, nullptr};
  std::atomic<bool> over{false};
  std::signal(SIGTERM, SIG_IGN); /* until it has a handler of its own */
  std::thread killer([&] {
    while (!over) {
      std::raise(SIGTERM);
      std::this_thread::sleep_for(milliseconds(20));
    }
  });
  CHECK(one.main(4, argv) == 0);
  over = true;
  killer.join();
  CHECK(alive == 0);
}

} // namespace

int main() {
  check_config();
  check_servers();
  check_http();
  check_broadcasters();
  check_main();
  return world::end(70);
}
