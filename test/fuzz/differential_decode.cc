// Our decoder against Google's protobuf: what Google's accepts must decode to
// the same fields, but for the refusals that wire/decode.h names, which must
// then be due; what Google's refuses, ours must refuse.
//
// Standalone: differential_decode -n COUNT -seed SEED, the same inputs every
// time. With -DLIBFUZZER, a fuzz target; its first two bytes choose the method
// and the limits.
#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/stubs/logging.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "health.pb.h"
#include "random_message.h"
#include "rpc.pb.h"
#include "wire_random.h"

extern "C" {
#include "wire/decode.h"
}

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::io::CodedInputStream;

namespace {

const size_t kArenaShare = 64 * 1024;

const ac_wire_limits kLimits[] = {
    {SIZE_MAX, SIZE_MAX, SIZE_MAX},
    {65536, 1024, 16},
    {5, 3, 1},
    {40, 20, 2},
};
const size_t kProfiles = sizeof(kLimits) / sizeof(kLimits[0]);

struct Counters {
  size_t equal, refused, not_text, nul, over_limit, over_memory;
} counters;

[[noreturn]] void die(const char *what, int method, size_t profile,
                      const std::string &bytes) {
  fprintf(stderr,
          "differential_decode: %s\nmethod %d, limits %zu, %zu bytes:", what,
          method, profile, bytes.size());
  for (unsigned char c : bytes.substr(0, 4096))
    fprintf(stderr, " %02x", c);
  fprintf(stderr, "\n");
  abort();
}

// Walks over a message that Google's has accepted, and counts what our
// refusals are about. It is slow, and knows nothing of our decoder.
class Walk {
public:
  void message(const Descriptor *type, CodedInputStream *in, bool entry);

  size_t elements = 0, pairs = 0, unknown = 0, most_repeats = 0;
  size_t largest_array = 0;
  bool nul = false;
  // A map's keys, in the order in which they came first.
  std::map<int, std::vector<std::string>> keys;

private:
  void known(const FieldDescriptor *field, CodedInputStream *in);
  void skip(uint32_t tag, CodedInputStream *in);

  std::map<const FieldDescriptor *, size_t> came_, items_;
  std::map<const FieldDescriptor *, std::set<std::string>> seen_;
  std::string key_; // of the entry last read
};

void Walk::known(const FieldDescriptor *field, CodedInputStream *in) {
  uint32_t length;
  std::string bytes;
  in->ReadVarint32(&length);
  if (field->is_repeated()) {
    elements++;
    largest_array = std::max(largest_array, ++items_[field]);
  } else {
    most_repeats = std::max(most_repeats, ++came_[field]);
  }
  if (field->type() == FieldDescriptor::TYPE_STRING) {
    in->ReadString(&bytes, static_cast<int>(length));
    nul |= bytes.find('\0') != std::string::npos;
    if (field->containing_type()->options().map_entry() && field->number() == 1)
      key_ = bytes;
    return;
  }
  auto limit = in->PushLimit(static_cast<int>(length));
  if (field->is_map()) {
    pairs++;
    key_.clear();
    for (int i = 0; i < 2; i++)
      came_.erase(field->message_type()->field(i));
    message(field->message_type(), in, true);
    if (seen_[field].insert(key_).second)
      keys[field->number()].push_back(key_);
  } else {
    message(field->message_type(), in, false);
  }
  in->PopLimit(limit);
}

void Walk::skip(uint32_t tag, CodedInputStream *in) {
  uint64_t value;
  uint32_t length;
  unknown++;
  switch (tag & 7) {
  case 0:
    in->ReadVarint64(&value);
    break;
  case 1:
    in->Skip(8);
    break;
  case 2:
    in->ReadVarint32(&length);
    in->Skip(static_cast<int>(length));
    break;
  case 3:
    for (uint32_t inner; (inner = in->ReadTag()) != tag + 1;)
      skip(inner, in);
    break;
  default:
    in->Skip(4);
    break;
  }
}

void Walk::message(const Descriptor *type, CodedInputStream *in, bool) {
  while (uint32_t tag = in->ReadTag()) {
    const FieldDescriptor *field =
        type->FindFieldByNumber(static_cast<int>(tag >> 3));
    if (field && (tag & 7) == 2)
      known(field, in);
    else
      skip(tag, in);
  }
}

// Our side of one input.
struct Decoded {
  Decoded(int method, size_t profile, const std::string &bytes)
      : size(bytes.size()), data(static_cast<char *>(malloc(size + 1))) {
    memcpy(data, bytes.data(), size);
    data[size] = '!'; // the decoder's to change
    pool = ac_arena_pool_new(4096, 0);
    arena = ac_arena_new(pool, SIZE_MAX);
    used = arena->used;
    memset(&request, 0xee, sizeof(request));
    reason = "unset";
    if (method == 0)
      error = ac_wire_decode_health(data, size, &kLimits[profile], arena,
                                    &request.identifiers, &reason);
    else
      error = ac_wire_decode(method, data, size, &kLimits[profile], arena,
                             &request, &reason);
    used = arena->used - used;
  }
  ~Decoded() {
    ac_arena_free(arena);
    ac_arena_pool_release(pool);
    free(data);
  }

  // A view into the message, with a NUL at its end.
  bool shows(anycable_str s, const std::string &text) const {
    return s.ptr >= data && s.ptr + s.len <= data + size &&
           s.ptr[s.len] == '\0' && std::string(s.ptr, s.len) == text &&
           strlen(s.ptr) == s.len;
  }
  bool shows(const ac_wire_map &map,
             const google::protobuf::Map<std::string, std::string> &expected,
             const std::vector<std::string> &order) const {
    if (map.n != expected.size() || map.n != order.size())
      return false;
    for (size_t i = 0; i < map.n; i++)
      if (!shows(map.items[i].key, order[i]) ||
          !shows(map.items[i].value, expected.at(order[i])))
        return false;
    return true;
  }

  size_t size;
  char *data;
  ac_arena_pool *pool;
  ac_arena *arena;
  size_t used;
  ac_wire_request request;
  const char *reason;
  int error;
};

bool same_env(const Decoded &ours, const anycable::Env &env, Walk &walk) {
  const ac_wire_env &got = ours.request.env;
  return ours.shows(got.url, env.url()) &&
         ours.shows(got.headers, env.headers(), walk.keys[2]) &&
         ours.shows(got.cstate, env.cstate(), walk.keys[3]) &&
         ours.shows(got.istate, env.istate(), walk.keys[4]);
}

bool same(const Decoded &ours, const Message &message, int method, Walk &walk) {
  const ac_wire_request &got = ours.request;
  std::string identifiers, command, identifier, data;
  anycable::Env env;
  size_t subscriptions = 0;
  if (method == 0) {
    return ours.shows(
        got.identifiers,
        static_cast<const grpc::health::v1::HealthCheckRequest &>(message)
            .service());
  } else if (method == ANYCABLE_CONNECT) {
    env = static_cast<const anycable::ConnectionRequest &>(message).env();
  } else if (method == ANYCABLE_COMMAND) {
    auto &m = static_cast<const anycable::CommandMessage &>(message);
    env = m.env();
    identifiers = m.connection_identifiers();
    command = m.command();
    identifier = m.identifier();
    data = m.data();
  } else {
    auto &m = static_cast<const anycable::DisconnectRequest &>(message);
    env = m.env();
    identifiers = m.identifiers();
    subscriptions = static_cast<size_t>(m.subscriptions_size());
    if (got.subscriptions.n != subscriptions)
      return false;
    for (size_t i = 0; i < subscriptions; i++)
      if (!ours.shows(got.subscriptions.items[i],
                      m.subscriptions(static_cast<int>(i))))
        return false;
  }
  return got.subscriptions.n == subscriptions &&
         ours.shows(got.identifiers, identifiers) &&
         ours.shows(got.command, command) &&
         ours.shows(got.identifier, identifier) && ours.shows(got.data, data) &&
         same_env(ours, env, walk);
}

std::unique_ptr<Message> empty_message(int method) {
  switch (method) {
  case ANYCABLE_CONNECT:
    return std::make_unique<anycable::ConnectionRequest>();
  case ANYCABLE_COMMAND:
    return std::make_unique<anycable::CommandMessage>();
  case ANYCABLE_DISCONNECT:
    return std::make_unique<anycable::DisconnectRequest>();
  default:
    return std::make_unique<grpc::health::v1::HealthCheckRequest>();
  }
}

// Null where our answer is right.
const char *compare(const Decoded &ours, const Message &message, int method,
                    size_t profile, const std::string &bytes) {
  Walk walk;
  CodedInputStream in(reinterpret_cast<const uint8_t *>(bytes.data()),
                      static_cast<int>(bytes.size()));
  walk.message(message.GetDescriptor(), &in, false);
  const ac_wire_limits &limits = kLimits[profile];
  bool over = walk.elements > limits.elements ||
              walk.unknown > limits.unknown_fields ||
              walk.most_repeats > limits.singular_repeats;
  size_t memory = 40 * walk.pairs + 24 * (walk.elements - walk.pairs);
  if (ours.error == ANYCABLE_OK) {
    if (walk.nul)
      return "a NUL was accepted";
    if (over)
      return "what is over a limit was accepted";
    if (!same(ours, message, method, walk))
      return "fields differ";
    counters.equal++;
    return nullptr;
  }
  if (ours.error == ANYCABLE_ERR_PROTO && walk.nul &&
      strstr(ours.reason, "NUL")) {
    counters.nul++;
    return nullptr;
  }
  if (ours.error != ANYCABLE_ERR_LIMIT)
    return "a valid message was refused";
  if (over) {
    counters.over_limit++;
    return nullptr;
  }
  if (walk.largest_array > 8 && memory > 3 * bytes.size() + kArenaShare / 2) {
    counters.over_memory++;
    return nullptr;
  }
  return "refused for a limit that was not reached";
}

void check(int method, size_t profile, const std::string &bytes) {
  Decoded ours(method, profile, bytes);
  std::unique_ptr<Message> message = empty_message(method);
  const char *wrong = nullptr;
  if (message->ParseFromString(bytes)) {
    wrong = compare(ours, *message, method, profile, bytes);
  } else if (ours.error == ANYCABLE_OK) {
    wrong = "a broken message was accepted";
  } else if (ours.error == ANYCABLE_ERR_ENCODING) {
    counters.not_text++;
  } else {
    counters.refused++;
  }
  if (!wrong && (ours.error == ANYCABLE_OK) != (ours.reason == nullptr))
    wrong = "reason and error do not agree";
  if (!wrong && ours.used > 3 * bytes.size() + kArenaShare)
    wrong = "too much of the arena was used";
  if (wrong)
    die(wrong, method, profile, bytes);
}

} // namespace

#ifdef LIBFUZZER

extern "C" int LLVMFuzzerInitialize(int *, char ***) {
  google::protobuf::SetLogHandler(nullptr);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size >= 2)
    check(data[0] % 4, data[1] % kProfiles,
          std::string(reinterpret_cast<const char *>(data) + 2, size - 2));
  return 0;
}

extern "C" size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size,
                                          size_t max, unsigned seed) {
  if (seed % 64 != 0 || max < 2)
    return LLVMFuzzerMutate(data, size, max);
  data[0] = static_cast<uint8_t>(seed / 64 % 4);
  data[1] = static_cast<uint8_t>(seed / 256 % kProfiles);
  std::string bytes = random_message(seed, data[0]);
  size = std::min(bytes.size(), max - 2);
  memcpy(data + 2, bytes.data(), size);
  return size + 2;
}

#else

// Each outcome must have been met, or this has proved nothing.
static int report(size_t n) {
  const Counters &c = counters;
  printf(
      "%zu inputs: %zu equal (%.0f %%), refused by both %zu, %zu of them "
      "for their text; refused by us: NUL %zu, limits %zu, memory %zu\n",
      n, c.equal, 100.0 * static_cast<double>(c.equal) / static_cast<double>(n),
      c.refused + c.not_text, c.not_text, c.nul, c.over_limit, c.over_memory);
  if (n >= 100000 &&
      (c.equal < n * 3 / 10 || c.refused < n / 20 || c.not_text < n / 200 ||
       c.nul < n / 200 || c.over_limit < n / 200 || c.over_memory < 10)) {
    fprintf(stderr, "differential_decode: the inputs are too much alike\n");
    return 1;
  }
  return 0;
}

int main(int argc, char **argv) {
  size_t n = 200000;
  uint64_t seed = 1;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (strcmp(argv[i], "-n") == 0)
      n = strtoull(argv[i + 1], nullptr, 10);
    else if (strcmp(argv[i], "-seed") == 0)
      seed = strtoull(argv[i + 1], nullptr, 10);
  }
  google::protobuf::SetLogHandler(nullptr);
  Random random(seed);
  for (size_t i = 0; i < n; i++) {
    int method = random.one_in(20) ? 0 : 1 + static_cast<int>(random.below(3));
    size_t profile = random.one_in(2) ? 1 : random.below(kProfiles);
    check(method, profile, random_message(random.next(), method));
  }
  return report(n);
}

#endif
