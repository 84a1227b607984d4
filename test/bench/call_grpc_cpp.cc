// One call by grpc C++'s client: the message on standard input goes to the
// method, the reply to standard output. `make bench` asks every server once
// before it loads it, as h2load cannot see what is in an answer.
//
//     call_grpc_cpp 127.0.0.1:50051 /anycable.RPC/Command < message > reply

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <chrono>
#include <iostream>
#include <iterator>
#include <string>
#include <vector>

int main(int argc, char **argv) {
  if (argc != 3) {
    std::cerr << "usage: " << argv[0] << " ADDRESS PATH\n";
    return 2;
  }
  const std::string message(std::istreambuf_iterator<char>(std::cin), {});
  const grpc::Slice slice(message);
  const grpc::ByteBuffer request(&slice, 1);
  grpc::ByteBuffer reply;

  grpc::GenericStub stub(
      grpc::CreateChannel(argv[1], grpc::InsecureChannelCredentials()));
  grpc::ClientContext context;
  context.AddMetadata("sid", "bench");
  context.AddMetadata("protov", "v1");
  context.set_deadline(std::chrono::system_clock::now() +
                       std::chrono::seconds(5));

  grpc::CompletionQueue queue;
  std::unique_ptr<grpc::ClientAsyncResponseReader<grpc::ByteBuffer>> call =
      stub.PrepareUnaryCall(&context, argv[2], request, &queue);
  grpc::Status status;
  call->StartCall();
  call->Finish(&reply, &status, nullptr);
  void *tag = nullptr;
  bool ok = false;
  queue.Next(&tag, &ok);
  if (!status.ok()) {
    std::cerr << "grpc-status " << status.error_code() << ": "
              << status.error_message() << "\n";
    return 1;
  }

  std::vector<grpc::Slice> slices;
  if (!reply.Dump(&slices).ok())
    return 1;
  for (const grpc::Slice &part : slices)
    std::cout.write(reinterpret_cast<const char *>(part.begin()),
                    static_cast<std::streamsize>(part.size()));
  return std::cout.flush() ? 0 : 1;
}
