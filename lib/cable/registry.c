/* What an application registers: callbacks by path, channels and actions by
 * name. All of it is found again by the factory's address. */
#include <anycable/builder.h>
#include <stdlib.h>
#include <string.h>

#include "cable/cable.h"

static void *refuse_memory(anycable_app *app, const char *what) {
  anycable_app_refuse(app, ANYCABLE_ERR_NOMEM, "%s: out of memory", what);
  return NULL;
}

/* The application's factory, if it is this one or none yet. */
static struct ac_cable *cable_of(anycable_app *app, const char *what) {
  if (!anycable_app_can_register(app, what))
    return NULL;
  struct ac_cable *cable = anycable_app_factory(app, &ac_cable_ops);
  if (cable)
    return cable;
  cable = calloc(1, sizeof(*cable));
  if (!cable)
    return refuse_memory(app, what);
  anycable_app_set_factory(app, &ac_cable_ops, cable, ac_cable_destroy);
  return anycable_app_factory(app, &ac_cable_ops);
}

/* Room for one more behind |n| elements; NULL without memory. */
static void *grow(void *items, size_t n, size_t each) {
  return realloc(items, (n + 1) * each);
}

static char *copy_text(const char *text) {
  size_t size = strlen(text) + 1;
  char *copy = malloc(size);
  return copy ? memcpy(copy, text, size) : NULL;
}

/* --- names ---------------------------------------------------------------- */

static int compare(anycable_str a, anycable_str b) {
  if (a.len != b.len)
    return a.len < b.len ? -1 : 1;
  return memcmp(a.ptr, b.ptr, a.len);
}

/* Where |text| is, or belongs. */
static bool find_place(const struct ac_cable_names *names, anycable_str text,
                       size_t *at) {
  size_t low = 0, high = names->n;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    int order = compare(text, names->items[middle].text);
    if (order == 0) {
      *at = middle;
      return true;
    }
    if (order < 0)
      high = middle;
    else
      low = middle + 1;
  }
  *at = low;
  return false;
}

const struct ac_cable_name *ac_cable_find(const struct ac_cable_names *names,
                                          anycable_str text) {
  size_t at;
  return find_place(names, text, &at) ? &names->items[at] : NULL;
}

/* Adds |text|; NULL, and the application is told, where that is not possible.
 */
static struct ac_cable_name *add_name(anycable_app *app, const char *what,
                                      struct ac_cable_names *names,
                                      const char *text) {
  size_t at;
  if (!text || !*text) {
    anycable_app_refuse(app, ANYCABLE_ERR_INVALID, "%s: there is no name",
                        what);
    return NULL;
  }
  if (find_place(names, anycable_str_of(text), &at)) {
    anycable_app_refuse(app, ANYCABLE_ERR_INVALID,
                        "%s: \"%s\" is there already", what, text);
    return NULL;
  }
  struct ac_cable_name *items = grow(names->items, names->n, sizeof(*items));
  char *copy = copy_text(text);
  if (items)
    names->items = items;
  if (!items || !copy) {
    free(copy);
    return refuse_memory(app, what);
  }
  memmove(&items[at + 1], &items[at], (names->n - at) * sizeof(*items));
  names->n++;
  items[at] = (struct ac_cable_name){.text = anycable_str_of(copy)};
  return &items[at];
}

static void free_names(struct ac_cable_names *names) {
  for (size_t i = 0; i < names->n; i++)
    free((char *)names->items[i].text.ptr);
  free(names->items);
}

/* --- doors ---------------------------------------------------------------- */

/* |path| is NULL for all others. */
static struct ac_cable_door *find_door(const struct ac_cable *cable,
                                       const char *path) {
  for (size_t i = 0; i < cable->n_doors; i++) {
    struct ac_cable_door *door = &cable->doors[i];
    if (path && door->path ? strcmp(door->path, path) == 0
                           : !path && !door->path)
      return door;
  }
  return NULL;
}

const struct ac_cable_door *ac_cable_door(const struct ac_cable *cable,
                                          anycable_str path, bool connect) {
  const char *const paths[] = {path.ptr, NULL};
  for (size_t i = 0; i < 2; i++) {
    const struct ac_cable_door *door = find_door(cable, paths[i]);
    if (door && (connect ? door->connect : door->disconnect))
      return door;
  }
  return NULL;
}

static struct ac_cable_door *door_of(anycable_app *app, const char *what,
                                     const char *path) {
  struct ac_cable *cable = cable_of(app, what);
  struct ac_cable_door *door = cable ? find_door(cable, path) : NULL;
  if (!cable || door)
    return door;
  struct ac_cable_door *doors =
      grow(cable->doors, cable->n_doors, sizeof(*doors));
  char *copy = path ? copy_text(path) : NULL;
  if (doors)
    cable->doors = doors;
  if (!doors || (path && !copy)) {
    free(copy);
    return refuse_memory(app, what);
  }
  doors[cable->n_doors] = (struct ac_cable_door){.path = copy};
  return &doors[cable->n_doors++];
}

/* May |fn| be set? Not if there is none, or another one. */
static bool settable(anycable_app *app, const char *what, bool fn, bool there) {
  if (fn && !there)
    return true;
  anycable_app_refuse(app, ANYCABLE_ERR_INVALID, "%s: %s", what,
                      fn ? "there is a callback already"
                         : "there is no callback");
  return false;
}

static bool good_path(anycable_app *app, const char *what, const char *path) {
  if (path && *path == '/')
    return true;
  anycable_app_refuse(app, ANYCABLE_ERR_INVALID,
                      "%s: a path begins with a slash", what);
  return false;
}

static void on_connect(anycable_app *app, const char *what, const char *path,
                       ac_cable_connection_fn *fn, void *ctx) {
  struct ac_cable_door *door = door_of(app, what, path);
  if (!door || !settable(app, what, fn, door->connect))
    return;
  door->connect = fn;
  door->connect_ctx = ctx;
}

static void on_disconnect(anycable_app *app, const char *what, const char *path,
                          ac_cable_connection_fn *fn, void *ctx) {
  struct ac_cable_door *door = door_of(app, what, path);
  if (!door || !settable(app, what, fn, door->disconnect))
    return;
  door->disconnect = fn;
  door->disconnect_ctx = ctx;
}

void anycable_app_on_connect(anycable_app *app,
                             int (*fn)(anycable_connection *connection,
                                       void *ctx),
                             void *ctx) {
  on_connect(app, "anycable_app_on_connect", NULL, fn, ctx);
}

void anycable_app_on_connect_at(anycable_app *app, const char *path,
                                int (*fn)(anycable_connection *connection,
                                          void *ctx),
                                void *ctx) {
  if (good_path(app, "anycable_app_on_connect_at", path))
    on_connect(app, "anycable_app_on_connect_at", path, fn, ctx);
}

void anycable_app_on_disconnect(anycable_app *app,
                                int (*fn)(anycable_connection *connection,
                                          void *ctx),
                                void *ctx) {
  on_disconnect(app, "anycable_app_on_disconnect", NULL, fn, ctx);
}

void anycable_app_on_disconnect_at(anycable_app *app, const char *path,
                                   int (*fn)(anycable_connection *connection,
                                             void *ctx),
                                   void *ctx) {
  if (good_path(app, "anycable_app_on_disconnect_at", path))
    on_disconnect(app, "anycable_app_on_disconnect_at", path, fn, ctx);
}

/* --- channels ------------------------------------------------------------- */

anycable_channel_class *anycable_app_channel(anycable_app *app,
                                             const char *name) {
  const char *what = "anycable_app_channel";
  struct ac_cable *cable = cable_of(app, what);
  anycable_channel_class *made = cable ? calloc(1, sizeof(*made)) : NULL;
  if (!made)
    return cable ? refuse_memory(app, what) : NULL;
  if (name) {
    struct ac_cable_name *entry = add_name(app, what, &cable->channels, name);
    if (!entry) {
      free(made);
      return NULL;
    }
    entry->channel_class = made;
  }
  made->app = app;
  made->next = cable->classes;
  cable->classes = made;
  return made;
}

anycable_channel_class *ac_cable_class(const struct ac_cable *cable,
                                       anycable_str name) {
  const struct ac_cable_name *entry = ac_cable_find(&cable->channels, name);
  if (entry)
    return entry->channel_class;
  return cable->lookup ? cable->lookup(name, cable->lookup_ctx) : NULL;
}

void anycable_app_channel_lookup(
    anycable_app *app,
    anycable_channel_class *(*fn)(anycable_str name, void *ctx), void *ctx) {
  const char *what = "anycable_app_channel_lookup";
  struct ac_cable *cable = cable_of(app, what);
  if (!cable || !settable(app, what, fn, cable->lookup))
    return;
  cable->lookup = fn;
  cable->lookup_ctx = ctx;
}

/* Can a callback be added to the class? */
static bool open_for(anycable_channel_class *channel_class, const char *what,
                     bool fn, bool there) {
  return channel_class && anycable_app_can_register(channel_class->app, what) &&
         settable(channel_class->app, what, fn, there);
}

void anycable_channel_class_on_subscribe(anycable_channel_class *channel_class,
                                         int (*fn)(anycable_channel *channel,
                                                   void *ctx),
                                         void *ctx) {
  if (!open_for(channel_class, "anycable_channel_class_on_subscribe", fn,
                channel_class && channel_class->subscribe))
    return;
  channel_class->subscribe = fn;
  channel_class->subscribe_ctx = ctx;
}

void anycable_channel_class_on_unsubscribe(
    anycable_channel_class *channel_class,
    int (*fn)(anycable_channel *channel, void *ctx), void *ctx) {
  if (!open_for(channel_class, "anycable_channel_class_on_unsubscribe", fn,
                channel_class && channel_class->unsubscribe))
    return;
  channel_class->unsubscribe = fn;
  channel_class->unsubscribe_ctx = ctx;
}

void anycable_channel_class_on_receive(anycable_channel_class *channel_class,
                                       int (*fn)(anycable_channel *channel,
                                                 anycable_str data, void *ctx),
                                       void *ctx) {
  if (!open_for(channel_class, "anycable_channel_class_on_receive", fn,
                channel_class && channel_class->receive))
    return;
  channel_class->receive = fn;
  channel_class->receive_ctx = ctx;
}

void anycable_channel_class_on_action(anycable_channel_class *channel_class,
                                      const char *action,
                                      int (*fn)(anycable_channel *channel,
                                                anycable_str data, void *ctx),
                                      void *ctx) {
  const char *what = "anycable_channel_class_on_action";
  if (!open_for(channel_class, what, fn, false))
    return;
  struct ac_cable_name *entry =
      add_name(channel_class->app, what, &channel_class->actions, action);
  if (!entry)
    return;
  entry->action.fn = fn;
  entry->action.ctx = ctx;
}

static void add_hook(anycable_channel_class *channel_class, const char *what,
                     struct ac_cable_hook hook) {
  if (!open_for(channel_class, what, hook.before || hook.after, false))
    return;
  struct ac_cable_hook *hooks =
      grow(channel_class->hooks, channel_class->n_hooks, sizeof(*hooks));
  if (!hooks) {
    refuse_memory(channel_class->app, what);
    return;
  }
  channel_class->hooks = hooks;
  hooks[channel_class->n_hooks++] = hook;
}

void anycable_channel_class_before(anycable_channel_class *channel_class,
                                   int (*fn)(anycable_channel *channel,
                                             void *ctx),
                                   void *ctx) {
  add_hook(channel_class, "anycable_channel_class_before",
           (struct ac_cable_hook){.before = fn, .ctx = ctx});
}

void anycable_channel_class_after(anycable_channel_class *channel_class,
                                  void (*fn)(anycable_channel *channel,
                                             int outcome, void *ctx),
                                  void *ctx) {
  add_hook(channel_class, "anycable_channel_class_after",
           (struct ac_cable_hook){.after = fn, .ctx = ctx});
}

void ac_cable_destroy(void *ctx) {
  struct ac_cable *cable = ctx;
  anycable_channel_class *next;
  for (anycable_channel_class *c = cable->classes; c; c = next) {
    next = c->next;
    free_names(&c->actions);
    free(c->hooks);
    free(c);
  }
  free_names(&cable->channels);
  for (size_t i = 0; i < cable->n_doors; i++)
    free(cable->doors[i].path);
  free(cable->doors);
  free(cable);
}
