#include "server/module.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct module {
  const char *adapter; /* as a configuration names it */
  const char *package; /* "lib" and this and ".so.0" is its file */
  const char *function;
};

static const struct module modules[] = {
    {"nats", "libanycable-nats", "anycable_nats_adapter"},
    {"http", "libanycable-curl", "anycable_curl_adapter"},
};

#define CORE "libanycable.so"
#define SUFFIX ".so.0" /* the SONAME's number is the core's */

static const struct module *find(const char *name) {
  for (size_t i = 0; i < sizeof(modules) / sizeof(modules[0]); i++) {
    if (strcmp(name, modules[i].adapter) == 0)
      return &modules[i];
  }
  return NULL;
}

/* Writes the path of |module| beside the file that has this function; false if
 * that is not the shared library. */
static bool locate(const struct module *module, char path[PATH_MAX]) {
  Dl_info core;
  if (dladdr((const void *)modules, &core) == 0 || !core.dli_fname)
    return false;
  const char *slash = strrchr(core.dli_fname, '/');
  const char *base = slash ? slash + 1 : core.dli_fname;
  if (strncmp(base, CORE, strlen(CORE)) != 0)
    return false;
  int n =
      snprintf(path, PATH_MAX, "%.*s%s" SUFFIX, (int)(base - core.dli_fname),
               core.dli_fname, module->package);
  return slash && n > 0 && n < PATH_MAX;
}

static const anycable_adapter *look_up(void *handle,
                                       const struct module *module) {
  const anycable_adapter *(*function)(void);
  /* The two kinds of pointers are the same wherever dlsym() is. */
  *(void **)&function = dlsym(handle, module->function);
  const anycable_adapter *adapter = function ? function() : NULL;
  return adapter && adapter->size == sizeof(*adapter) ? adapter : NULL;
}

static const anycable_adapter *load(const struct module *module,
                                    const char *path, char *reason,
                                    size_t reason_size) {
  const char *error = NULL;
  const anycable_adapter *adapter = NULL;
  void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (handle)
    adapter = look_up(handle, module);
  if (!adapter) {
    error = dlerror();
    snprintf(reason, reason_size, "cannot load %s, of the package %s: %s", path,
             module->package, error ? error : "it is of another version");
  }
  return adapter;
}

const anycable_adapter *ac_module_load(const char *name, char *reason,
                                       size_t reason_size) {
  const struct module *module = find(name);
  char path[PATH_MAX];
  reason[0] = '\0';
  if (!module)
    return NULL;
  if (!locate(module, path)) {
    snprintf(reason, reason_size,
             "a program that has the library linked statically must link %s, "
             "and register %s() by anycable_config_add_adapter()",
             module->package, module->function);
    return NULL;
  }
  if (access(path, F_OK) == 0)
    return load(module, path, reason, reason_size);
  snprintf(reason, reason_size, "%s is missing; install the package %s", path,
           module->package);
  return NULL;
}
