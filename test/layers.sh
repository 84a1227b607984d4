#!/bin/sh
# Which part of the library may include what, and who may use which other
# library. Prints what breaks the rules.
#
#   layers.sh [FOLDER], where lib/ and src/ are
set -eu
cd "${1:-$(dirname "$0")/..}"

# part: what of ours it may include besides its own headers: other parts,
# single headers, generated code ("gen"), public headers ("public").
parts='
base:       public
io:         public base
wire:       public base gen
rpc:        public base wire/message.h
cable:      public
modules:    public
h2:         public base io/stream.h
grpc:       public base h2
services:   public base wire rpc grpc
http:       public base io/stream.h wire rpc token
broadcast:  public base io
token:      public base io
node:       public base wire rpc
server:     public base io wire rpc cable h2 grpc services http broadcast token
            node
anycable:   public gen
examples:   public
'

# library: who may include its headers. build_info.c tells versions.
libraries='
nghttp2:    h2 anycable server/build_info.c
openssl:    io token anycable server/build_info.c
hiredis:    broadcast server/build_info.c
cjson:      base http anycable server/build_info.c
protobuf-c: wire anycable server/build_info.c
curl:       modules
nats:       modules
'

find lib src -name '*.[ch]' -o -name '*.cc' -o -name '*.hpp' | sort |
  xargs grep -Ho '^ *# *include *[<"][^>"]*[>"]' /dev/null |
  sed 's/ *# *include *//; s/>$/ >/; s/"$/ "/; s/:[<]/ < /; s/:"/ " /' |
  awk -v parts="$parts" -v libraries="$libraries" '
  # Fills allowed[name, word] from one of the tables above.
  function read_table(text, allowed, known,    n, i, words, name) {
    n = split(text, words)
    for (i = 1; i <= n; i++) {
      if (sub(/:$/, "", words[i])) {
        name = words[i]
        known[name] = 1
      } else
        allowed[name, words[i]] = 1
    }
  }
  function complain(why) {
    print file ": " why
    status = 1
  }
  function check_ours(    dir) {
    if (header ~ /\.pb-c\.h$/) {
      if (!((part, "gen") in may))
        complain("includes generated code, " header)
      return
    }
    dir = header
    # A header without a folder, or of its own, is its own.
    if (!sub(/\/.*/, "", dir) || dir == part)
      return
    if (!((part, dir) in may) && !((part, header) in may))
      complain("\"" part "\" must not include " header)
  }
  function check_library(    dir) {
    dir = header
    if (header ~ /^anycable(\/|\.)/) {
      if (!((part, "public") in may))
        complain("includes a public header, " header)
    } else if (sub(/\/.*/, "", dir) && dir in library) {
      if (!((dir, part) in uses) && !((dir, part "/" base) in uses))
        complain("\"" part "\" must not use " dir)
    }
  }
  BEGIN {
    read_table(parts, may, known)
    read_table(libraries, uses, library)
  }
  {
    file = $1
    header = $3
    split(file, path, "/")
    part = path[2]
    base = path[3]
    seen++
    if (!(part in known))
      complain("\"" part "\" is no part that is known here")
    else if ($2 == "\"")
      check_ours()
    else
      check_library()
  }
  END {
    if (seen < 10) {
      print "layers.sh: there are hardly any includes to look at"
      status = 1
    }
    exit status
  }'
