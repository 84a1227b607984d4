#include "random_message.h"

#include <algorithm>

#include "wire_random.h"

namespace {

enum WireType { kVarint, kFixed64, kLen, kStart, kEnd, kFixed32 };

class Writer {
public:
  explicit Writer(uint64_t seed) : random_(seed), odd_(random_.one_in(3)) {}

  std::string message(int method);
  std::string mutate(std::string bytes);

private:
  // One in |n| for odd messages, never in the others.
  bool odd(size_t n) { return odd_ && random_.one_in(n); }

  void varint(uint64_t value, size_t padding, std::string *out);
  void tag(uint64_t number, int type, std::string *out);
  void length(uint64_t value, std::string *out);
  void field(unsigned number, const std::string &bytes, std::string *out);
  void unknown_value(unsigned number, int type, int depth, std::string *out);
  void unknown(int depth, std::string *out);
  void nested_groups(std::string *out);
  std::string entry();
  void entries(unsigned number, std::string *out);
  void known(int method, std::string *out);
  std::string env();
  void env_field(std::string *out);

  Random random_;
  bool odd_;
};

// |padding| bytes more than it needs.
void Writer::varint(uint64_t value, size_t padding, std::string *out) {
  while (value >= 0x80) {
    *out += static_cast<char>(0x80 | (value & 0x7f));
    value >>= 7;
  }
  if (padding == 0) {
    *out += static_cast<char>(value);
    return;
  }
  *out += static_cast<char>(0x80 | value);
  out->append(padding - 1, '\x80');
  // Bits that belong to nothing, as the last byte of a tag may have.
  *out += static_cast<char>(odd(8) ? random_.below(0x80) : 0);
}

void Writer::tag(uint64_t number, int type, std::string *out) {
  if (odd(60))
    number |= uint64_t{1} << (29 + random_.below(6));
  varint(number << 3 | static_cast<unsigned>(type),
         odd(20) ? random_.below(6) : 0, out);
}

void Writer::length(uint64_t value, std::string *out) {
  if (odd(60)) {
    static const uint64_t wrong[] = {0,          1,          0x7f,
                                     0x80,       0xffff,     0x7fffffff,
                                     0x80000000, 0xffffffff, uint64_t{1} << 32,
                                     UINT64_MAX};
    value = random_.one_in(2) ? wrong[random_.below(10)]
                              : value + random_.below(5) - 2;
  }
  varint(value, odd(20) ? random_.below(6) : 0, out);
}

void Writer::field(unsigned number, const std::string &bytes,
                   std::string *out) {
  if (odd(40)) {
    unknown_value(number, static_cast<int>(random_.below(8)), 3, out);
    return;
  }
  tag(number, kLen, out);
  length(bytes.size(), out);
  *out += bytes;
}

void Writer::unknown_value(unsigned number, int type, int depth,
                           std::string *out) {
  if (type == kStart && depth == 0)
    type = kVarint;
  tag(number, type, out);
  switch (type) {
  case kVarint:
    varint(random_.next() >> random_.below(64), odd(10) ? random_.below(10) : 0,
           out);
    break;
  case kFixed64:
  case kFixed32:
    for (int i = type == kFixed64 ? 8 : 4; i > 0; i--)
      *out += static_cast<char>(random_.below(256));
    break;
  case kLen: {
    std::string bytes = random_bytes(random_);
    length(bytes.size(), out);
    *out += bytes;
    break;
  }
  case kStart:
    for (size_t n = random_.below(3); n > 0; n--)
      unknown(depth - 1, out);
    tag(odd(20) ? number + 1 : number, kEnd, out);
    break;
  default: // an end of nothing, or no wire type at all
    break;
  }
}

void Writer::unknown(int depth, std::string *out) {
  static const int types[] = {kVarint, kFixed64, kLen, kStart, kFixed32};
  int type =
      odd(30) ? static_cast<int>(random_.below(8)) : types[random_.below(5)];
  size_t number = 1 + random_.below(20);
  if (random_.one_in(8))
    number = random_.one_in(2) ? 0x1fffffff : 1 + random_.below(0x1fffffff);
  if (odd(60))
    number = 0;
  unknown_value(static_cast<unsigned>(number), type, depth, out);
}

// As deep as is allowed, or a little more.
void Writer::nested_groups(std::string *out) {
  size_t depth = 96 + random_.below(7);
  for (size_t i = 0; i < depth; i++)
    tag(15, kStart, out);
  for (size_t i = odd(4); i < depth; i++)
    tag(15, kEnd, out);
}

std::string Writer::entry() {
  std::string out;
  if (!odd(2)) {
    field(1, random_key(random_), &out);
    field(2, random_bytes(random_), &out);
    return out;
  }
  for (size_t n = random_.below(5); n > 0; n--) {
    if (random_.one_in(4))
      unknown(3, &out);
    else if (random_.one_in(2))
      field(1, random_key(random_), &out);
    else
      field(2, random_bytes(random_), &out);
  }
  if (odd(60))
    nested_groups(&out);
  return out;
}

void Writer::entries(unsigned number, std::string *out) {
  size_t n = 1;
  if (random_.one_in(30))
    n = random_.below(60);
  else if (random_.one_in(300))
    n = random_.below(4000);
  for (; n > 0; n--) {
    if (n < 60)
      field(number, entry(), out);
    else // small ones, more than the arena has room for now and then
      field(number,
            "\x0a\x02" + std::string(1, static_cast<char>('a' + n % 26)) +
                static_cast<char>('a' + n / 26 % 26),
            out);
  }
}

void Writer::env_field(std::string *out) {
  size_t which = random_.below(5);
  if (which == 0)
    field(1, random_bytes(random_), out);
  else if (which < 4)
    entries(static_cast<unsigned>(which) + 1, out);
  else if (odd(2))
    unknown(3, out);
  if (odd(100))
    nested_groups(out);
}

std::string Writer::env() {
  std::string out;
  for (size_t n = random_.below(8); n > 0; n--)
    env_field(&out);
  return out;
}

void Writer::known(int method, std::string *out) {
  static const unsigned strings[][4] = {{1}, {3}, {1, 2, 3, 4}, {1, 2}};
  static const size_t n_strings[] = {1, 0, 4, 2};
  static const unsigned envs[] = {1, 3, 5, 5};
  size_t which = random_.below(n_strings[method] + 1);
  if (which < n_strings[method]) {
    size_t n =
        method == 3 && which == 1 && random_.one_in(10) ? random_.below(40) : 1;
    for (; n > 0; n--)
      field(strings[method][which], random_bytes(random_), out);
  } else {
    field(envs[method], env(), out);
  }
}

std::string Writer::message(int method) {
  std::string out;
  size_t n = random_.below(8);
  if (odd(50))
    n = random_.below(40); // singular fields, again and again
  for (; n > 0; n--) {
    if (odd(4))
      unknown(4, &out);
    else
      known(method, &out);
  }
  if (odd(100))
    nested_groups(&out);
  if (odd(100)) // more unknown fields than anybody sends
    for (size_t i = random_.below(1100); i > 0; i--)
      out += random_.one_in(2) ? "\x78\x01" : "\x7b\x7c";
  return out;
}

std::string Writer::mutate(std::string bytes) {
  static const char interesting[] = {0,      1,      2,      8,     10, 18,
                                     26,     34,     42,     11,    12, 0x7f,
                                     '\x80', '\xff', '\xc0', '\xed'};
  for (size_t n = 1 + random_.below(3); n > 0 && !bytes.empty(); n--) {
    size_t at = random_.below(bytes.size());
    switch (random_.below(7)) {
    case 0:
      bytes[at] = static_cast<char>(bytes[at] ^ (1 << random_.below(8)));
      break;
    case 1:
      bytes[at] = interesting[random_.below(sizeof(interesting))];
      break;
    case 2:
      bytes.erase(at, 1 + random_.below(4));
      break;
    case 3:
      bytes.insert(at, 1, interesting[random_.below(sizeof(interesting))]);
      break;
    case 4:
      bytes.resize(at);
      break;
    case 5: // a piece of it again, somewhere else
      bytes.insert(random_.below(bytes.size()),
                   bytes.substr(at, random_.below(30)));
      break;
    default:
      bytes[at] = static_cast<char>(bytes[at] + 1 - 2 * random_.below(2));
      break;
    }
  }
  return bytes;
}

} // namespace

std::string random_message(uint64_t seed, int method) {
  Writer writer(seed);
  std::string bytes = writer.message(method);
  return seed % 3 == 0 ? writer.mutate(bytes) : bytes;
}
