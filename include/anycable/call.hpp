/* One call in C++, as callbacks see it: its request, socket, connection and
 * channel, what is read and written there, and how it is answered later. Part
 * of anycable.hpp, where the rest is told. */
#ifndef ANYCABLE_CALL_HPP
#define ANYCABLE_CALL_HPP

#include <anycable.h>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <exception>
#include <functional>
#include <limits>
#include <memory>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace anycable {

class builder;
class channel;
class connection;
class deferred;
class json;

/* --- what all of it uses -------------------------------------------------- */

/* What a callback or a function came to: an anycable_result. True for
 * outcome::done, which is also ANYCABLE_OK. */
class outcome {
public:
  constexpr outcome() noexcept = default;
  template <class T,
            class = std::enable_if_t<std::is_same_v<T, int> ||
                                     std::is_same_v<T, anycable_result>>>
  constexpr outcome(T code) noexcept : code_(code) {}

  constexpr int code() const noexcept { return code_; }
  constexpr explicit operator bool() const noexcept { return code_ == 0; }
  constexpr bool failed() const noexcept { return code_ < 0; }
  const char *what() const noexcept { return anycable_strerror(code_); }

  friend constexpr bool operator==(outcome a, outcome b) noexcept {
    return a.code_ == b.code_;
  }
  friend constexpr bool operator!=(outcome a, outcome b) noexcept {
    return a.code_ != b.code_;
  }

  static const outcome done;     /* all is well */
  static const outcome reject;   /* connection or subscription refused */
  static const outcome pending;  /* answered later, by a deferred */
  static const outcome answered; /* interceptors: answered without a handler */
  static const outcome closed;   /* server::dispatch(): drained */

private:
  int code_ = ANYCABLE_DONE;
};

inline constexpr outcome outcome::done{ANYCABLE_DONE};
inline constexpr outcome outcome::reject{ANYCABLE_REJECT};
inline constexpr outcome outcome::pending{ANYCABLE_PENDING};
inline constexpr outcome outcome::answered{ANYCABLE_ANSWERED};
inline constexpr outcome outcome::closed{ANYCABLE_CLOSED};

/* What constructors throw. */
class error : public std::runtime_error {
public:
  error(outcome code, const char *why)
      : std::runtime_error(*why ? why : code.what()), code_(code) {}
  outcome code() const noexcept { return code_; }

private:
  outcome code_;
};

/* A string with a NUL behind it, for names: a literal, or a std::string that
 * lives as long as the call of the function. Nothing at all, where that makes
 * sense, is {}. */
class zstring {
public:
  constexpr zstring() noexcept = default;
  constexpr zstring(const char *text) noexcept : text_(text) {}
  zstring(const std::string &text) noexcept : text_(text.c_str()) {}
  constexpr operator const char *() const noexcept { return text_; }

private:
  const char *text_ = nullptr;
};

using milliseconds = std::chrono::milliseconds;

/* A std::string_view that converts to an anycable_str and back. What the
 * library hands out has a NUL behind it. */
class str : public std::string_view {
public:
  constexpr str() noexcept = default;
  template <class T, class = std::enable_if_t<
                         std::is_convertible_v<T &&, std::string_view>>>
  constexpr str(T &&from) : std::string_view(std::forward<T>(from)) {}
  constexpr str(anycable_str c) noexcept : std::string_view(c.ptr, c.len) {}
  constexpr operator anycable_str() const noexcept { return {data(), size()}; }

  /* For %.*s, which wants an int and does not want NULL. */
  constexpr int width() const noexcept {
    constexpr std::size_t max = std::numeric_limits<int>::max();
    return static_cast<int>(size() < max ? size() : max);
  }
  constexpr const char *bytes() const noexcept { return empty() ? "" : data(); }
};

namespace detail {

/* A pointer that is not ours. */
template <class T> class view {
public:
  explicit view(T *raw = nullptr) noexcept : c(raw) {}
  T *get() const noexcept { return c; }
  explicit operator bool() const noexcept { return c != nullptr; }

protected:
  T *c;
};

inline void refuse([[maybe_unused]] outcome code,
                   [[maybe_unused]] const char *why) {
#if defined(__cpp_exceptions)
  throw error(code, why);
#endif
}

/* A pointer that is ours. */
template <class T, void (*Free)(T *)> class owner {
public:
  T *get() const noexcept { return raw_.get(); }
  explicit operator bool() const noexcept { return raw_ != nullptr; }

protected:
  owner() noexcept = default;
  explicit owner(T *taken) : raw_(taken) {
    if (!taken)
      refuse(ANYCABLE_ERR_NOMEM, "");
  }
  T *release() noexcept { return raw_.release(); }
  /* What was made with |code|, or why it was not. */
  void take(T *made, outcome code, const char *why) {
    raw_.reset(made);
    if (!made)
      refuse(code, why);
  }

private:
  struct deleter {
    void operator()(T *raw) const noexcept { Free(raw); }
  };
  std::unique_ptr<T, deleter> raw_;
};

} // namespace detail

/* How to publish; see anycable_publish_options. */
struct publish_options {
  str exclude_socket = {};
  str broadcast_type = {};
  bool transient = false;
  bool immediate = false;
  int big_integers = ANYCABLE_BIG_INTEGERS_REFUSED;
  void *tag = nullptr;

  operator anycable_publish_options() const noexcept {
    anycable_publish_options c{};
    c.size = sizeof(c);
    c.exclude_socket = exclude_socket;
    c.broadcast_type = broadcast_type;
    c.transient = transient;
    c.immediate = immediate;
    c.big_integers = big_integers;
    c.tag = tag;
    return c;
  }
};

/* --- one call ------------------------------------------------------------- */

/* What AnyCable asked; see anycable/request.h. */
class request : public detail::view<const anycable_request> {
public:
  using view::view;
  int method() const { return anycable_request_method(c); }
  str url() const { return anycable_request_url(c); }
  str path() const { return anycable_request_path(c); }
  str query(zstring name) const { return anycable_request_query(c, name); }
  str header(zstring name) const { return anycable_request_header(c, name); }
  str cookie(zstring name) const { return anycable_request_cookie(c, name); }
  str remote_addr() const { return anycable_request_remote_addr(c); }
  str sid() const { return anycable_request_sid(c); }
  str metadata(zstring name) const {
    return anycable_request_metadata(c, name);
  }
  str identifiers() const { return anycable_request_identifiers(c); }
  str command() const { return anycable_request_command(c); }
  str identifier() const { return anycable_request_identifier(c); }
  str data() const { return anycable_request_data(c); }
  std::size_t subscription_count() const {
    return anycable_request_subscription_count(c);
  }
  str subscription(std::size_t index) const {
    return anycable_request_subscription(c, index);
  }
};

/* The stub of a client's socket; see anycable/socket.h. */
class socket : public detail::view<anycable_socket> {
public:
  using view::view;
  anycable::request request() const {
    return anycable::request(anycable_socket_request(c));
  }
  anycable_app *app() const { return anycable_socket_app(c); }

  outcome transmit(str frame) const {
    return anycable_socket_transmit(c, frame);
  }
  outcome subscribe(str identifier, str stream) const {
    return anycable_socket_subscribe(c, identifier, stream);
  }
  outcome unsubscribe(str identifier, str stream) const {
    return anycable_socket_unsubscribe(c, identifier, stream);
  }
  outcome unsubscribe_from_all(str identifier) const {
    return anycable_socket_unsubscribe_from_all(c, identifier);
  }
  outcome whisper(str stream) const {
    return anycable_socket_whisper(c, stream);
  }
  outcome presence_join(str stream, str id, str info = {}) const {
    return anycable_socket_presence_join(c, stream, id, info);
  }
  outcome presence_leave() const { return anycable_socket_presence_leave(c); }
  outcome close() const { return anycable_socket_close(c); }

  str cstate(zstring key) const { return anycable_socket_cstate(c, key); }
  outcome set_cstate(zstring key, str value) const {
    return anycable_socket_set_cstate(c, key, value);
  }
  str istate(zstring key) const { return anycable_socket_istate(c, key); }
  outcome set_istate(zstring key, str value) const {
    return anycable_socket_set_istate(c, key, value);
  }
  str istate_of(str identifier, zstring key) const {
    return anycable_socket_istate_of(c, identifier, key);
  }
  str session() const { return anycable_socket_session(c); }
  outcome set_session(str session) const {
    return anycable_socket_set_session(c, session);
  }

  outcome broadcast(str stream, str json,
                    const publish_options &options = {}) const {
    const anycable_publish_options raw = options;
    return anycable_socket_broadcast(c, stream, json, &raw);
  }
  outcome broadcast_string(str stream, str string,
                           const publish_options &options = {}) const {
    const anycable_publish_options raw = options;
    return anycable_socket_broadcast_string(c, stream, string, &raw);
  }

  outcome fail(str why) const {
    return anycable_socket_fail(c, "%.*s", why.width(), why.bytes());
  }
  outcome reject(str why = {}) const {
    return anycable_socket_reject(c, "%.*s", why.width(), why.bytes());
  }
  /* An empty one where there are too many already. */
  [[nodiscard]] deferred defer() const;

  milliseconds time_left() const {
    return milliseconds(anycable_socket_time_left(c));
  }
  [[nodiscard]] void *alloc(std::size_t size) const {
    return anycable_socket_alloc(c, size);
  }
  str quote(str string) const { return anycable_socket_quote(c, string); }
  /* |level| is an anycable_log_level. */
  void log(int level, str string) const {
    anycable_socket_log(c, level, "%.*s", string.width(), string.bytes());
  }
};

/* See anycable/connection.h. */
class connection : public detail::view<anycable_connection> {
public:
  using view::view;
  anycable::socket socket() const {
    return anycable::socket(anycable_connection_socket(c));
  }
  anycable::request request() const {
    return anycable::request(anycable_connection_request(c));
  }
  str param(zstring name) const { return anycable_connection_param(c, name); }

  outcome identify(zstring name, str value) const {
    return anycable_connection_identify(c, name, value);
  }
  str identifier(zstring name) const {
    return anycable_connection_identifier(c, name);
  }
  str identifiers() const { return anycable_connection_identifiers(c); }

  outcome transmit(str frame) const {
    return anycable_connection_transmit(c, frame);
  }
  str cstate(zstring key) const { return anycable_connection_cstate(c, key); }
  outcome set_cstate(zstring key, str value) const {
    return anycable_connection_set_cstate(c, key, value);
  }

  outcome reject(zstring reason = {}, bool reconnect = false) const {
    return anycable_connection_reject(c, reason, reconnect);
  }
  outcome fail(str why) const { return socket().fail(why); }
  /* An empty one where there are too many already. */
  [[nodiscard]] deferred defer() const;
};

/* See anycable/channel.h. */
class channel : public detail::view<anycable_channel> {
public:
  using view::view;
  anycable::connection connection() const {
    return anycable::connection(anycable_channel_connection(c));
  }
  anycable::socket socket() const {
    return anycable::socket(anycable_channel_socket(c));
  }
  str name() const { return anycable_channel_name(c); }
  str identifier() const { return anycable_channel_identifier(c); }
  str action() const { return anycable_channel_action(c); }
  str param(zstring name) const { return anycable_channel_param(c, name); }
  str data_string(zstring name) const {
    return anycable_channel_data_string(c, name);
  }
  json params() const;
  json data() const;

  outcome transmit(str json) const {
    return anycable_channel_transmit(c, json);
  }
  outcome transmit_string(str string) const {
    return anycable_channel_transmit_string(c, string);
  }
  outcome transmit_frame(str frame) const {
    return anycable_channel_transmit_frame(c, frame);
  }

  str stream(zstring prefix, str value) const {
    return anycable_channel_stream(c, prefix, value);
  }
  outcome stream_from(str name) const { return stream_from({}, name); }
  outcome stream_from(zstring prefix, str value) const {
    return anycable_channel_stream_from(c, prefix, value);
  }
  outcome stop_stream(str name) const { return stop_stream({}, name); }
  outcome stop_stream(zstring prefix, str value) const {
    return anycable_channel_stop_stream(c, prefix, value);
  }
  outcome stop_all_streams() const {
    return anycable_channel_stop_all_streams(c);
  }
  outcome whisper(str stream) const {
    return anycable_channel_whisper(c, stream);
  }
  outcome presence_join(str stream, str id, str info = {}) const {
    return anycable_channel_presence_join(c, stream, id, info);
  }
  outcome presence_leave() const { return anycable_channel_presence_leave(c); }

  str istate(zstring key) const { return anycable_channel_istate(c, key); }
  outcome set_istate(zstring key, str value) const {
    return anycable_channel_set_istate(c, key, value);
  }
  str cstate(zstring key) const { return anycable_channel_cstate(c, key); }
  outcome set_cstate(zstring key, str value) const {
    return anycable_channel_set_cstate(c, key, value);
  }

  outcome broadcast(str stream, str json) const {
    return anycable_channel_broadcast(c, stream, json);
  }
  outcome broadcast_to_others(str stream, str json) const {
    return anycable_channel_broadcast_to_others(c, stream, json);
  }

  outcome reject(str why = {}) const { return socket().reject(why); }
  outcome fail(str why) const { return socket().fail(why); }
  outcome close(zstring reason = {}, bool reconnect = true) const {
    return anycable_channel_close(c, reason, reconnect);
  }
  /* An empty one where there are too many already. */
  [[nodiscard]] deferred defer() const;
};

/* A call that is answered later, from any thread; see anycable/deferred.h.
 *
 *     anycable::deferred later = chat.defer();
 *     if (!later)
 *       return chat.fail("too busy");
 *     pool.run([later = std::move(later)]() mutable {
 *       later.channel().transmit(slow());
 *       later.finish();
 *     });
 *     return anycable::outcome::pending;
 *
 * One that is dropped unfinished, as by an exception, ends its call in Status
 * ERROR. Do not keep it in what the application's own callbacks own: it keeps
 * the application alive. */
class deferred {
public:
  deferred() noexcept = default;
  /* Takes |raw|. */
  explicit deferred(anycable_deferred *raw) noexcept : raw_(raw) {}
  deferred(deferred &&other) noexcept
      : raw_(std::exchange(other.raw_, nullptr)),
        watch_(std::move(other.watch_)) {}
  deferred &operator=(deferred &&other) noexcept {
    if (this != &other) {
      drop();
      raw_ = std::exchange(other.raw_, nullptr);
      watch_ = std::move(other.watch_);
    }
    return *this;
  }
  ~deferred() { drop(); }

  anycable_deferred *get() const noexcept { return raw_; }
  explicit operator bool() const noexcept { return raw_ != nullptr; }

  /* Good until finish(). Without a value where the call has none, as in a
   * factory of one's own. */
  anycable::channel channel() const {
    return anycable::channel(anycable_deferred_channel(raw_));
  }
  anycable::connection connection() const {
    return anycable::connection(anycable_deferred_connection(raw_));
  }
  anycable::socket socket() const {
    return anycable::socket(anycable_deferred_socket(raw_));
  }
  bool cancelled() const { return anycable_deferred_cancelled(raw_); }

  /* Calls |fn|, once, on the server's I/O thread, when nobody waits for the
   * answer any more; see anycable_deferred_on_cancel(). It must not touch the
   * call, and what it throws is lost. It lives as long as the deferred.
   * Returns: ANYCABLE_ERR_STATE the second time, and once it is finished. */
  template <class F> outcome on_cancel(F &&fn);

  /* Ends the call, and lets go of it: its channel, connection and socket must
   * not be touched any more. ANYCABLE_ERR_STATE the second time. */
  outcome finish(outcome how = outcome::done) {
    if (!raw_)
      return ANYCABLE_ERR_STATE;
    outcome result = anycable_deferred_finish(raw_, how.code());
    drop();
    return result;
  }

private:
  struct watch : std::enable_shared_from_this<watch> {
    virtual ~watch() = default;
    virtual void cancelled() noexcept = 0;
  };
  template <class F> struct watch_with;

  /* |fn| may be what drops us. */
  static void tell(anycable_deferred *, void *ctx) noexcept {
    std::shared_ptr<watch> kept = static_cast<watch *>(ctx)->shared_from_this();
    kept->cancelled();
  }
  /* Waits for a |watch| that runs on another thread. */
  void drop() noexcept {
    anycable_deferred_free(std::exchange(raw_, nullptr));
    watch_.reset();
  }

  anycable_deferred *raw_ = nullptr;
  std::shared_ptr<watch> watch_;
};

inline deferred socket::defer() const {
  return deferred(anycable_socket_defer(c));
}
inline deferred connection::defer() const {
  return deferred(anycable_connection_defer(c));
}
inline deferred channel::defer() const {
  return deferred(anycable_channel_defer(c));
}

/* --- JSON ----------------------------------------------------------------- */

/* Reading: a value in what was read, perhaps none; see anycable/json.h.
 *
 *     std::int64_t count = order.integer("count").value_or(1);
 *     for (anycable::json tag : order["tags"])
 *       use(tag.string());
 *
 * Functions take the name of a member, or nothing for the value itself. */
class json : public detail::view<const anycable_json> {
public:
  using view::view;

  /* Reads |text|, which must live as long as the call. Without a value if it is
   * no JSON: |*why| tells. */
  static json read(const socket &of, str string, outcome *why = nullptr) {
    const anycable_json *raw = nullptr;
    outcome result = anycable_json_read(&raw, of.get(), string);
    if (why)
      *why = result;
    return json(raw);
  }

  /* An anycable_json_type. */
  int type(zstring name = {}) const { return anycable_json_type(c, name); }
  /* Empty where there is none, as all texts. */
  str string(zstring name = {}) const { return anycable_json_string(c, name); }
  str text(zstring name = {}) const { return anycable_json_text(c, name); }
  std::optional<std::int64_t> integer(zstring name = {}) const {
    return read_as<std::int64_t>(anycable_json_int, name);
  }
  std::optional<double> number(zstring name = {}) const {
    return read_as<double>(anycable_json_number, name);
  }
  std::optional<bool> boolean(zstring name = {}) const {
    return read_as<bool>(anycable_json_bool, name);
  }

  json operator[](zstring name) const {
    return json(anycable_json_get(c, name));
  }
  json operator[](std::size_t index) const {
    return json(anycable_json_at(c, index));
  }
  str key() const { return anycable_json_key(c); }
  std::size_t size() const { return anycable_json_count(c); }

  class iterator {
  public:
    using iterator_category = std::input_iterator_tag;
    using value_type = json;
    using difference_type = std::ptrdiff_t;
    using pointer = void;
    using reference = json;

    iterator(const anycable_json *of, std::size_t at) noexcept
        : of_(of), at_(at) {}
    json operator*() const { return json(anycable_json_at(of_, at_)); }
    iterator &operator++() noexcept {
      ++at_;
      return *this;
    }
    iterator operator++(int) noexcept { return iterator(of_, at_++); }
    friend bool operator==(iterator a, iterator b) noexcept {
      return a.at_ == b.at_;
    }
    friend bool operator!=(iterator a, iterator b) noexcept {
      return a.at_ != b.at_;
    }

  private:
    const anycable_json *of_;
    std::size_t at_;
  };
  iterator begin() const { return {c, 0}; }
  iterator end() const { return {c, size()}; }

private:
  template <class T>
  std::optional<T> read_as(int (*fn)(const anycable_json *, const char *, T *),
                           zstring name) const {
    T value{};
    return fn(c, name, &value) == ANYCABLE_OK ? std::optional<T>(value)
                                              : std::nullopt;
  }
};

inline json channel::params() const {
  return json(anycable_channel_params(c));
}
inline json channel::data() const {
  return json(anycable_channel_data(c));
}

/* Building; see anycable/builder.h.
 *
 *     anycable::builder message(chat);
 *     message.object().add("user", user).add("id", 42).end();
 *     chat.transmit(message.text());
 *
 * An error is kept: the text is empty then. */
class builder : public detail::owner<anycable_builder, anycable_builder_free> {
public:
  /* With memory of its own. Throws, as all constructors. */
  builder() : owner(anycable_builder_new()) {}
  /* In the memory of a call, which ends in Status ERROR if this does. */
  explicit builder(const socket &of)
      : owner(anycable_socket_builder(of.get())) {}
  explicit builder(const connection &of) : builder(of.socket()) {}
  explicit builder(const channel &of) : builder(of.socket()) {}

  builder &object(zstring name = {}) {
    return anycable_builder_object(get(), name), *this;
  }
  builder &array(zstring name = {}) {
    return anycable_builder_array(get(), name), *this;
  }
  builder &end() { return anycable_builder_end(get()), *this; }
  /* A text, a number, a bool, nullptr, or an anycable::json, as it came. */
  template <class T> builder &add(zstring name, const T &value) {
    if constexpr (std::is_same_v<T, bool>)
      anycable_builder_bool(get(), name, value);
    else if constexpr (std::is_same_v<T, std::nullptr_t>)
      anycable_builder_null(get(), name);
    else if constexpr (std::is_same_v<T, json>)
      raw(name, value.text());
    else if constexpr (std::is_convertible_v<const T &, str>)
      anycable_builder_string(get(), name, str(value));
    else if constexpr (std::is_floating_point_v<T>)
      anycable_builder_number(get(), name, static_cast<double>(value));
    else if constexpr (std::is_unsigned_v<T>)
      anycable_builder_uint(get(), name, value);
    else {
      static_assert(std::is_integral_v<T> && !std::is_same_v<T, char>,
                    "this is nothing that JSON has");
      anycable_builder_int(get(), name, value);
    }
    return *this;
  }
  template <class T> builder &add(const T &value) { return add({}, value); }
  /* What is JSON already. */
  builder &raw(zstring name, str json) {
    return anycable_builder_json(get(), name, json), *this;
  }
  builder &raw(str json) { return raw({}, json); }

  str text() const { return anycable_builder_text(get()); }
  outcome error() const { return anycable_builder_error(get()); }
  void reset() { anycable_builder_reset(get()); }
};

/* Who a client is, outside its calls; see anycable/identity.h. */
class identity
    : public detail::owner<anycable_identity, anycable_identity_free> {
public:
  identity() : owner(anycable_identity_new()) {}
  identity &set(zstring name, str value) {
    return anycable_identity_set(get(), name, value), *this;
  }
  /* Good until the next call of a function of this identity. */
  str json() const { return anycable_identity_json(get()); }
};

} // namespace anycable

#endif
