/* Protobuf messages from JSON and to JSON, by the descriptors of the generated
 * code: field names are the proto's, as in HTTP RPC. */
#ifndef TOOL_MESSAGE_H
#define TOOL_MESSAGE_H

#include "text.h"

#include <cjson/cJSON.h>
#include <protobuf-c/protobuf-c.h>

/* A new, empty message. message_free() frees it with all that was set, and one
 * that protobuf-c unpacked. */
ProtobufCMessage *message_new(const ProtobufCMessageDescriptor *type);
void message_free(ProtobufCMessage *message);

/* Sets in |message| the fields that |object| has: maps key by key, all others
 * in place of what was there; null sets nothing. Only what requests consist of
 * is known: strings, lists and maps of them, messages. False: |error| names
 * the field and says what is allowed. */
bool message_merge(ProtobufCMessage *message, const cJSON *object,
                   char error[ERROR_SIZE]);

/* All fields that are set; enums by name, and always. Free with
 * cJSON_Delete(). */
cJSON *message_to_json(const ProtobufCMessage *message);

/* NULL where every string is valid UTF-8, or else the name of the field. */
const char *message_bad_text(const ProtobufCMessage *message);

#endif
