#include "services/reflection.h"

#include <string.h>

#include "wire/descriptors.h"
#include "wire/reflection.h"

static const struct file {
  const char *name;
  const char *package; /* with its dot */
  const struct ac_descriptor *descriptor;
} files[] = {{"rpc.proto", "anycable.", &ac_descriptor_rpc},
             {"health.proto", "grpc.health.v1.", &ac_descriptor_health}};

enum { FILES = sizeof(files) / sizeof(files[0]) };

static const char *const services[] = {"anycable.RPC", "grpc.health.v1.Health"};

/* Everything that has a name in a descriptor has it as a text behind tag 1: so
 * a symbol is there if each of its parts is. */
static bool has_name(const struct ac_descriptor *in, const char *name,
                     size_t len) {
  char head[2] = {0x0a, (char)len};
  const char *at = in->bytes, *end = in->bytes + in->len;
  if (len == 0 || len > 127)
    return false;
  while ((at = memmem(at, (size_t)(end - at), head, sizeof(head)))) {
    at += sizeof(head);
    if (len <= (size_t)(end - at) && memcmp(at, name, len) == 0)
      return true;
  }
  return false;
}

static bool has_symbol(const struct file *file, anycable_str symbol) {
  size_t len = strlen(file->package);
  if (symbol.len <= len || memcmp(symbol.ptr, file->package, len) != 0)
    return false;
  const char *at = symbol.ptr + len, *end = symbol.ptr + symbol.len;
  while (at) {
    const char *dot = memchr(at, '.', (size_t)(end - at));
    if (!has_name(file->descriptor, at, (size_t)((dot ? dot : end) - at)))
      return false;
    at = dot ? dot + 1 : NULL;
  }
  return true;
}

static const struct file *find(int question, anycable_str text) {
  for (int i = 0; i < FILES; i++)
    if (question == AC_WIRE_ASKS_FILE     ? anycable_str_is(text, files[i].name)
        : question == AC_WIRE_ASKS_SYMBOL ? has_symbol(&files[i], text)
                                          : false)
      return &files[i];
  return NULL;
}

void ac_reflection_ask(struct ac_grpc_call *call, char *message, size_t len) {
  int question;
  anycable_str text, framed, request = ac_str(message, len);
  if (!ac_wire_read_reflection(request, &question, &text)) {
    ac_grpc_finish(call, AC_GRPC_INTERNAL);
    return;
  }
  const struct file *file = find(question, text);
  if (question == AC_WIRE_ASKS_SERVICES)
    framed = ac_wire_write_services(request, services,
                                    sizeof(services) / sizeof(services[0]),
                                    AC_GRPC_PREFIX, call->arena);
  else if (file)
    framed = ac_wire_write_file(
        request, ac_str(file->descriptor->bytes, file->descriptor->len),
        AC_GRPC_PREFIX, call->arena);
  else
    framed = ac_wire_write_not_found(request, "there is none of that name",
                                     AC_GRPC_PREFIX, call->arena);
  if (!framed.ptr || !ac_grpc_push(call, framed))
    ac_grpc_finish(call, AC_GRPC_RESOURCE_EXHAUSTED);
}
