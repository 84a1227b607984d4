/* Walks messages by their descriptors, so that a field added to the proto needs
 * no line here. */
#include "message.h"

#include <stdlib.h>
#include <string.h>

typedef ProtobufCFieldDescriptor field;

/* Members are reached by their offsets. Pointers are copied in and out, since
 * their types are known to the descriptor alone. */
static void *get_pointer(const ProtobufCMessage *message, unsigned offset) {
  void *pointer;

  memcpy(&pointer, (const char *)message + offset, sizeof pointer);
  return pointer;
}

static void set_pointer(ProtobufCMessage *message, unsigned offset,
                        void *pointer) {
  memcpy((char *)message + offset, &pointer, sizeof pointer);
}

static size_t get_count(const ProtobufCMessage *message, const field *f) {
  size_t count;

  memcpy(&count, (const char *)message + f->quantifier_offset, sizeof count);
  return count;
}

static void set_count(ProtobufCMessage *message, const field *f, size_t count) {
  memcpy((char *)message + f->quantifier_offset, &count, sizeof count);
}

static int32_t get_int(const ProtobufCMessage *message, const field *f) {
  int32_t number;

  memcpy(&number, (const char *)message + f->offset, sizeof number);
  return number;
}

static void *get_item(const ProtobufCMessage *message, const field *f,
                      size_t index) {
  return ((void **)get_pointer(message, f->offset))[index];
}

static bool is_list(const field *f) {
  return f->label == PROTOBUF_C_LABEL_REPEATED;
}

/* Maps are lists of messages with two fields on the wire, and lists of such
 * messages are maps in our protos. */
static bool is_map(const field *f) {
  return is_list(f) && f->type == PROTOBUF_C_TYPE_MESSAGE;
}

static const char *map_key(const ProtobufCMessage *entry) {
  return get_pointer(entry, entry->descriptor->fields[0].offset);
}

static const char *map_value(const ProtobufCMessage *entry) {
  return get_pointer(entry, entry->descriptor->fields[1].offset);
}

ProtobufCMessage *message_new(const ProtobufCMessageDescriptor *type) {
  ProtobufCMessage *message = text_must(calloc(1, type->sizeof_message));

  protobuf_c_message_init(type, message);
  return message;
}

void message_free(ProtobufCMessage *message) {
  protobuf_c_message_free_unpacked(message, NULL);
}

static void set_string(ProtobufCMessage *message, const field *f,
                       const char *text) {
  char *old = get_pointer(message, f->offset);

  if (old != f->default_value)
    free(old);
  set_pointer(message, f->offset, text_must(strdup(text)));
}

static void add_item(ProtobufCMessage *message, const field *f, void *item) {
  size_t count = get_count(message, f);
  void **items = get_pointer(message, f->offset);

  items = text_must(realloc(items, (count + 1) * sizeof *items));
  items[count] = item;
  set_pointer(message, f->offset, items);
  set_count(message, f, count + 1);
}

static void clear_list(ProtobufCMessage *message, const field *f) {
  for (size_t i = 0; i < get_count(message, f); i++)
    free(get_item(message, f, i));
  set_count(message, f, 0);
}

static void set_map_entry(ProtobufCMessage *message, const field *f,
                          const char *key, const char *value) {
  ProtobufCMessage *entry = NULL;

  for (size_t i = 0; i < get_count(message, f) && !entry; i++) {
    ProtobufCMessage *other = get_item(message, f, i);
    if (strcmp(map_key(other), key) == 0)
      entry = other;
  }
  if (!entry) {
    entry = message_new(f->descriptor);
    set_string(entry, &entry->descriptor->fields[0], key);
    add_item(message, f, entry);
  }
  set_string(entry, &entry->descriptor->fields[1], value);
}

/* True where |value| is a string that a message may hold. */
static bool check_string(const char *name, const cJSON *value,
                         const char *demand, char error[ERROR_SIZE]) {
  if (!cJSON_IsString(value)) {
    snprintf(error, ERROR_SIZE, "%s must be %s", name, demand);
    return false;
  }
  if (!text_is_utf8(value->valuestring) ||
      (value->string && !text_is_utf8(value->string))) {
    snprintf(error, ERROR_SIZE, "%s is not valid UTF-8", name);
    return false;
  }
  return true;
}

static bool merge_map(ProtobufCMessage *message, const field *f,
                      const char *name, const cJSON *object,
                      char error[ERROR_SIZE]) {
  const char *demand = "an object of strings";

  if (!cJSON_IsObject(object)) {
    snprintf(error, ERROR_SIZE, "%s must be %s", name, demand);
    return false;
  }
  for (const cJSON *item = object->child; item; item = item->next) {
    if (!check_string(name, item, demand, error))
      return false;
    set_map_entry(message, f, item->string, item->valuestring);
  }
  return true;
}

static bool merge_list(ProtobufCMessage *message, const field *f,
                       const char *name, const cJSON *array,
                       char error[ERROR_SIZE]) {
  const char *demand = "an array of strings";

  if (!cJSON_IsArray(array)) {
    snprintf(error, ERROR_SIZE, "%s must be %s", name, demand);
    return false;
  }
  clear_list(message, f);
  for (const cJSON *item = array->child; item; item = item->next) {
    if (!check_string(name, item, demand, error))
      return false;
    add_item(message, f, text_must(strdup(item->valuestring)));
  }
  return true;
}

static bool merge(ProtobufCMessage *message, const cJSON *object,
                  const char *prefix, char error[ERROR_SIZE]);

static bool merge_field(ProtobufCMessage *message, const field *f,
                        const char *prefix, const cJSON *value,
                        char error[ERROR_SIZE]) {
  char name[128];

  snprintf(name, sizeof name, "%s%s", prefix, f->name);
  if (cJSON_IsNull(value))
    return true;
  if (is_map(f))
    return merge_map(message, f, name, value, error);
  if (is_list(f))
    return merge_list(message, f, name, value, error);
  if (f->type == PROTOBUF_C_TYPE_MESSAGE) {
    if (!get_pointer(message, f->offset))
      set_pointer(message, f->offset, message_new(f->descriptor));
    return merge(get_pointer(message, f->offset), value, name, error);
  }
  if (!check_string(name, value, "a string", error))
    return false;
  set_string(message, f, value->valuestring);
  return true;
}

static void fail_unknown(const ProtobufCMessageDescriptor *type,
                         const char *prefix, const char *name,
                         char error[ERROR_SIZE]) {
  size_t used = 0;
  int n = snprintf(error, ERROR_SIZE, "unknown field \"%s%.64s\"; there are",
                   prefix, name);

  for (unsigned i = 0; n > 0 && i < type->n_fields; i++) {
    used += (size_t)n;
    if (used >= ERROR_SIZE)
      return;
    n = snprintf(error + used, ERROR_SIZE - used, "%s %s%s", i ? "," : "",
                 prefix, type->fields[i].name);
  }
}

/* |path| is the name of the field that |message| is, empty at the top. */
static bool merge(ProtobufCMessage *message, const cJSON *object,
                  const char *path, char error[ERROR_SIZE]) {
  char prefix[128];

  if (!cJSON_IsObject(object)) {
    snprintf(error, ERROR_SIZE, "%s must be an object",
             path[0] ? path : "the request");
    return false;
  }
  snprintf(prefix, sizeof prefix, "%s%s", path, path[0] ? "." : "");
  for (const cJSON *item = object->child; item; item = item->next) {
    const field *f = protobuf_c_message_descriptor_get_field_by_name(
        message->descriptor, item->string);
    if (!f) {
      fail_unknown(message->descriptor, prefix, item->string, error);
      return false;
    }
    if (!merge_field(message, f, prefix, item, error))
      return false;
  }
  return true;
}

bool message_merge(ProtobufCMessage *message, const cJSON *object,
                   char error[ERROR_SIZE]) {
  return merge(message, object, "", error);
}

static cJSON *list_to_json(const ProtobufCMessage *message, const field *f) {
  cJSON *array = text_must(cJSON_CreateArray());

  for (size_t i = 0; i < get_count(message, f); i++) {
    const char *text = get_item(message, f, i);
    cJSON_AddItemToArray(array, text_must(cJSON_CreateString(text)));
  }
  return array;
}

/* Where a key stands twice the last one counts, as everywhere. */
static cJSON *map_to_json(const ProtobufCMessage *message, const field *f) {
  cJSON *object = text_must(cJSON_CreateObject());

  for (size_t i = 0; i < get_count(message, f); i++) {
    const ProtobufCMessage *entry = get_item(message, f, i);
    cJSON_DeleteItemFromObjectCaseSensitive(object, map_key(entry));
    text_must(
        cJSON_AddStringToObject(object, map_key(entry), map_value(entry)));
  }
  return object;
}

static cJSON *enum_to_json(const field *f, int number) {
  const ProtobufCEnumValue *value =
      protobuf_c_enum_descriptor_get_value(f->descriptor, number);

  return text_must(value ? cJSON_CreateString(value->name)
                         : cJSON_CreateNumber(number));
}

/* NULL where the field is not set. */
static cJSON *field_to_json(const ProtobufCMessage *message, const field *f) {
  const char *text;

  if (is_list(f)) {
    if (get_count(message, f) == 0)
      return NULL;
    return is_map(f) ? map_to_json(message, f) : list_to_json(message, f);
  }
  switch (f->type) {
  case PROTOBUF_C_TYPE_STRING:
    text = get_pointer(message, f->offset);
    return text && *text ? text_must(cJSON_CreateString(text)) : NULL;
  case PROTOBUF_C_TYPE_MESSAGE:
    if (!get_pointer(message, f->offset))
      return NULL;
    return message_to_json(get_pointer(message, f->offset));
  case PROTOBUF_C_TYPE_ENUM:
    return enum_to_json(f, get_int(message, f));
  case PROTOBUF_C_TYPE_BOOL:
    return get_int(message, f) ? text_must(cJSON_CreateTrue()) : NULL;
  case PROTOBUF_C_TYPE_UINT32:
    if (get_int(message, f) == 0)
      return NULL;
    return text_must(cJSON_CreateNumber((uint32_t)get_int(message, f)));
  default: /* our protos have no others */
    return NULL;
  }
}

cJSON *message_to_json(const ProtobufCMessage *message) {
  const ProtobufCMessageDescriptor *type = message->descriptor;
  cJSON *object = text_must(cJSON_CreateObject());

  for (unsigned i = 0; i < type->n_fields; i++) {
    cJSON *value = field_to_json(message, &type->fields[i]);
    if (value)
      cJSON_AddItemToObject(object, type->fields[i].name, value);
  }
  return object;
}

static bool list_is_utf8(const ProtobufCMessage *message, const field *f) {
  for (size_t i = 0; i < get_count(message, f); i++)
    if (!text_is_utf8(get_item(message, f, i)))
      return false;
  return true;
}

/* The name of a bad field of one of the messages that |f| holds. */
static const char *bad_inner_text(const ProtobufCMessage *message,
                                  const field *f) {
  const char *bad = NULL;

  if (is_list(f)) {
    for (size_t i = 0; i < get_count(message, f); i++)
      if (message_bad_text(get_item(message, f, i)))
        return f->name;
    return NULL;
  }
  if (get_pointer(message, f->offset))
    bad = message_bad_text(get_pointer(message, f->offset));
  return bad;
}

const char *message_bad_text(const ProtobufCMessage *message) {
  const ProtobufCMessageDescriptor *type = message->descriptor;

  for (unsigned i = 0; i < type->n_fields; i++) {
    const field *f = &type->fields[i];
    const char *bad = NULL;

    if (f->type == PROTOBUF_C_TYPE_MESSAGE)
      bad = bad_inner_text(message, f);
    else if (f->type == PROTOBUF_C_TYPE_STRING &&
             !(is_list(f) ? list_is_utf8(message, f)
                          : text_is_utf8(get_pointer(message, f->offset))))
      bad = f->name;
    if (bad)
      return bad;
  }
  return NULL;
}
