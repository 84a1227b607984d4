// A service with an HTTP server of its own, here cpp-httplib: AnyCable calls
// that, and the service passes on what it is asked. There is no port of the
// library's for calls. Its server has a thread for each request, which waits.
//
//     build/examples/mount_httplib 8081
//     anycable-go --rpc_host=http://localhost:8081/_anycable
#include "mount.h"

#include <anycable.hpp>
#include <httplib.h>

#include <future>
#include <vector>

namespace {

void pass_on(anycable::server &server, const httplib::Request &request,
             httplib::Response &response) {
  std::vector<anycable_http_header> headers;
  for (const auto &[name, value] : request.headers)
    headers.push_back({anycable::str(name), anycable::str(value)});
  auto asked =
      anycable::http_request(request.method, request.path, request.body);
  asked.headers = headers.data();
  asked.header_count = headers.size();
  std::promise<void> answered;
  const anycable::outcome how =
      server.http(asked, [&](const anycable_http_response &got) {
        const char *type = "text/plain";
        for (std::size_t i = 0; i < got.header_count; i++)
          if (anycable::str(got.headers[i].name) == "Content-Type")
            type = got.headers[i].value.ptr;
        response.status = got.status;
        response.set_content(got.body.ptr, got.body.len, type);
        answered.set_value(); // on a thread of the library's
      });
  if (how)
    answered.get_future().wait();
  else
    response.status = 503;
}

} // namespace

int main(int argc, char **argv) {
  anycable_server *made = mount_server();
  if (!made)
    return 1;
  anycable::server server(made);
  httplib::Server web;
  const auto handler = [&](const httplib::Request &in, httplib::Response &out) {
    pass_on(server, in, out);
  };
  web.Post("/_anycable/.*", handler);
  web.Get("/health", handler);
  web.Get("/metrics", handler);
  const int wanted = argc > 1 ? std::stoi(argv[1]) : 8081;
  int port = wanted;
  if (wanted == 0)
    port = web.bind_to_any_port("127.0.0.1");
  else if (!web.bind_to_port("127.0.0.1", wanted))
    return 1;
  std::thread served([&] { web.listen_after_bind(); });
  mount_wait(port);
  server.stop(std::chrono::seconds(10));
  web.stop();
  served.join();
}
