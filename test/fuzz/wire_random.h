// Random requests and replies: what both differential tests draw from. The
// same seed gives the same inputs on every machine.
#ifndef TEST_FUZZ_WIRE_RANDOM_H
#define TEST_FUZZ_WIRE_RANDOM_H

#include <cstddef>
#include <cstdint>
#include <string>

// splitmix64
class Random {
public:
  explicit Random(uint64_t seed) : state_(seed) {}

  uint64_t next() {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  // 0 .. n - 1
  size_t below(size_t n) { return static_cast<size_t>(next() % n); }
  bool one_in(size_t n) { return below(n) == 0; }

private:
  uint64_t state_;
};

inline size_t text_length(Random &random) {
  switch (random.below(16)) {
  case 0:
    return 0;
  case 1: // around where a length takes two bytes
    return 120 + random.below(20);
  case 2: // and around the blocks in which text is looked at
    return 14 + random.below(5) + 16 * random.below(6);
  case 3:
    return random.one_in(16) ? 16380 + random.below(10) : random.below(700);
  default:
    return random.below(40);
  }
}

inline void add_character(Random &random, std::string *out) {
  static const char *const many[] = {
      "\xc2\x80",         "\xc3\xa9",         "\xdf\xbf",
      "\xe0\xa0\x80",     "\xe2\x82\xac",     "\xed\x9f\xbf",
      "\xee\x80\x80",     "\xef\xbf\xbf",     "\xf0\x90\x80\x80",
      "\xf0\x9f\x98\x80", "\xf4\x8f\xbf\xbf", "\x7f"};
  *out += many[random.below(sizeof(many) / sizeof(many[0]))];
}

inline void add_damage(Random &random, std::string *out) {
  static const char *const bad[] = {"\x80",
                                    "\xbf",
                                    "\xc0\x80",
                                    "\xc1\xbf",
                                    "\xc2",
                                    "\xe0\x80\x80",
                                    "\xe0\x9f\xbf",
                                    "\xe2\x82",
                                    "\xed\xa0\x80",
                                    "\xed\xbf\xbf",
                                    "\xf0\x80\x80\x80",
                                    "\xf0\x8f\xbf\xbf",
                                    "\xf0\x9f\x98",
                                    "\xf4\x90\x80\x80",
                                    "\xf5\x80\x80\x80",
                                    "\xff"};
  *out += bad[random.below(sizeof(bad) / sizeof(bad[0]))];
}

// Valid UTF-8 without NUL.
inline std::string random_text(Random &random) {
  size_t length = text_length(random);
  bool plain = !random.one_in(4);
  std::string text;
  while (text.size() < length) {
    if (!plain && random.one_in(8))
      add_character(random, &text);
    else
      text += static_cast<char>(1 + random.below(127));
  }
  return text;
}

// Now and then with a NUL, or not UTF-8 at all.
inline std::string random_bytes(Random &random) {
  std::string text = random_text(random);
  if (random.one_in(200)) {
    std::string damage;
    if (random.one_in(2))
      damage.assign(1, '\0');
    else
      add_damage(random, &damage);
    text.insert(random.below(text.size() + 1), damage);
  }
  return text;
}

// Keys come from a small set now and then, so that some come twice.
inline std::string random_key(Random &random) {
  if (random.one_in(3))
    return random_bytes(random);
  return "key" + std::to_string(random.below(random.one_in(2) ? 4 : 1000));
}

#endif
