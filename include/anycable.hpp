/* libanycable for C++17: the C headers with objects that free themselves, and
 * with callables for callbacks.
 *
 *     anycable::app app;
 *     app.on_connect([](anycable::connection &conn) {
 *       conn.identify("user", conn.param("user"));
 *     });
 *     app.channel("ChatChannel")
 *         .on_subscribe([](anycable::channel &chat) {
 *           return chat.stream_from("chat/", chat.param("room"));
 *         })
 *         .on_action("speak", [&db](anycable::channel &chat) {
 *           db.save(chat.data_string("text"));
 *           chat.broadcast(chat.stream("chat/", chat.param("room")), "{}");
 *         });
 *     return app.main(argc, argv);
 *
 * A function here is the C function of nearly the same name, and what stands
 * there holds here: what it returns, on which threads, how long what it returns
 * is good. Of C++ is this:
 *
 * Callbacks are any callable, a lambda that can only be moved too. They return
 * nothing, which is outcome::done, an outcome or an int. The application owns
 * them and destroys them, each once, when it is freed: that is when its last
 * deferred call is, on that thread. Calls of different clients run at the same
 * time, so a callback may run on several threads at once.
 *
 * What a callback throws makes its call fail, with what() for the logs, as
 * fail() does. If it has given a deferred away before, the call is the
 * deferred's, and what() is only logged.
 *
 * Views (request, socket, connection, channel, json) own nothing, are copied
 * like pointers, and are good for as long as the call lives. All that they hand
 * out as std::string_view is, and has a NUL behind it.
 *
 * Owners are moved, not copied. Where one cannot be made, its constructor
 * throws anycable::error; without exceptions (-fno-exceptions) it is false, as
 * it is when it was moved from. Only functions that say so throw. */
#ifndef ANYCABLE_HPP
#define ANYCABLE_HPP

#include <anycable/call.hpp>
#include <tuple>

namespace anycable {

/* --- callbacks ------------------------------------------------------------ */

namespace detail {

/* Runs |run|, or |fail| with what it threw. */
template <class Run, class Fail>
auto guard(Run &&run, [[maybe_unused]] Fail &&fail) noexcept {
#if defined(__cpp_exceptions)
  try {
    return run();
  } catch (const std::exception &thrown) {
    return fail(thrown.what());
  } catch (...) {
    return fail("unknown exception");
  }
#else
  return run();
#endif
}

inline anycable_socket *socket_of(const socket &of) {
  return of.get();
}
inline anycable_socket *socket_of(const connection &of) {
  return anycable_connection_socket(of.get());
}
inline anycable_socket *socket_of(const channel &of) {
  return anycable_channel_socket(of.get());
}

/* The outcome of a handler that threw. Whoever holds a deferred may be using
 * the call just now. */
template <class View> int threw(const View &of, const char *what) noexcept {
  anycable_socket *socket = socket_of(of);
  if (!anycable_socket_deferred(socket))
    return anycable_socket_fail(socket, "%s", what);
  anycable_socket_log(socket, ANYCABLE_LOG_ERROR,
                      "thrown when the call was deferred: %s", what);
  return ANYCABLE_PENDING;
}

/* Calls |fn| for an outcome. */
template <class View, class F, class... Args>
int handle(const View &of, F &fn, Args &&...args) noexcept {
  static_assert(std::is_invocable_v<F &, Args...>,
                "the callback takes other arguments here");
  using result = std::invoke_result_t<F &, Args...>;
  static_assert(std::is_void_v<result> ||
                    std::is_convertible_v<result, outcome>,
                "a callback returns nothing, an anycable::outcome or an int");
  return guard(
      [&]() -> int {
        if constexpr (std::is_void_v<result>) {
          std::invoke(fn, std::forward<Args>(args)...);
          return ANYCABLE_DONE;
        } else {
          return outcome(std::invoke(fn, std::forward<Args>(args)...)).code();
        }
      },
      [&](const char *what) { return threw(of, what); });
}

/* What an application keeps until it is freed, the newest first. */
struct kept {
  virtual ~kept() = default;
  kept *older = nullptr;
};

template <class T> struct kept_value final : kept {
  template <class... Args>
  explicit kept_value(Args &&...args) : value{std::forward<Args>(args)...} {}
  T value;
};

struct store {
  anycable_app *app;
  kept *newest;

  static void free(void *ctx) noexcept {
    store *self = static_cast<store *>(ctx);
    while (kept *one = self->newest) {
      self->newest = one->older;
      delete one;
    }
    delete self;
  }
};

/* Makes the ctx for a C callback. Without memory, which the application is
 * told, it takes no callback any more. */
template <class T, class... Args> void *keep(store *in, Args &&...args) {
  if (!in)
    return nullptr;
  auto *made = new (std::nothrow) kept_value<T>(std::forward<Args>(args)...);
  if (!made) {
    anycable_app_refuse(in->app, ANYCABLE_ERR_NOMEM, "out of memory");
    return nullptr;
  }
  made->older = in->newest;
  in->newest = made;
  return &made->value;
}

template <class T> T &get(void *ctx) noexcept {
  return *static_cast<T *>(ctx);
}

/* C callbacks, for an F that was kept. */

template <class View, class F>
int run(decltype(std::declval<View>().get()) raw, void *ctx) noexcept {
  View of(raw);
  return handle(of, get<F>(ctx), of);
}

template <class F>
int run_data(anycable_channel *raw, anycable_str data, void *ctx) noexcept {
  channel of(raw);
  if constexpr (std::is_invocable_v<F &, channel &, std::string_view>)
    return handle(of, get<F>(ctx), of, str(data));
  else
    return handle(of, get<F>(ctx), of);
}

template <class F>
void run_after(anycable_channel *raw, int how, void *ctx) noexcept {
  channel of(raw);
  handle(of, get<F>(ctx), of, outcome(how));
}

template <class F>
anycable_channel_class *run_lookup(anycable_str name, void *ctx) noexcept {
  return guard(
      [&] { return get<F>(ctx)(str(name)).get(); },
      [](const char *) -> anycable_channel_class * { return nullptr; });
}

/* When the answer is complete: all that is left is to tell. */
template <class F, class... Args>
void report(F &fn, socket &of, Args... args) noexcept {
  guard([&] { std::invoke(fn, of, args...); },
        [&](const char *what) { of.log(ANYCABLE_LOG_ERROR, what); });
}

template <class F>
void run_error(anycable_socket *raw, int code, const char *message,
               void *ctx) noexcept {
  socket of(raw);
  report(get<F>(ctx), of, outcome(code), str(message));
}

template <class F>
void run_log(int level, const char *message, void *ctx) noexcept {
  guard([&] { get<F>(ctx)(level, str(message)); }, [](const char *) {});
}

/* Both of an interceptor, either of which may be nullptr. */
template <class Before, class After> struct interceptor {
  Before before;
  After after;

  static int run_before(anycable_socket *raw, void *ctx) noexcept {
    return run<socket, Before>(raw, &get<interceptor>(ctx).before);
  }
  static void run_after(anycable_socket *raw, int how, void *ctx) noexcept {
    socket of(raw);
    report(get<interceptor>(ctx).after, of, outcome(how));
  }
};

template <class S, class = void> constexpr bool has_identifiers = false;
template <class S>
constexpr bool has_identifiers<
    S, std::void_t<decltype(std::declval<S &>().identifiers())>> = true;
template <class S, class = void> constexpr bool has_completed = false;
template <class S>
constexpr bool has_completed<
    S, std::void_t<decltype(std::declval<S &>().completed(outcome()))>> = true;

/* A session of a factory that is a class: an S, in the call's memory. The
 * factory's ctx is what S is made of, beside the socket. */
template <class S, class... Args> struct session {
  using arguments = std::tuple<Args...>;
  socket of;
  S mine;

  template <std::size_t... I>
  session(anycable_socket *raw, const arguments &args,
          std::index_sequence<I...>)
      : of(raw), mine(make(of, std::get<I>(args)...)) {}

  static S make(socket &of, const Args &...args) {
    if constexpr (std::is_constructible_v<S, socket &, const Args &...>)
      return S(of, args...);
    else
      return S{of, args...};
  }

  static void *create(anycable_socket *raw, anycable_str, const anycable_str *,
                      std::size_t, void *ctx) noexcept {
    static_assert(alignof(session) <= alignof(std::max_align_t));
    void *room = anycable_socket_alloc(raw, sizeof(session));
    auto construct = [&] {
      new (room)
          session(raw, get<arguments>(ctx), std::index_sequence_for<Args...>());
    };
    return room && handle(socket(raw), construct) == ANYCABLE_DONE ? room
                                                                   : nullptr;
  }
  static void destroy(void *self) noexcept { get<session>(self).~session(); }

  /* Calls |fn| with S, for an outcome. */
  template <class F> static int call(void *self, F fn) noexcept {
    return handle(get<session>(self).of, fn, get<session>(self).mine);
  }
  static int open(void *self) noexcept {
    return call(self, [](S &user) { return user.open(); });
  }
  static int close(void *self) noexcept {
    return call(self, [](S &user) { return user.close(); });
  }
  static int command(void *self, anycable_str identifier, anycable_str name,
                     anycable_str data) noexcept {
    return call(self, [&](S &user) {
      return user.command(str(identifier), str(name), str(data));
    });
  }
  /* What it returns may be gone at once: it is kept in the call's memory. */
  static anycable_str identifiers(void *self) noexcept {
    anycable_str kept{};
    call(self, [&](auto &user) {
      const auto &said = user.identifiers();
      const str view = said;
      const socket &in = get<session>(self).of;
      void *room = in.alloc(view.size() + 1);
      if (room)
        kept = str(
            {static_cast<char *>(std::memcpy(room, view.bytes(), view.size())),
             view.size()});
      else
        in.fail("out of memory");
    });
    return kept;
  }
  static void completed(void *self, int how) noexcept {
    call(self, [&](auto &user) { user.completed(outcome(how)); });
  }

  static constexpr anycable_session_ops make_ops() {
    anycable_session_ops ops{};
    ops.size = sizeof(ops);
    ops.create = create;
    ops.handle_open = open;
    ops.handle_close = close;
    ops.handle_channel_command = command;
    if constexpr (has_identifiers<S>)
      ops.identifiers_json = identifiers;
    if constexpr (has_completed<S>)
      ops.completed = completed;
    ops.destroy = destroy;
    return ops;
  }
};

template <class S, class... Args>
inline constexpr anycable_session_ops ops = session<S, Args...>::make_ops();

} // namespace detail

template <class F> struct deferred::watch_with final : watch {
  template <class G> explicit watch_with(G &&g) : fn(std::forward<G>(g)) {}
  void cancelled() noexcept override {
    detail::guard([&] { fn(); }, [](const char *) {});
  }
  F fn;
};

template <class F> outcome deferred::on_cancel(F &&fn) {
  if (!raw_ || watch_)
    return ANYCABLE_ERR_STATE;
  watch_ = std::make_shared<watch_with<std::decay_t<F>>>(std::forward<F>(fn));
  anycable_deferred_on_cancel(raw_, tell, watch_.get()); /* may drop us */
  return outcome::done;
}

/* --- configuration, broadcasters ------------------------------------------ */

/* See anycable/config.h. What setters are told wrong is kept, and error() and
 * what is made of the config tell. */
class config : public detail::owner<anycable_config, anycable_config_free> {
public:
  config() : owner(anycable_config_new()) {}

  outcome set_rpc_host(zstring addresses) {
    return anycable_config_set_rpc_host(get(), addresses);
  }
  outcome add_listen_fd(int fd) {
    return anycable_config_add_listen_fd(get(), fd);
  }
  outcome set_rpc_tls(zstring cert, zstring key) {
    return anycable_config_set_rpc_tls(get(), cert, key);
  }
  outcome set_rpc_tls_client_ca(zstring ca) {
    return anycable_config_set_rpc_tls_client_ca(get(), ca);
  }
  outcome set_workers(int workers) {
    return anycable_config_set_workers(get(), workers);
  }
  outcome set_queue(int calls) {
    return anycable_config_set_queue(get(), calls);
  }
  outcome set_max_connection_age(std::chrono::seconds age) {
    return anycable_config_set_max_connection_age(
        get(), static_cast<int>(age.count()));
  }
  outcome set_version_check(bool on) {
    return anycable_config_set_version_check(get(), on);
  }
  outcome set_secret(zstring secret) {
    return anycable_config_set_secret(get(), secret);
  }
  outcome set(anycable_setting setting, zstring value) {
    return anycable_config_set(get(), setting, value);
  }
  outcome set_limit(anycable_limit limit, std::int64_t value) {
    return anycable_config_set_limit(get(), limit, value);
  }
  config &set_when_full(anycable_when_full what, milliseconds wait = {}) {
    anycable_config_set_when_full(get(), what, wait.count());
    return *this;
  }
  outcome set_log_level(int level) {
    return anycable_config_set_log_level(get(), level);
  }
  /* |fn| takes (int level, std::string_view line). It is borrowed until all
   * that is made of the config is freed, and the applications too. */
  template <class F> outcome set_log(F &fn) {
    return anycable_config_set_log(get(), detail::run_log<F>, &fn);
  }

  /* NULL where there is none. */
  const char *setting(anycable_setting which) const {
    return anycable_config_get(get(), which);
  }
  std::int64_t limit(anycable_limit which) const {
    return anycable_config_limit(get(), which);
  }
  outcome load_env() { return anycable_config_load_env(get()); }
  outcome load_args(int &argc, char **argv) {
    return anycable_config_load_args(get(), &argc, argv);
  }
  const char *error() const { return anycable_config_error(get()); }
};

/* See anycable/broadcaster.h. */
class broadcaster
    : public detail::owner<anycable_broadcaster, anycable_broadcaster_free> {
public:
  /* |adapter| as in anycable_broadcaster_new(); {} for the config's. */
  broadcaster(zstring adapter, config &with) {
    anycable_broadcaster *made = nullptr;
    outcome code = anycable_broadcaster_new(&made, adapter, with.get());
    take(made, code, with.error());
  }
  /* Takes |raw|, such as one of anycable_broadcaster_ref(). */
  explicit broadcaster(anycable_broadcaster *raw) : owner(raw) {}

  outcome publish(str stream, str json, const publish_options &options = {}) {
    const anycable_publish_options c = options;
    return anycable_broadcaster_publish(get(), stream, json, &c);
  }
  outcome publish_string(str stream, str string,
                         const publish_options &options = {}) {
    const anycable_publish_options c = options;
    return anycable_broadcaster_publish_string(get(), stream, string, &c);
  }
  outcome disconnect(str identifiers, bool reconnect) {
    return anycable_broadcaster_disconnect(get(), identifiers, reconnect);
  }
  outcome begin_batch() { return anycable_broadcaster_begin_batch(get()); }
  outcome end_batch() { return anycable_broadcaster_end_batch(get()); }
  /* A negative |timeout|: no bound. */
  outcome flush(milliseconds timeout) {
    return anycable_broadcaster_flush(get(), timeout.count());
  }
  anycable_broadcast_counts counts() const {
    anycable_broadcast_counts c{};
    c.size = sizeof(c);
    anycable_broadcaster_counts(get(), &c);
    return c;
  }
  std::string error() const {
    std::string why(anycable_broadcaster_error(get(), nullptr, 0), '\0');
    std::size_t now =
        anycable_broadcaster_error(get(), why.data(), why.size() + 1);
    why.resize(now < why.size() ? now : why.size());
    return why;
  }
};

/* --- the application ------------------------------------------------------ */

/* A channel to add callbacks to, borrowed from its application; copied like a
 * pointer. See anycable/channel.h. */
class channel_class : public detail::view<anycable_channel_class> {
public:
  channel_class() noexcept = default;
  channel_class(anycable_channel_class *raw, detail::store *store) noexcept
      : view(raw), store_(store) {}

  /* |fn| takes (anycable::channel &). */
  template <class F> channel_class &on_subscribe(F &&fn) {
    return anycable_channel_class_on_subscribe(c, run<F>,
                                               keep(std::forward<F>(fn))),
           *this;
  }
  template <class F> channel_class &on_unsubscribe(F &&fn) {
    return anycable_channel_class_on_unsubscribe(c, run<F>,
                                                 keep(std::forward<F>(fn))),
           *this;
  }
  template <class F> channel_class &before(F &&fn) {
    return anycable_channel_class_before(c, run<F>, keep(std::forward<F>(fn))),
           *this;
  }
  /* |fn| takes (anycable::channel &, anycable::outcome). */
  template <class F> channel_class &after(F &&fn) {
    return anycable_channel_class_after(c, detail::run_after<std::decay_t<F>>,
                                        keep(std::forward<F>(fn))),
           *this;
  }
  /* |fn| takes (anycable::channel &, std::string_view data), or the first
   * alone. */
  template <class F> channel_class &on_action(zstring action, F &&fn) {
    return anycable_channel_class_on_action(c, action,
                                            detail::run_data<std::decay_t<F>>,
                                            keep(std::forward<F>(fn))),
           *this;
  }
  template <class F> channel_class &on_receive(F &&fn) {
    return anycable_channel_class_on_receive(
               c, detail::run_data<std::decay_t<F>>, keep(std::forward<F>(fn))),
           *this;
  }

private:
  template <class F>
  static constexpr auto run = detail::run<channel, std::decay_t<F>>;
  template <class F> void *keep(F &&fn) {
    return detail::keep<std::decay_t<F>>(store_, std::forward<F>(fn));
  }

  detail::store *store_ = nullptr;
};

/* See anycable/app.h. What was registered wrong is kept, and the server's
 * constructor and main() tell. */
class app : public detail::owner<anycable_app, anycable_app_free> {
public:
  app() : owner(anycable_app_new()) {
    store_ = new (std::nothrow) detail::store{get(), nullptr};
    if (store_ &&
        anycable_app_on_free(get(), store_->free, store_) != ANYCABLE_OK)
      store_ = nullptr; /* freed */
    if (!store_)
      detail::refuse(ANYCABLE_ERR_NOMEM, "");
  }
  app(app &&other) noexcept
      : owner(std::move(other)), store_(std::exchange(other.store_, nullptr)) {}
  app &operator=(app &&other) noexcept {
    detail::store *theirs = std::exchange(other.store_, nullptr);
    owner::operator=(std::move(other));
    store_ = theirs;
    return *this;
  }

  /* |fn| takes (anycable::connection &). */
  template <class F> app &on_connect(F &&fn) {
    return anycable_app_on_connect(get(), run<F>, keep(std::forward<F>(fn))),
           *this;
  }
  template <class F> app &on_connect(zstring path, F &&fn) {
    return anycable_app_on_connect_at(get(), path, run<F>,
                                      keep(std::forward<F>(fn))),
           *this;
  }
  template <class F> app &on_disconnect(F &&fn) {
    return anycable_app_on_disconnect(get(), run<F>, keep(std::forward<F>(fn))),
           *this;
  }
  template <class F> app &on_disconnect(zstring path, F &&fn) {
    return anycable_app_on_disconnect_at(get(), path, run<F>,
                                         keep(std::forward<F>(fn))),
           *this;
  }

  /* Good for as long as the application lives, also when it is moved. */
  channel_class channel(zstring name = {}) {
    return channel_class(anycable_app_channel(get(), name), store_);
  }
  /* |fn| takes (std::string_view name) and returns a channel_class. What it
   * throws is lost, and there is no such channel. */
  template <class F> app &channel_lookup(F &&fn) {
    return anycable_app_channel_lookup(get(),
                                       detail::run_lookup<std::decay_t<F>>,
                                       keep(std::forward<F>(fn))),
           *this;
  }

  /* A framework of one's own: for every call an S is made of the call's socket
   * and |args|, which are kept and given as const (std::ref() for what is not),
   * and one of its functions is called. See anycable/session.h.
   *
   *     class session {
   *     public:
   *       session(anycable::socket &socket, database &db);
   *       anycable::outcome open();
   *       anycable::outcome close();
   *       anycable::outcome command(std::string_view identifier,
   *                                 std::string_view command,
   *                                 std::string_view data);
   *       std::string identifiers();             // if there are any
   *       void completed(anycable::outcome how); // if it minds
   *     };
   *     app.factory<session>(std::ref(db)); */
  template <class S, class... Args> app &factory(Args &&...args) {
    void *ctx = detail::keep<std::tuple<std::decay_t<Args>...>>(
        store_, std::forward<Args>(args)...);
    anycable_app_set_factory(get(), &detail::ops<S, std::decay_t<Args>...>, ctx,
                             nullptr);
    return *this;
  }

  /* |before| takes (anycable::socket &), |after| that and an outcome; either
   * may be nullptr. What |after| throws is logged. */
  template <class Before, class After>
  app &add_interceptor(Before &&before, After &&after) {
    using B = std::decay_t<Before>;
    using A = std::decay_t<After>;
    using both = detail::interceptor<B, A>;
    int (*run_before)(anycable_socket *, void *) = nullptr;
    void (*run_after)(anycable_socket *, int, void *) = nullptr;
    if constexpr (!std::is_null_pointer_v<B>)
      run_before = both::run_before;
    if constexpr (!std::is_null_pointer_v<A>)
      run_after = both::run_after;
    anycable_app_add_interceptor(
        get(), run_before, run_after,
        detail::keep<both>(store_, std::forward<Before>(before),
                           std::forward<After>(after)));
    return *this;
  }
  /* |fn| takes (anycable::socket &, anycable::outcome, std::string_view
   * message). What it throws is logged. */
  template <class F> app &on_error(F &&fn) {
    return anycable_app_on_error(get(), detail::run_error<std::decay_t<F>>,
                                 keep(std::forward<F>(fn))),
           *this;
  }

  app &add_broadcaster(const broadcaster &one) {
    return anycable_app_add_broadcaster(get(), one.get()), *this;
  }
  /* Borrowed; NULL past the last one. */
  anycable_broadcaster *broadcaster_at(std::size_t index) const {
    return anycable_app_broadcaster(get(), index);
  }
  outcome broadcast(str stream, str json, const publish_options &options = {}) {
    const anycable_publish_options c = options;
    return anycable_app_broadcast(get(), stream, json, &c);
  }
  outcome broadcast_string(str stream, str string,
                           const publish_options &options = {}) {
    const anycable_publish_options c = options;
    return anycable_app_broadcast_string(get(), stream, string, &c);
  }
  outcome disconnect(str identifiers, bool reconnect) {
    return anycable_app_disconnect(get(), identifiers, reconnect);
  }
  outcome begin_batch() { return anycable_app_begin_batch(get()); }
  outcome end_batch() { return anycable_app_end_batch(get()); }
  /* A negative |timeout|: no bound. */
  outcome flush(milliseconds timeout) {
    return anycable_app_flush(get(), timeout.count());
  }

  const char *error() const { return anycable_app_error(get()); }

  /* Serves, and returns the exit status; see anycable_main(). The application
   * is gone then. */
  int main(int argc, char **argv) {
    store_ = nullptr;
    return anycable_main(release(), argc, argv);
  }

private:
  template <class F>
  static constexpr auto run = detail::run<connection, std::decay_t<F>>;
  template <class F> void *keep(F &&fn) {
    return detail::keep<std::decay_t<F>>(store_, std::forward<F>(fn));
  }

  detail::store *store_ = nullptr; /* the application's */
};

/* Makes one message of what the thread publishes until it is dropped; see
 * anycable_app_begin_batch(). |T| is an app or a broadcaster. */
template <class T> class batch {
public:
  explicit batch(T &of) : of_(&of) { of_->begin_batch(); }
  batch(const batch &) = delete;
  batch &operator=(const batch &) = delete;
  ~batch() { end(); }
  /* ANYCABLE_ERR_STATE the second time. */
  outcome end() {
    T *of = std::exchange(of_, nullptr);
    return of ? of->end_batch() : outcome(ANYCABLE_ERR_STATE);
  }

private:
  T *of_;
};

/* A request to pass on; its headers are to be set. */
inline anycable_http_request http_request(str method, str path, str body) {
  anycable_http_request request{};
  request.size = sizeof(request);
  request.method = method;
  request.path = path;
  request.body = body;
  return request;
}

/* See anycable/server.h, anycable/http.h and anycable/metrics.h. */
class server : public detail::owner<anycable_server, anycable_server_free> {
public:
  /* Takes |raw|. */
  explicit server(anycable_server *raw) : owner(raw) {}
  /* The application may be dropped at once. */
  server(const app &of, const config &with) {
    anycable_server *made = nullptr;
    outcome code = anycable_server_new(&made, of.get(), with.get());
    take(made, code, of.error());
  }
  [[nodiscard]] outcome start() { return anycable_server_start(get()); }
  [[nodiscard]] outcome run() { return anycable_server_run(get()); }
  [[nodiscard]] outcome dispatch() { return anycable_server_dispatch(get()); }
  int fd() const { return anycable_server_fd(get()); }
  void request_stop() noexcept { anycable_server_request_stop(get()); }
  outcome stop(milliseconds grace) {
    return anycable_server_stop(get(), grace.count());
  }
  /* Empty past the last one. */
  str address(std::size_t index = 0) const {
    return anycable_str_of(anycable_server_address(get(), index));
  }
  outcome reload_tls(zstring cert = {}, zstring key = {}) {
    return anycable_server_reload_tls(get(), cert, key);
  }
  void set_ready(bool ready) noexcept {
    anycable_server_set_ready(get(), ready);
  }
  /* |answer| takes (const anycable_http_response &), may be one that can only
   * be moved, and is destroyed when it was called. It must not throw. */
  template <class F>
  outcome http(const anycable_http_request &request, F &&answer) {
    using fn = std::decay_t<F>;
    auto kept = std::make_unique<fn>(std::forward<F>(answer));
    const outcome how = anycable_server_http(
        get(), &request,
        [](const anycable_http_response *response, void *ctx) noexcept {
          const std::unique_ptr<fn> mine(static_cast<fn *>(ctx));
          (*mine)(*response);
        },
        kept.get());
    if (how)
      kept.release();
    return how;
  }
  /* |fn| takes (const anycable_metric &), and must not throw. */
  template <class F> void metrics(F &&fn) const {
    anycable_server_metrics(
        get(),
        [](const anycable_metric *metric, void *ctx) noexcept {
          (*static_cast<std::remove_reference_t<F> *>(ctx))(*metric);
        },
        &fn);
  }
  const char *error() const { return anycable_server_error(get()); }
};

} // namespace anycable

#endif
