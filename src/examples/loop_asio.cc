// The server in an Asio loop (or Boost.Asio's, with another namespace), with a
// timer and signals of the loop's own. meter.h has what it serves, loop_poll.c
// how to look at it.
//
//     build/examples/loop_asio
//     anycable-go --broadcast_adapter=redis
#include "meter.h"

#include <unistd.h>

#include <asio.hpp>
#include <chrono>
#include <csignal>

namespace {

class host {
public:
  host(anycable_app *app, anycable_server *server)
      : app_(app), server_(server),
        // Asio closes what it watches, so it gets a duplicate.
        ready_(loop_, dup(anycable_server_fd(server))), timer_(loop_),
        signals_(loop_, SIGTERM, SIGINT) {}

  // Until the server was stopped, and has drained.
  int run() {
    wait_for_work();
    wait_for_tick();
    wait_for_signal();
    loop_.run();
    return result_;
  }

private:
  // The server's one descriptor is readable.
  void wait_for_work() {
    ready_.async_wait(ready_.wait_read, [this](std::error_code error) {
      if (!error)
        result_ = anycable_server_dispatch(server_);
      if (error || result_ != ANYCABLE_OK)
        loop_.stop();
      else
        wait_for_work();
    });
  }

  void wait_for_tick() {
    timer_.expires_after(std::chrono::milliseconds(200));
    timer_.async_wait([this](std::error_code error) {
      if (error)
        return;
      meter_tick(app_);
      wait_for_tick();
    });
  }

  void wait_for_signal() {
    signals_.async_wait([this](std::error_code error, int) {
      if (error)
        return;
      anycable_server_request_stop(server_);
      wait_for_signal();
    });
  }

  anycable_app *app_;
  anycable_server *server_;
  asio::io_context loop_{1};
  asio::posix::stream_descriptor ready_;
  asio::steady_timer timer_;
  asio::signal_set signals_;
  int result_ = ANYCABLE_OK;
};

} // namespace

int main(int argc, char **argv) {
  anycable_app *app = anycable_app_new();
  meter_register(app);
  int result = ANYCABLE_ERR_INVALID;
  if (anycable_server *server = meter_server(app, argc, argv)) {
    result = host(app, server).run();
    anycable_server_free(server);
  }
  anycable_app_free(app);
  return result == ANYCABLE_CLOSED ? 0 : 1;
}
