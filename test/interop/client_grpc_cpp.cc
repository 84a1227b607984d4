// grpc C++ as the client. See run.py, and client_grpc_core.py for what each
// scenario proves.

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <functional>
#include <future>
#include <iostream>
#include <iterator>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "health.grpc.pb.h"
#include "rpc.grpc.pb.h"

namespace {

using grpc::health::v1::HealthCheckRequest;
using grpc::health::v1::HealthCheckResponse;

const char kId[] = "{\"channel\":\"Interop\"}";
const char kSays[] = "Zugriff verweigert: ключ 鍵 🔑 %41";
constexpr size_t k4MiB = 4 << 20;

void Expect(bool good, const std::string &what) {
  if (!good)
    throw std::runtime_error(what);
}

void Expect(const std::string &seen, const std::string &expected) {
  Expect(seen == expected,
         seen.substr(0, 200) + " instead of " + expected.substr(0, 200));
}

void Expect(const grpc::Status &status, grpc::StatusCode code) {
  Expect(status.error_code() == code,
         "status " + std::to_string(status.error_code()) + " " +
             status.error_message() + " instead of " + std::to_string(code));
}

void Expect(const grpc::Status &status) {
  Expect(status, grpc::OK);
}

std::string Read(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

using Metadata = std::multimap<std::string, std::string>;

struct Context : grpc::ClientContext {
  explicit Context(double seconds = 10, const Metadata &metadata = {
                                            {"protov", "v1"}, {"sid", "s1"}}) {
    for (const auto &[key, value] : metadata)
      AddMetadata(key, value);
    set_deadline(std::chrono::system_clock::now() +
                 std::chrono::milliseconds(int(seconds * 1000)));
  }
};

anycable::CommandMessage Message(const std::string &command,
                                 std::string data = "") {
  anycable::CommandMessage message;
  message.set_command(command);
  message.set_identifier(kId);
  message.set_connection_identifiers("{\"user\":\"jack\"}");
  message.set_data(std::move(data));
  return message;
}

std::string Echo(const std::string &text) {
  return "{\"data\":\"" + text + "\"}";
}

class Client {
public:
  Client(const std::string &address, const std::string &ca, bool keepalive) {
    grpc::ChannelArguments args;
    // One connection for each of our channels, not one for all.
    args.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    if (keepalive) {
      // What AnyCable's server does every 10 s, twice a second.
      args.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 500);
      args.SetInt(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
      args.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
      args.SetInt(GRPC_ARG_HTTP2_MIN_SENT_PING_INTERVAL_WITHOUT_DATA_MS, 500);
    }
    std::shared_ptr<grpc::ChannelCredentials> credentials =
        grpc::InsecureChannelCredentials();
    if (!ca.empty()) {
      grpc::SslCredentialsOptions tls;
      tls.pem_root_certs = Read(ca);
      credentials = grpc::SslCredentials(tls);
    }
    channel_ = grpc::CreateCustomChannel(address, credentials, args);
    rpc = anycable::RPC::NewStub(channel_);
    health = grpc::health::v1::Health::NewStub(channel_);
  }

  grpc::Status Say(const anycable::CommandMessage &message,
                   anycable::CommandResponse *response, double seconds = 10) {
    Context context(seconds);
    return rpc->Command(&context, message, response);
  }

  // The frame that answers.
  std::string Ask(const std::string &command, const std::string &data = "",
                  double seconds = 10) {
    anycable::CommandResponse response;
    Expect(Say(Message(command, data), &response, seconds));
    Expect(response.status() == anycable::SUCCESS,
           "Status " + std::to_string(response.status()));
    Expect(response.transmissions_size() == 1, "not one transmission");
    return response.transmissions(0);
  }

  int Counter(const std::string &name) {
    const std::string counters = Ask("counters");
    const std::string key = "\"" + name + "\":";
    return std::stoi(counters.substr(counters.find(key) + key.size()));
  }

  void Until(const std::string &counter, int more_than) {
    const auto until =
        std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (Counter(counter) <= more_than)
      Expect(std::chrono::steady_clock::now() < until, counter + " stays");
  }

  grpc::Status Generic(const std::string &path) {
    grpc::GenericStub stub(channel_);
    Context context;
    const grpc::Slice slice(Message("echo").SerializeAsString());
    const grpc::ByteBuffer request(&slice, 1);
    grpc::ByteBuffer reply;
    grpc::Status status;
    grpc::CompletionQueue queue;
    auto call = stub.PrepareUnaryCall(&context, path, request, &queue);
    call->StartCall();
    call->Finish(&reply, &status, nullptr);
    void *tag = nullptr;
    bool ok = false;
    queue.Next(&tag, &ok);
    return status;
  }

  std::unique_ptr<anycable::RPC::Stub> rpc;
  std::unique_ptr<grpc::health::v1::Health::Stub> health;

private:
  std::shared_ptr<grpc::Channel> channel_;
};

void UntilTold() {
  std::cout << "running" << std::endl;
  std::string line;
  std::getline(std::cin, line);
}

// --- scenarios -------------------------------------------------------------

void Connect(Client &client) {
  anycable::ConnectionRequest request;
  request.mutable_env()->set_url("http://localhost/cable?user=jack");
  (*request.mutable_env()->mutable_headers())["cookie"] = "a=b";
  anycable::ConnectionResponse response;
  Context context;
  Expect(client.rpc->Connect(&context, request, &response));
  Expect(response.status() == anycable::SUCCESS, "no success");
  Expect(response.identifiers(), "{\"user\":\"jack\"}");
  Expect(response.transmissions_size() == 1, "not one transmission");
  Expect(response.transmissions(0), "{\"type\":\"welcome\"}");
  Expect(response.env().cstate().at("user"), "jack");
}

void Reject(Client &client) {
  anycable::ConnectionRequest request;
  request.mutable_env()->set_url("http://localhost/cable?user=nobody");
  anycable::ConnectionResponse response;
  Context context;
  Expect(client.rpc->Connect(&context, request, &response));
  Expect(response.status() == anycable::FAILURE, "let in");
  Expect(response.transmissions_size() == 1, "not told so");
  anycable::CommandResponse command;
  Expect(client.Say(Message("reject"), &command));
  Expect(command.status() == anycable::FAILURE, "not rejected");
}

void Command(Client &client) {
  anycable::CommandMessage request = Message("subscribe", "room 1");
  (*request.mutable_env()->mutable_cstate())["user"] = "jack";
  anycable::CommandResponse response;
  Expect(client.Say(request, &response));
  Expect(response.status() == anycable::SUCCESS, "no success");
  Expect(response.streams_size() == 1, "not one stream");
  Expect(response.streams(0), "room 1");
  Expect(response.transmissions(0), "{\"type\":\"confirm_subscription\"}");
  Expect(response.env().istate().at("room"), "room 1");
  Expect(response.env().cstate().at("was"), "jack");
  response.Clear();
  Expect(client.Say(Message("unsubscribe"), &response));
  Expect(response.status() == anycable::SUCCESS && response.stop_streams(),
         "streams not stopped");
  Expect(client.Ask("echo", "ключ \" 🔑"), Echo("ключ \\\" 🔑"));
}

void Disconnect(Client &client) {
  const int before = client.Counter("disconnects");
  anycable::DisconnectRequest request;
  request.set_identifiers("{\"user\":\"jack\"}");
  request.add_subscriptions(kId);
  request.add_subscriptions("other");
  (*request.mutable_env()->mutable_istate())[kId] = "{\"room\":\"room 1\"}";
  anycable::DisconnectResponse response;
  Context context;
  Expect(client.rpc->Disconnect(&context, request, &response));
  Expect(response.error_msg(), "");
  Expect(response.status() == anycable::SUCCESS, "no success");
  Expect(client.Counter("disconnects") == before + 1, "not counted");
}

void MetadataEcho(Client &client) {
  Context context(10, {{"protov", "v1"},
                       {"sid", "s1"},
                       {"x-text", "a, b"},
                       {"x-blob-bin", std::string("\0\xff\n", 3)}});
  anycable::CommandResponse response;
  Expect(client.rpc->Command(&context, Message("metadata"), &response));
  Expect(response.transmissions_size() == 1, "not one transmission");
  Expect(response.transmissions(0),
         "{\"sid\":\"s1\",\"protov\":\"v1\",\"x-text\":\"a, b\","
         "\"x-blob-bin\":\"00ff0a\"}");
}

void Version(Client &client) {
  Context context(10, {});
  anycable::CommandResponse response;
  Expect(client.rpc->Command(&context, Message("echo"), &response));
  Expect(response.status() == anycable::ERROR, "no error");
}

void ErrorText(Client &client) {
  anycable::CommandResponse response;
  Expect(client.Say(Message("error", kSays), &response));
  Expect(response.status() == anycable::ERROR, "no error");
  Expect(response.error_msg(), kSays);
}

void Unimplemented(Client &client) {
  for (const char *path :
       {"/anycable.RPC/Nothing", "/anycable.Nothing/Command"})
    Expect(client.Generic(path), grpc::UNIMPLEMENTED);
}

void Deadline(Client &client) {
  const int before = client.Counter("cancelled");
  anycable::CommandResponse response;
  Expect(client.Say(Message("hold"), &response, 0.2), grpc::DEADLINE_EXCEEDED);
  client.Until("cancelled", before);
}

void Cancel(Client &client) {
  const int held = client.Counter("held");
  const int cancelled = client.Counter("cancelled");
  Context context;
  std::future<grpc::Status> call = std::async(std::launch::async, [&] {
    anycable::CommandResponse response;
    return client.rpc->Command(&context, Message("hold"), &response);
  });
  client.Until("held", held);
  context.TryCancel();
  client.Until("cancelled", cancelled);
  Expect(call.get(), grpc::CANCELLED);
}

size_t Room() {
  return k4MiB - Message("length").ByteSizeLong() - 5;
}

std::string Length(size_t length) {
  return "{\"length\":" + std::to_string(length) + "}";
}

void Large(Client &client) {
  const std::string data(Room(), 'x');
  Expect(Message("length", data).ByteSizeLong() == k4MiB, "not 4 MiB");
  Expect(client.Ask("length", data), Length(data.size()));
}

void TooLarge(Client &client) {
  anycable::CommandResponse response;
  Expect(client.Say(Message("length", std::string(Room() + 1, 'x')), &response),
         grpc::RESOURCE_EXHAUSTED);
  Expect(client.Ask("length", "x"), Length(1));
}

void LargeReply(Client &client) {
  anycable::CommandResponse response;
  Expect(client.Say(Message("reply", std::to_string(k4MiB - 7)), &response));
  Expect(response.ByteSizeLong() == k4MiB, "not 4 MiB");
  response.Clear();
  Expect(client.Say(Message("reply", std::to_string(k4MiB - 6)), &response));
  Expect(response.status() == anycable::ERROR &&
             response.transmissions_size() == 0,
         "no error");
}

void Parallel(Client &client) {
  std::vector<std::future<std::string>> calls;
  for (int i = 0; i < 100; i++)
    calls.push_back(std::async(std::launch::async, [&client, i] {
      return client.Ask("echo", std::to_string(i));
    }));
  for (int i = 0; i < 100; i++)
    Expect(calls[size_t(i)].get(), Echo(std::to_string(i)));
}

grpc::Status Check(Client &client, const std::string &service,
                   HealthCheckResponse *response) {
  HealthCheckRequest request;
  request.set_service(service);
  Context context;
  return client.health->Check(&context, request, response);
}

void Health(Client &client) {
  HealthCheckResponse response;
  for (const char *service : {"", "anycable.RPC"}) {
    Expect(Check(client, service, &response));
    Expect(response.status() == HealthCheckResponse::SERVING, "not serving");
  }
  Expect(Check(client, "nothing", &response), grpc::NOT_FOUND);
}

struct Watcher {
  Watcher(Client &client, const std::string &service) {
    HealthCheckRequest request;
    request.set_service(service);
    reader = client.health->Watch(&context, request);
  }

  void Next(HealthCheckResponse::ServingStatus status) {
    HealthCheckResponse response;
    Expect(reader->Read(&response), "the stream ended");
    Expect(response.status() == status,
           "serving status " + std::to_string(response.status()));
  }

  Context context;
  std::unique_ptr<grpc::ClientReader<HealthCheckResponse>> reader;
};

void Watch(Client &client) {
  const std::map<std::string, HealthCheckResponse::ServingStatus> expected = {
      {"", HealthCheckResponse::SERVING},
      {"anycable.RPC", HealthCheckResponse::SERVING},
      {"nothing", HealthCheckResponse::SERVICE_UNKNOWN}};
  for (const auto &[service, status] : expected) {
    Watcher watcher(client, service);
    watcher.Next(status);
    watcher.context.TryCancel();
    HealthCheckResponse response;
    Expect(!watcher.reader->Read(&response), "more after cancelling");
    Expect(watcher.reader->Finish(), grpc::CANCELLED);
  }
}

void Drain(Client &client) {
  Watcher watcher(client, "");
  watcher.Next(HealthCheckResponse::SERVING);
  std::future<std::string> call = std::async(
      std::launch::async, [&client] { return client.Ask("slow", "1000"); });
  client.Until("slow", 0);
  anycable::CommandResponse response;
  Expect(client.Say(Message("drain"), &response));
  watcher.Next(HealthCheckResponse::NOT_SERVING);
  Expect(call.get(), Echo("1000"));
  HealthCheckResponse more;
  Expect(!watcher.reader->Read(&more), "more after NOT_SERVING");
}

void Keepalive(Client &client) {
  Expect(client.Ask("echo", "1"), Echo("1"));
  UntilTold();
  Expect(client.Ask("echo", "2"), Echo("2"));
}

// Calls without a pause, until told; none may fail.
void Age(Client &client) {
  std::atomic<bool> over{false};
  std::atomic<int> calls{0};
  std::vector<std::future<void>> callers;
  for (int i = 0; i < 8; i++)
    callers.push_back(std::async(std::launch::async, [&] {
      while (!over) {
        const std::string data = std::to_string(calls++);
        Expect(client.Ask("echo", data, 3), Echo(data));
      }
    }));
  UntilTold();
  over = true;
  for (std::future<void> &caller : callers)
    caller.get();
  std::cout << "calls: " << calls << std::endl;
}

void Untrusted(Client &client) {
  anycable::CommandResponse response;
  Expect(client.Say(Message("echo"), &response), grpc::UNAVAILABLE);
}

const std::map<std::string, std::function<void(Client &)>> kScenarios = {
    {"connect", Connect},
    {"reject", Reject},
    {"command", Command},
    {"disconnect", Disconnect},
    {"metadata", MetadataEcho},
    {"version", Version},
    {"error_text", ErrorText},
    {"unimplemented", Unimplemented},
    {"deadline", Deadline},
    {"cancel", Cancel},
    {"large", Large},
    {"too_large", TooLarge},
    {"large_reply", LargeReply},
    {"parallel", Parallel},
    {"health", Health},
    {"watch", Watch},
    {"drain", Drain},
    {"keepalive", Keepalive},
    {"age", Age},
    {"untrusted", Untrusted},
};

} // namespace

int main(int argc, char **argv) {
  std::string address, ca;
  int first = 1;
  for (; first + 1 < argc && argv[first][0] == '-'; first += 2)
    (std::string(argv[first]) == "--ca" ? ca : address) = argv[first + 1];

  int failed = 0;
  for (int i = first; i < argc; i++) {
    const std::string name = argv[i];
    try {
      Client client(address, ca, name == "keepalive");
      kScenarios.at(name)(client);
      std::cout << "ok " << name << std::endl;
    } catch (const std::exception &error) {
      std::cout << "not ok " << name << ": " << error.what() << std::endl;
      failed = 1;
    }
  }
  return failed;
}
