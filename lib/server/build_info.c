/* The versions of the libraries that this one was compiled against. It is here
 * as server alone may include all of them. */
#include <anycable/version.h>

#include <cjson/cJSON.h>
#include <hiredis/hiredis.h>
#include <nghttp2/nghttp2ver.h>
#include <openssl/opensslv.h>
#include <protobuf-c/protobuf-c.h>

#define TEXT(x) #x
#define NUMBERS(major, minor, patch) TEXT(major) "." TEXT(minor) "." TEXT(patch)

const char *anycable_build_info(void) {
  return "nghttp2 " NGHTTP2_VERSION ", OpenSSL " OPENSSL_VERSION_STR
         ", protobuf-c " PROTOBUF_C_VERSION ", cJSON " NUMBERS(
             CJSON_VERSION_MAJOR, CJSON_VERSION_MINOR,
             CJSON_VERSION_PATCH) ", hiredis " NUMBERS(HIREDIS_MAJOR,
                                                       HIREDIS_MINOR,
                                                       HIREDIS_PATCH);
}
