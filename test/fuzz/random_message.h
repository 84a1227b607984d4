// Random requests as bytes, encoded in all the ways that protobuf allows and
// some that it does not.
#ifndef TEST_FUZZ_RANDOM_MESSAGE_H
#define TEST_FUZZ_RANDOM_MESSAGE_H

#include <string>

// A message for |method| (an anycable_method, or 0: a HealthCheckRequest).
// About half of them are valid.
std::string random_message(uint64_t seed, int method);

#endif
