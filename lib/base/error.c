/* Errors in words. */
#include <anycable/error.h>

const char *anycable_strerror(int error) {
  switch ((enum anycable_result)error) {
  case ANYCABLE_OK:
    return "no error";
  case ANYCABLE_REJECT:
  case ANYCABLE_PENDING:
  case ANYCABLE_ANSWERED:
    break; /* outcomes, not errors */
  case ANYCABLE_CLOSED:
    return "closed";
  case ANYCABLE_ERR_NOMEM:
    return "out of memory";
  case ANYCABLE_ERR_INVALID:
    return "invalid argument";
  case ANYCABLE_ERR_STATE:
    return "not possible in this state";
  case ANYCABLE_ERR_IO:
    return "the operating system refused";
  case ANYCABLE_ERR_TLS:
    return "unusable certificate or key";
  case ANYCABLE_ERR_PROTO:
    return "malformed data";
  case ANYCABLE_ERR_LIMIT:
    return "a limit is reached";
  case ANYCABLE_ERR_FORKED:
    return "made before a fork, used in the child";
  case ANYCABLE_ERR_BUSY:
    return "handlers are still running";
  case ANYCABLE_ERR_FAILED:
    return "failed by the application";
  case ANYCABLE_ERR_ENCODING:
    return "text is not valid UTF-8, or has a NUL";
  case ANYCABLE_ERR_CANCELLED:
    return "the call has ended already";
  case ANYCABLE_ERR_UNAVAILABLE:
    return "a peer is not available";
  case ANYCABLE_ERR_TIMEOUT:
    return "not done in time";
  case ANYCABLE_ERR_EXPIRED:
    return "expired, or not valid yet";
  case ANYCABLE_ERR_SIGNATURE:
    return "the signature does not match";
  }
  return "unknown error";
}
