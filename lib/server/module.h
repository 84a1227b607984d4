/* Modules: adapters that need a heavy library, each in a shared object of its
 * own beside libanycable.so. */
#ifndef AC_SERVER_MODULE_H
#define AC_SERVER_MODULE_H

#include <anycable/adapter.h>

/* The adapter |name| of the module that has it, which is loaded where it is
 * not yet. NULL if no module has it: then |reason| is empty; or if the module
 * cannot be had: then |reason| says why, and what to do.
 *
 * A module is never unloaded: its library has threads, and functions for
 * exit(). */
const anycable_adapter *ac_module_load(const char *name, char *reason,
                                       size_t reason_size);

#endif
