// Our encoder against Google's protobuf: what ours encodes, Google's must
// parse, and find the very fields of the reply.
//
// Standalone: differential_encode -n COUNT -seed SEED, the same replies every
// time.
#include <google/protobuf/stubs/logging.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <string>
#include <vector>

#include "rpc.pb.h"
#include "wire_random.h"

extern "C" {
#include "wire/encode.h"
}

namespace {

const size_t kPrefix = 5;

// A random reply, with what keeps its strings and arrays.
class Reply {
public:
  explicit Reply(uint64_t seed);

  ac_wire_reply c;
  std::map<std::string, std::string> cstate, istate;

private:
  anycable_str str() { return str(random_text(random_)); }
  anycable_str str(const std::string &text);
  ac_wire_list list(std::vector<anycable_str> *items);
  ac_wire_map map(std::vector<ac_pair> *items,
                  std::map<std::string, std::string> *same);
  size_t some() {
    return random_.one_in(40) ? random_.below(300) : random_.below(4);
  }

  Random random_;
  std::deque<std::string> texts_; // where strings do not move
  std::vector<anycable_str> lists_[3];
  std::vector<ac_pair> maps_[2];
};

anycable_str Reply::str(const std::string &text) {
  if (text.empty() && random_.one_in(2))
    return {nullptr, 0};
  texts_.push_back(text);
  return {texts_.back().data(), text.size()};
}

ac_wire_list Reply::list(std::vector<anycable_str> *items) {
  for (size_t n = some(); n > 0; n--)
    items->push_back(str());
  return {items->data(), items->size()};
}

// Unlike a request's, a reply's keys come once.
ac_wire_map Reply::map(std::vector<ac_pair> *items,
                       std::map<std::string, std::string> *same) {
  for (size_t n = some(); n > 0; n--) {
    std::string key = random_text(random_), value = random_text(random_);
    if (same->emplace(key, value).second)
      items->push_back({str(key), str(value)});
  }
  return {items->data(), items->size()};
}

Reply::Reply(uint64_t seed) : c(), random_(seed) {
  c.status = static_cast<ac_wire_status>(random_.below(3));
  c.disconnect = random_.one_in(3);
  c.stop_streams = random_.one_in(3);
  c.identifiers = str();
  c.error_msg = str();
  c.streams = list(&lists_[0]);
  c.stopped_streams = list(&lists_[1]);
  c.transmissions = list(&lists_[2]);
  c.cstate = map(&maps_[0], &cstate);
  c.istate = map(&maps_[1], &istate);
  if (random_.one_in(3))
    c.presence = {str("join"), str(), str()};
}

bool same(anycable_str ours, const std::string &theirs) {
  return theirs == (ours.len > 0 ? std::string(ours.ptr, ours.len) : "");
}

template <typename List>
bool same(const ac_wire_list &ours, const List &theirs) {
  if (ours.n != static_cast<size_t>(theirs.size()))
    return false;
  for (size_t i = 0; i < ours.n; i++)
    if (!same(ours.items[i], theirs.Get(static_cast<int>(i))))
      return false;
  return true;
}

bool same(const Reply &reply, bool has_env, const anycable::EnvResponse &env) {
  using Map = std::map<std::string, std::string>;
  return has_env == (reply.cstate.size() + reply.istate.size() > 0) &&
         Map(env.cstate().begin(), env.cstate().end()) == reply.cstate &&
         Map(env.istate().begin(), env.istate().end()) == reply.istate;
}

bool same(const Reply &reply, const anycable::ConnectionResponse &m) {
  return m.status() == static_cast<int>(reply.c.status) &&
         same(reply.c.identifiers, m.identifiers()) &&
         same(reply.c.error_msg, m.error_msg()) &&
         same(reply.c.transmissions, m.transmissions()) &&
         same(reply, m.has_env(), m.env());
}

bool same(const Reply &reply, const anycable::CommandResponse &m) {
  const ac_wire_presence &presence = reply.c.presence;
  return m.status() == static_cast<int>(reply.c.status) &&
         m.disconnect() == reply.c.disconnect &&
         m.stop_streams() == reply.c.stop_streams &&
         same(reply.c.error_msg, m.error_msg()) &&
         same(reply.c.streams, m.streams()) &&
         same(reply.c.stopped_streams, m.stopped_streams()) &&
         same(reply.c.transmissions, m.transmissions()) &&
         same(reply, m.has_env(), m.env()) &&
         m.has_presence() == (presence.type.len > 0) &&
         same(presence.type, m.presence().type()) &&
         same(presence.id, m.presence().id()) &&
         same(presence.info, m.presence().info());
}

bool same(const Reply &reply, const anycable::DisconnectResponse &m) {
  return m.status() == static_cast<int>(reply.c.status) &&
         same(reply.c.error_msg, m.error_msg());
}

template <typename Message> bool parses(const Reply &reply, anycable_str out) {
  Message message;
  return message.ParseFromArray(out.ptr + kPrefix,
                                static_cast<int>(out.len - kPrefix)) &&
         same(reply, message);
}

void check(ac_arena_pool *pool, uint64_t seed) {
  Reply reply(seed);
  ac_arena *arena = ac_arena_new(pool, SIZE_MAX);
  for (int method = 1; method <= 3; method++) {
    anycable_str out;
    bool right = ac_wire_encode(method, &reply.c, kPrefix, arena, &out) &&
                 (method == ANYCABLE_CONNECT
                      ? parses<anycable::ConnectionResponse>(reply, out)
                  : method == ANYCABLE_COMMAND
                      ? parses<anycable::CommandResponse>(reply, out)
                      : parses<anycable::DisconnectResponse>(reply, out));
    if (!right) {
      fprintf(stderr, "differential_encode: method %d, seed %llu\n", method,
              static_cast<unsigned long long>(seed));
      abort();
    }
  }
  ac_arena_free(arena);
}

} // namespace

int main(int argc, char **argv) {
  size_t n = 20000;
  uint64_t seed = 1;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (strcmp(argv[i], "-n") == 0)
      n = strtoull(argv[i + 1], nullptr, 10);
    else if (strcmp(argv[i], "-seed") == 0)
      seed = strtoull(argv[i + 1], nullptr, 10);
  }
  google::protobuf::SetLogHandler(nullptr);
  ac_arena_pool *pool = ac_arena_pool_new(4096, 4);
  Random random(seed);
  for (size_t i = 0; i < n; i++)
    check(pool, random.next());
  ac_arena_pool_release(pool);
  printf("%zu replies, each for three methods: all read back\n", n);
  return 0;
}
