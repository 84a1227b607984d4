# libanycable. `make` builds, `make check` tests, `make demo` shows it at work;
# `make help` lists the rest. Everything that is made goes to $(BUILD).

BUILD ?= build
PREFIX ?= /usr/local
prefix ?= $(PREFIX)
exec_prefix ?= $(prefix)
bindir ?= $(exec_prefix)/bin
libdir ?= $(exec_prefix)/lib
includedir ?= $(prefix)/include
mandir ?= $(prefix)/share/man
INSTALL ?= install
PKG_CONFIG ?= pkg-config
PROTOC_C ?= protoc-c
OBJCOPY ?= objcopy
CFLAGS ?= -O2 -g
CXXFLAGS ?= -O2 -g

# The version has one home, the header; the SONAME's number has another, as it
# changes only when the ABI breaks.
VERSION := $(shell sed -n 's/^.define ANYCABLE_VERSION_STRING "\(.*\)"/\1/p' \
	include/anycable/version.h)
SOVERSION := 0
SONAME := libanycable.so.$(SOVERSION)

DEPS := libprotobuf-c libnghttp2 libssl libcrypto libcjson hiredis

.DEFAULT_GOAL := all

# What is missing is said before anything is compiled, with its cure.
NO_BUILD := help clean packages uninstall
GOALS := $(or $(MAKECMDGOALS),all)
ifneq ($(filter-out $(NO_BUILD) check demo bench,$(GOALS)),)
MISSING := $(shell PKG_CONFIG="$(PKG_CONFIG)" PROTOC_C="$(PROTOC_C)" \
	sh test/packages.sh missing build)
ifneq ($(MISSING),)
$(error missing: $(MISSING). Install with: apt-get install $(MISSING))
endif
endif

DEPS_CFLAGS := $(shell $(PKG_CONFIG) --cflags $(DEPS) 2>/dev/null)
DEPS_LIBS := $(shell $(PKG_CONFIG) --libs $(DEPS) 2>/dev/null)

WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wwrite-strings -Wundef -Wvla -Wformat=2 -Wpointer-arith -Wcast-align \
	-Wconversion -Wsign-conversion
ifeq ($(WERROR),1)
WARNINGS += -Werror
endif

# make SAN=asan check, SAN=tsan: a build of its own.
ifeq ($(SAN),asan)
SAN_FLAGS := -fsanitize=address,undefined -fno-sanitize-recover=undefined \
	-fno-omit-frame-pointer
else ifeq ($(SAN),tsan)
SAN_FLAGS := -fsanitize=thread -fno-omit-frame-pointer
endif
ifneq ($(SAN),)
override BUILD := $(BUILD)/$(SAN)
endif

# One short line a step; V=1 shows the commands.
ifneq ($(V),1)
Q := @
say = @echo "  $1	$@"
endif

GEN := $(BUILD)/gen
PLAIN := $(GEN)/plain
AC_CPPFLAGS := -Iinclude -Ilib -I$(GEN) -D_GNU_SOURCE $(DEPS_CFLAGS)
AC_CFLAGS := -std=c11 -pthread -fvisibility=hidden -ffunction-sections \
	$(WARNINGS) $(SAN_FLAGS)
COMPILE = $(CC) $(AC_CPPFLAGS) $(CPPFLAGS) $(AC_CFLAGS) $(CFLAGS) -MMD -MP

LIB_SOURCES := $(sort $(wildcard lib/*/*.c))
GEN_SOURCES := $(GEN)/rpc.pb-c.c $(GEN)/health.pb-c.c
DESCRIPTORS := $(GEN)/rpc.descriptor.c $(GEN)/health.descriptor.c
LIB_OBJECTS := $(LIB_SOURCES:%.c=$(BUILD)/shared/%.o) \
	$(GEN_SOURCES:$(GEN)/%.c=$(BUILD)/shared/gen/%.o) \
	$(DESCRIPTORS:$(GEN)/%.c=$(BUILD)/shared/gen/%.o)
# What needs a library that not everybody wants is a library of its own, and
# left out where that one is not there.
ALL_MODULES := curl nats
MODULE_DEPS_curl := libcurl
MODULE_DEPS_nats := libnats
MODULE_PACKAGE_curl := libcurl4-openssl-dev
MODULE_PACKAGE_nats := libnats-dev
MODULES := $(foreach m,$(ALL_MODULES),$(if $(shell $(PKG_CONFIG) --exists \
	$(MODULE_DEPS_$m) 2>/dev/null && echo yes),$m))
LEFT_OUT := $(filter-out $(MODULES),$(ALL_MODULES))

CORE_HEADERS := include/anycable.h $(filter-out \
	$(ALL_MODULES:%=include/anycable/%.h),\
	$(sort $(wildcard include/anycable/*.h)))
PUBLIC_HEADERS := $(CORE_HEADERS) $(MODULES:%=include/anycable/%.h)
CPP_HEADERS := include/anycable.hpp $(sort $(wildcard include/anycable/*.hpp))

TOOL_OBJECTS := $(patsubst %.c,$(BUILD)/%.o,$(sort $(wildcard src/anycable/*.c)))

# Each is one file. Those of a host's loop are made where the loop is there.
ALL_LOOPS := asio glib libevent libuv
LOOP_DEPS_glib := glib-2.0
LOOP_DEPS_libevent := libevent
LOOP_DEPS_libuv := libuv
LOOP_PACKAGE_asio := libasio-dev
LOOP_PACKAGE_glib := libglib2.0-dev
LOOP_PACKAGE_libevent := libevent-dev
LOOP_PACKAGE_libuv := libuv1-dev
HAS_ASIO := $(shell printf '\043if !__has_include(<asio.hpp>)\n\043error\n\043endif\n' \
	| $(CXX) -E -xc++ - >/dev/null 2>&1 && echo asio)
LOOPS := $(HAS_ASIO) $(foreach l,$(filter-out asio,$(ALL_LOOPS)),$(if $(shell \
	$(PKG_CONFIG) --exists $(LOOP_DEPS_$l) 2>/dev/null && echo yes),$l))
NO_LOOPS := $(filter-out $(LOOPS),$(ALL_LOOPS))

# The servers of a host's own that mount_NAME passes requests on from.
MOUNT_LIBS := $(shell $(PKG_CONFIG) --libs libmicrohttpd 2>/dev/null)
HAS_HTTPLIB := $(shell printf '\043if !__has_include(<httplib.h>)\n\043error\n\043endif\n' \
	| $(CXX) -E -xc++ - >/dev/null 2>&1 && echo httplib)

EXAMPLES := $(patsubst src/examples/%.c,$(BUILD)/examples/%,$(filter-out \
	$(NO_LOOPS:%=src/examples/loop_%.c) \
	$(if $(MOUNT_LIBS),,src/examples/mount_microhttpd.c),\
	$(sort $(wildcard src/examples/*.c)))) \
	$(HAS_ASIO:%=$(BUILD)/examples/loop_%) \
	$(HAS_HTTPLIB:%=$(BUILD)/examples/mount_%)

.PHONY: all
all: $(BUILD)/libanycable.so $(BUILD)/libanycable.a $(BUILD)/anycable.pc \
	$(BUILD)/bin/anycable examples modules

# --- the library -----------------------------------------------------------

$(GEN)/%.pb-c.c $(GEN)/%.pb-c.h: proto/%.proto
	@mkdir -p $(GEN)
	$(call say,PROTOC)
	$(Q)$(PROTOC_C) -I proto -I $$($(PKG_CONFIG) --variable=includedir \
		libprotobuf-c) --c_out=$(GEN) $<

# The contracts without protobuf-c's options, and as descriptors. Of the set
# that protoc writes, the first bytes are the file's tag and length, of two bytes
# as all of ours have from 128 to 16,383.
$(PLAIN)/%.proto: proto/%.proto
	@mkdir -p $(@D)
	$(call say,GEN)
	$(Q)sed -e '/protobuf-c/d' -e '/pb_c_file/d' $< > $@

$(GEN)/%.descriptor.c: $(PLAIN)/%.proto
	$(call say,GEN)
	$(Q)$(PROTOC_C) -I $(PLAIN) --descriptor_set_out=$(@:.c=.bin) $<
	$(Q){ echo '#include "wire/descriptors.h"'; echo 'static const char bytes[] = {'; \
		tail -c +4 $(@:.c=.bin) | od -An -v -td1 | sed 's/\([-0-9]\{1,\}\)/\1,/g'; \
		echo '};'; \
		echo 'const struct ac_descriptor ac_descriptor_$* = {bytes, sizeof(bytes)};'; } > $@

# Made once, not an intermediate that make deletes.
.SECONDARY: $(GEN_SOURCES) $(DESCRIPTORS) $(PLAIN)/rpc.proto $(PLAIN)/health.proto

# Generated code is not ours to warn about.
$(BUILD)/shared/gen/%.o: $(GEN)/%.c
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) $(AC_CPPFLAGS) $(CPPFLAGS) -std=c11 -fvisibility=hidden -w \
		-ffunction-sections -fdata-sections $(SAN_FLAGS) $(CFLAGS) -fPIC -MMD -MP -c -o $@ $<

# What runs seldom is made small, where it would be made fast.
SELDOM := $(wildcard lib/server/*.c lib/node/*.c lib/token/*.c) \
	$(addprefix lib/,http/service.c http/reply.c cable/registry.c \
	cable/identity.c rpc/app.c \
	rpc/broadcast.c wire/client.c services/health.c h2/lifetime.c \
	broadcast/batch.c broadcast/broadcaster.c broadcast/memory.c \
	broadcast/redis.c broadcast/redis_url.c broadcast/redis_sentinel.c \
	broadcast/redis_connection.c wire/reflection.c services/reflection.c \
	grpc/feed.c io/address.c io/lookup.c io/dialer.c \
	io/listener.c io/tls.c io/tls_conn.c base/log.c base/double.c rpc/builder.c)
$(SELDOM:%.c=$(BUILD)/shared/%.o): SMALL = $(if $(filter -O2,$(CFLAGS)),-Os)

# Without unwind tables, which are a sixth of the library: whoever traces a crash
# in a callback finds all of the application's frames above the library's, and
# debuggers find those by what -g leaves. Nothing is thrown through them.
$(BUILD)/shared/%.o: %.c | $(GEN_SOURCES)
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(COMPILE) $(SMALL) -fno-asynchronous-unwind-tables \
		-DBUILDING_ANYCABLE -fPIC -c -o $@ $<

$(BUILD)/$(SONAME): $(LIB_OBJECTS) lib/libanycable.map
	$(call say,LD)
	$(Q)$(CC) -shared -o $@ $(LIB_OBJECTS) -Wl,-soname,$(SONAME) \
		-Wl,--version-script,lib/libanycable.map -Wl,-Bsymbolic-functions \
		-Wl,--gc-sections -Wl,-z,pack-relative-relocs \
		$(if $(SAN),,-Wl,-z,defs) -Wl,-z,relro,-z,now -Wl,--as-needed \
		$(SAN_FLAGS) $(CFLAGS) $(LDFLAGS) $(DEPS_LIBS) -pthread

$(BUILD)/libanycable.so: $(BUILD)/$(SONAME)
	$(Q)ln -sf $(SONAME) $@

# A file for pkg-config, with the libraries that pkg-config says for |1|; made
# anew where the prefix is another than the last time.
.PHONY: FORCE
define configure
$(Q)sed -e 's|@prefix@|$(prefix)|' -e 's|@version@|$(VERSION)|' \
	-e 's|@libdir@|$(patsubst $(exec_prefix)/%,$${exec_prefix}/%,$(libdir))|' \
	-e 's|@includedir@|$(patsubst $(prefix)/%,$${prefix}/%,$(includedir))|' \
	-e "s|@deps@|$$($(PKG_CONFIG) --libs $1)|" $< > $@.new
$(Q)cmp -s $@.new $@ && rm $@.new || mv $@.new $@
endef

# One object with nothing global but anycable_*: a host may have symbols of the
# same names as our inner ones.
define archive
$(call say,AR)
$(Q)$(LD) -r -o $(BUILD)/$1.o $^
$(Q)$(OBJCOPY) --localize-hidden $(BUILD)/$1.o
$(Q)rm -f $@ && $(AR) rcs $@ $(BUILD)/$1.o && rm $(BUILD)/$1.o
endef

$(BUILD)/libanycable.a: $(LIB_OBJECTS)
	$(call archive,anycable)

# --- modules ---------------------------------------------------------------

module_so = libanycable-$1.so.$(SOVERSION)

# |1| is the module: its objects, and both its libraries.
define MODULE_RULES
MODULE_OBJECTS_$1 := $$(patsubst %.c,$$(BUILD)/shared/%.o,\
	$$(sort $$(wildcard lib/modules/$1/*.c)))
MODULE_OBJECTS += $$(MODULE_OBJECTS_$1)

$$(MODULE_OBJECTS_$1): AC_CPPFLAGS += \
	$$(shell $$(PKG_CONFIG) --cflags $$(MODULE_DEPS_$1))

$$(BUILD)/$(call module_so,$1): $$(MODULE_OBJECTS_$1) \
		lib/modules/$1/exports.map $$(BUILD)/libanycable.so
	$$(call say,LD)
	$$(Q)$$(CC) -shared -o $$@ $$(MODULE_OBJECTS_$1) \
		-Wl,-soname,$$(@F) -Wl,--version-script,lib/modules/$1/exports.map \
		$$(if $$(SAN),,-Wl,-z,defs) -Wl,-z,relro,-z,now -Wl,--as-needed \
		$$(SAN_FLAGS) $$(CFLAGS) -L$$(BUILD) -lanycable $$(LDFLAGS) \
		$$$$($$(PKG_CONFIG) --libs $$(MODULE_DEPS_$1)) -pthread

$$(BUILD)/libanycable-$1.so: $$(BUILD)/$(call module_so,$1)
	$$(Q)ln -sf $$(<F) $$@

$$(BUILD)/libanycable-$1.a: $$(MODULE_OBJECTS_$1)
	$$(call archive,anycable-$1)

$$(BUILD)/anycable-$1.pc: pkgconfig/anycable-$1.pc.in Makefile FORCE
	@mkdir -p $$(@D)
	$$(call configure,$$(MODULE_DEPS_$1))
endef

$(foreach m,$(MODULES),$(eval $(call MODULE_RULES,$m)))

.PHONY: modules
modules: $(foreach m,$(MODULES),$(BUILD)/libanycable-$m.so \
		$(BUILD)/libanycable-$m.a $(BUILD)/anycable-$m.pc)
	@:$(foreach m,$(LEFT_OUT),; echo "  LEFT OUT libanycable-$m:" \
		"$(MODULE_PACKAGE_$m) is missing")

# For unit tests, which look inside.
$(BUILD)/libinner.a: $(LIB_OBJECTS)
	$(call say,AR)
	$(Q)rm -f $@ && $(AR) rcs $@ $(LIB_OBJECTS)

$(BUILD)/anycable.pc: pkgconfig/anycable.pc.in Makefile FORCE
	@mkdir -p $(@D)
	$(call configure,--static $(DEPS))

# --- programs --------------------------------------------------------------

$(BUILD)/src/%.o: src/%.c | $(GEN_SOURCES)
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(COMPILE) -c -o $@ $<

$(BUILD)/bin/anycable: $(TOOL_OBJECTS) $(GEN_SOURCES:$(GEN)/%.c=$(BUILD)/shared/gen/%.o) \
		$(BUILD)/libanycable.so
	@mkdir -p $(@D)
	$(call say,LD)
	$(Q)$(CC) -o $@ $(filter %.o,$^) -L$(BUILD) -lanycable \
		-Wl,-rpath,'$$ORIGIN/../lib:$$ORIGIN/..' $(SAN_FLAGS) $(CFLAGS) \
		$(LDFLAGS) $(DEPS_LIBS) -pthread

# Examples see what an installed user sees: the public headers alone.
loop_flags = $(if $(LOOP_DEPS_$(@F:loop_%=%)),$(shell $(PKG_CONFIG) $1 \
	$(LOOP_DEPS_$(@F:loop_%=%))))
$(BUILD)/examples/%: src/examples/%.c $(BUILD)/libanycable.so
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) -Iinclude $(call loop_flags,--cflags) $(CPPFLAGS) -std=gnu11 \
		-pthread $(WARNINGS) $(SAN_FLAGS) $(CFLAGS) -MMD -MP -o $@ $< -L$(BUILD) \
		-lanycable -Wl,-rpath,'$$ORIGIN/..' $(LDFLAGS) \
		$(call loop_flags,--libs) $(if $(findstring mount,$@),$(MOUNT_LIBS))

CXX_WARNINGS := $(filter-out -Wstrict-prototypes -Wmissing-prototypes,\
	$(WARNINGS))
$(BUILD)/examples/loop_asio: src/examples/loop_asio.cc $(BUILD)/libanycable.so
	@mkdir -p $(@D)
	$(call say,CXX)
	$(Q)$(CXX) -Iinclude -DASIO_STANDALONE $(CPPFLAGS) -std=c++17 -pthread \
		$(CXX_WARNINGS) $(SAN_FLAGS) $(CXXFLAGS) -MMD -MP -o $@ $< \
		-L$(BUILD) -lanycable -Wl,-rpath,'$$ORIGIN/..' $(LDFLAGS)

# Its header is not ours to warn about.
$(BUILD)/examples/mount_httplib: src/examples/mount_httplib.cc \
		$(BUILD)/libanycable.so
	@mkdir -p $(@D)
	$(call say,CXX)
	$(Q)$(CXX) -Iinclude $(CPPFLAGS) -std=c++17 -pthread $(SAN_FLAGS) \
		$(CXXFLAGS) -MMD -MP -o $@ $< -L$(BUILD) -lanycable \
		-Wl,-rpath,'$$ORIGIN/..' $(LDFLAGS) \
		$(shell $(PKG_CONFIG) --libs cpp-httplib)

.PHONY: examples
examples: $(EXAMPLES)
	@:$(foreach l,$(NO_LOOPS),; echo "  LEFT OUT examples/loop_$l:" \
		"$(LOOP_PACKAGE_$l) is missing")

# Where there is a C++ compiler: the library needs none.
CPP_EXAMPLES := $(if $(shell command -v $(firstword $(CXX))),\
	$(BUILD)/examples/chat_cpp)
all: $(CPP_EXAMPLES)

CPP_WARNINGS := -Wall -Wextra -Wconversion -Wshadow -Wold-style-cast -pedantic \
	$(if $(filter 1,$(WERROR)),-Werror)
COMPILE_CPP = $(CXX) -Iinclude $(CPPFLAGS) -std=c++17 -pthread $(CPP_WARNINGS) \
	$(SAN_FLAGS) $(CXXFLAGS) -MMD -MP

$(BUILD)/examples/%_cpp: src/examples/%.cc $(BUILD)/libanycable.so
	@mkdir -p $(@D)
	$(call say,CXX)
	$(Q)$(COMPILE_CPP) -o $@ $< -L$(BUILD) -lanycable \
		-Wl,-rpath,'$$ORIGIN/..' $(LDFLAGS)

include $(wildcard test/*.mk man/*.mk)

# --- install ---------------------------------------------------------------

# What is installed, as "source target mode" a line: install and uninstall
# read the same list.
INSTALLED = \
	$(BUILD)/$(SONAME):$(libdir)/$(SONAME):755 \
	$(BUILD)/libanycable.a:$(libdir)/libanycable.a:644 \
	$(BUILD)/anycable.pc:$(libdir)/pkgconfig/anycable.pc:644 \
	$(BUILD)/bin/anycable:$(bindir)/anycable:755 \
	$(foreach m,$(MODULES),\
		$(BUILD)/$(call module_so,$m):$(libdir)/$(call module_so,$m):755 \
		$(BUILD)/libanycable-$m.a:$(libdir)/libanycable-$m.a:644 \
		$(BUILD)/anycable-$m.pc:$(libdir)/pkgconfig/anycable-$m.pc:644) \
	$(foreach h,$(PUBLIC_HEADERS) $(CPP_HEADERS),\
		$(h):$(includedir)/$(h:include/%=%):644) \
	$(foreach m,$(MAN_PAGES),$(m):$(mandir)/man$(subst .,,$(suffix $(m)))/$(notdir $(m)):644)

field = $(word $2,$(subst :, ,$1))
define NEWLINE


endef

.PHONY: install
install: all $(MAN_PAGES)
	$(foreach i,$(INSTALLED),$(INSTALL) -D -m $(call field,$i,3) \
		$(call field,$i,1) $(DESTDIR)$(call field,$i,2)$(NEWLINE)	)
	ln -sf $(SONAME) $(DESTDIR)$(libdir)/libanycable.so
	$(foreach m,$(MODULES),ln -sf $(call module_so,$m) \
		$(DESTDIR)$(libdir)/libanycable-$m.so$(NEWLINE)	)

.PHONY: uninstall
uninstall:
	rm -f $(foreach i,$(INSTALLED),$(DESTDIR)$(call field,$i,2)) \
		$(DESTDIR)$(libdir)/libanycable.so \
		$(foreach m,$(MODULES),$(DESTDIR)$(libdir)/libanycable-$m.so)
	-rmdir $(DESTDIR)$(includedir)/anycable

# --- the rest --------------------------------------------------------------

.PHONY: clean
clean:
	rm -rf $(BUILD)

.PHONY: packages
packages:
	sh test/packages.sh install $(or $(FOR),build modules check)

.PHONY: help
help:
	@sed -n 's/^#: //p' Makefile test/*.mk man/*.mk

#: make                 the library, its modules, the tool and the examples, in
#:                      build/
#: make install         to prefix=/usr/local, also uninstall; DESTDIR works
#: make WERROR=1        warnings are errors
#: make SAN=asan|tsan   with sanitizers, in build/asan, build/tsan
#: make packages        install the Debian packages that building and tests need
#: make clean           remove build/

-include $(LIB_OBJECTS:.o=.d) $(MODULE_OBJECTS:.o=.d) $(TOOL_OBJECTS:.o=.d) $(EXAMPLES:=.d) \
	$(CPP_EXAMPLES:=.d)
