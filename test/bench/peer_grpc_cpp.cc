// The server that `make bench` compares with: grpc C++, callback interface, a
// handler that does nothing but answer. The same answers as server.c, byte for
// byte; the frame to transmit comes from the command line.

#include <grpcpp/grpcpp.h>
#include <signal.h>

#include <chrono>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <string>

#include "rpc.grpc.pb.h"

namespace {

struct Options {
  std::string address = "127.0.0.1:50051";
  std::string frame = "{}";
  std::string cert;
  std::string key;
};

class Rpc final : public anycable::RPC::CallbackService {
public:
  explicit Rpc(std::string frame) : frame_(std::move(frame)) {}

  grpc::ServerUnaryReactor *
  Connect(grpc::CallbackServerContext *context,
          const anycable::ConnectionRequest *,
          anycable::ConnectionResponse *response) override {
    response->set_status(anycable::SUCCESS);
    response->set_identifiers("{\"user\":\"jack\"}");
    response->add_transmissions("{\"type\":\"welcome\"}");
    return Done(context);
  }

  grpc::ServerUnaryReactor *
  Command(grpc::CallbackServerContext *context,
          const anycable::CommandMessage *,
          anycable::CommandResponse *response) override {
    response->set_status(anycable::SUCCESS);
    response->add_transmissions(frame_);
    return Done(context);
  }

  grpc::ServerUnaryReactor *
  Disconnect(grpc::CallbackServerContext *context,
             const anycable::DisconnectRequest *,
             anycable::DisconnectResponse *response) override {
    response->set_status(anycable::SUCCESS);
    return Done(context);
  }

private:
  static grpc::ServerUnaryReactor *Done(grpc::CallbackServerContext *context) {
    grpc::ServerUnaryReactor *reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }

  const std::string frame_;
};

std::string Read(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

bool Parse(int argc, char **argv, Options *options) {
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string flag = argv[i];
    if (flag == "--address")
      options->address = argv[i + 1];
    else if (flag == "--frame")
      options->frame = argv[i + 1];
    else if (flag == "--cert")
      options->cert = argv[i + 1];
    else if (flag == "--key")
      options->key = argv[i + 1];
    else if (flag != "--workers") // Of no meaning here.
      return false;
  }
  return argc % 2 == 1;
}

std::shared_ptr<grpc::ServerCredentials> Credentials(const Options &options) {
  if (options.cert.empty())
    return grpc::InsecureServerCredentials();
  grpc::SslServerCredentialsOptions tls;
  tls.pem_key_cert_pairs.push_back({Read(options.key), Read(options.cert)});
  return grpc::SslServerCredentials(tls);
}

} // namespace

int main(int argc, char **argv) {
  Options options;
  if (!Parse(argc, argv, &options)) {
    std::cerr << "usage: " << argv[0]
              << " [--address A] [--frame JSON] [--cert FILE --key FILE]\n";
    return 2;
  }

  // Waited for below; blocked before grpc makes its threads.
  sigset_t stop;
  sigemptyset(&stop);
  sigaddset(&stop, SIGTERM);
  sigaddset(&stop, SIGINT);
  pthread_sigmask(SIG_BLOCK, &stop, nullptr);

  Rpc rpc(options.frame);
  grpc::ServerBuilder builder;
  builder.AddListeningPort(options.address, Credentials(options));
  builder.RegisterService(&rpc);
  std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (!server)
    return 1;

  int caught = 0;
  sigwait(&stop, &caught);
  server->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(1));
  return 0;
}
