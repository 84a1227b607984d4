/* The version, and the attributes that the other headers use. */
#ifndef ANYCABLE_VERSION_H
#define ANYCABLE_VERSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ANYCABLE_VERSION_MAJOR 0
#define ANYCABLE_VERSION_MINOR 1
#define ANYCABLE_VERSION_PATCH 0
#define ANYCABLE_VERSION_STRING "0.1.0"

/* 0xMMmmpp, for comparisons. */
#define ANYCABLE_VERSION_NUM 0x000100

#if defined(__GNUC__) || defined(__clang__)
#define ANYCABLE_WARN_UNUSED __attribute__((__warn_unused_result__))
#define ANYCABLE_PRINTF(text, first)                                           \
  __attribute__((__format__(__printf__, text, first)))
/* Says what to use in place of a function that is to go. */
#define ANYCABLE_DEPRECATED_FOR(other)                                         \
  __attribute__((__deprecated__("use " #other)))
#else
#define ANYCABLE_WARN_UNUSED
#define ANYCABLE_PRINTF(text, first)
#define ANYCABLE_DEPRECATED_FOR(other)
#endif

#ifdef __cplusplus
#define ANYCABLE_INLINE inline
#else
#define ANYCABLE_INLINE static inline
#endif

#if defined(BUILDING_ANYCABLE)
#define ANYCABLE_EXTERN __attribute__((__visibility__("default")))
#else
#define ANYCABLE_EXTERN
#endif

#ifdef __cplusplus
extern "C" {
#endif

/** The version of the library that the program runs with, such as "0.1.0".
 *  The program was compiled against ANYCABLE_VERSION_STRING.
 *  Returns: a constant string.
 *  Threads: any. */
ANYCABLE_EXTERN const char *anycable_version(void);

/** The versions of the libraries that this one was built with, for bug
 *  reports: "nghttp2 1.52.0, OpenSSL 3.0.19, ...".
 *  Returns: a constant string.
 *  Threads: any. */
ANYCABLE_EXTERN const char *anycable_build_info(void);

#ifdef __cplusplus
}
#endif

#endif
