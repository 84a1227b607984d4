// A service with an HTTP server of its own, here cpp-httplib: AnyCable calls
// that, and the service passes on what it is asked. There is no port of the
// library's for calls. Its server has a thread for each request, which waits.
//
//     build/examples/mount_httplib 8081
//     anycable-go --rpc_host=http://localhost:8081/_anycable
#include "mount.h"

#include <httplib.h>

#include <future>
#include <string>
#include <vector>

namespace {

struct answer {
  int status;
  std::string type, body;
};

anycable_str view(const std::string &text) {
  return {text.data(), text.size()};
}

// On a thread of the library's: what it is given is good until it returns.
void on_answer(const anycable_http_response *response, void *ctx) {
  answer out{response->status, "text/plain",
             std::string(response->body.ptr, response->body.len)};
  for (std::size_t i = 0; i < response->header_count; i++)
    if (anycable_str_is(response->headers[i].name, "Content-Type"))
      out.type = response->headers[i].value.ptr;
  static_cast<std::promise<answer> *>(ctx)->set_value(std::move(out));
}

void pass_on(anycable_server *server, const httplib::Request &request,
             httplib::Response &response) {
  std::vector<anycable_http_header> headers;
  for (const auto &[name, value] : request.headers)
    headers.push_back({view(name), view(value)});
  anycable_http_request asked{};
  asked.size = sizeof(asked);
  asked.method = view(request.method);
  asked.path = view(request.path);
  asked.headers = headers.data();
  asked.header_count = headers.size();
  asked.body = view(request.body);
  std::promise<answer> promise;
  if (anycable_server_http(server, &asked, on_answer, &promise) !=
      ANYCABLE_OK) {
    response.status = 503;
    return;
  }
  const answer got = promise.get_future().get();
  response.status = got.status;
  response.set_content(got.body, got.type.c_str());
}

} // namespace

int main(int argc, char **argv) {
  anycable_server *server = mount_server();
  if (!server)
    return 1;
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
  anycable_server_stop(server, 10000);
  web.stop();
  served.join();
  anycable_server_free(server);
}
