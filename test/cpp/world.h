/* What all programs here use: an application behind a node, one client of it,
 * and checks that count. */
#ifndef WORLD_H
#define WORLD_H

#include <anycable.hpp>
#include <atomic>
#include <cstdio>
#include <string>

namespace world {

struct results {
  std::atomic<int> checks{0};
  std::atomic<int> failures{0};
};

inline results &all() {
  static results it;
  return it;
}

inline void check(bool right, const char *what, const char *file, int line) {
  all().checks++;
  if (right)
    return;
  all().failures++;
  std::printf("%s:%d: %s\n", file, line, what);
}

inline void check_equal(std::string_view is, std::string_view wanted,
                        const char *file, int line) {
  check(is == wanted, "not equal", file, line);
  if (is != wanted)
    std::printf("  is     %.*s\n  wanted %.*s\n", static_cast<int>(is.size()),
                is.data(), static_cast<int>(wanted.size()), wanted.data());
}

/* For main(): at least |wanted| checks were made, and none failed. */
inline int end(int wanted) {
  std::printf("%d checks, %d failed\n", all().checks.load(),
              all().failures.load());
  return all().failures == 0 && all().checks >= wanted ? 0 : 1;
}

/* Counts the copies of it that live. */
class counted {
public:
  explicit counted(std::atomic<int> &alive) : alive_(&alive) { ++*alive_; }
  counted(const counted &other) : alive_(other.alive_) { ++*alive_; }
  counted(counted &&other) noexcept : alive_(other.alive_) { ++*alive_; }
  counted &operator=(const counted &) = delete;
  ~counted() { --*alive_; }

private:
  std::atomic<int> *alive_;
};

constexpr const char *id = "{\"channel\":\"A\",\"room\":\"1\"}";

/* Jack, and all that he hears. Frames have ' for " and no
 * backslashes. */
class jack {
public:
  explicit jack(anycable::app &app,
                const char *url = "ws://x/cable?user=jack") {
    node = anycable_node_new(app.get());
    check(node != nullptr, anycable_app_error(app.get()), __FILE__, __LINE__);
    anycable_node_use_broker(node);
    anycable_node_on_rpc(node, record, this);
    client = anycable_node_connect(node, url, nullptr);
  }
  jack(const jack &) = delete;
  jack &operator=(const jack &) = delete;
  ~jack() { anycable_node_free(node); }

  /* What he received since the last time, one behind the other. */
  std::string heard() {
    std::string frames;
    for (;;) {
      anycable::str frame = anycable_client_receive(client);
      if (frame.empty())
        return plain(frames);
      frames += frame;
    }
  }
  std::string subscribe(const char *to = id) {
    anycable_client_subscribe(client, to);
    return heard();
  }
  std::string unsubscribe(const char *from = id) {
    anycable_client_unsubscribe(client, from);
    return heard();
  }
  std::string perform(const char *data) {
    anycable_client_perform(client, id, data);
    return heard();
  }
  /* Whether the last call ended in an error that says |text|. */
  bool failed(std::string_view text) const {
    const std::string wanted =
        "'response':{'status':0,'error_msg':'" + std::string(text) + "'";
    return rpc.find(wanted) != std::string::npos;
  }

  anycable_node *node;
  anycable_client *client;
  std::string rpc; /* the last call */

private:
  static std::string plain(std::string_view text) {
    std::string plain;
    for (char c : text) {
      if (c != '\\')
        plain += c == '"' ? '\'' : c;
    }
    return plain;
  }
  static void record(anycable_str line, void *ctx) {
    static_cast<jack *>(ctx)->rpc = plain(anycable::str(line));
  }
};

} // namespace world

#define CHECK(what)                                                            \
  world::check(static_cast<bool>(what), #what, __FILE__, __LINE__)
#define CHECK_EQUAL(is, wanted)                                                \
  world::check_equal((is), (wanted), __FILE__, __LINE__)

#endif
