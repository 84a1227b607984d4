# libanycable. `make` builds, `make check` tests, `make demo` shows it at work;
# `make help` lists the rest. Everything that is made goes to $(BUILD).

BUILD ?= build
prefix ?= /usr/local
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
AC_CFLAGS := -std=c11 -pthread -fvisibility=hidden $(WARNINGS) $(SAN_FLAGS)
COMPILE = $(CC) $(AC_CPPFLAGS) $(CPPFLAGS) $(AC_CFLAGS) $(CFLAGS) -MMD -MP

LIB_SOURCES := $(sort $(wildcard lib/*/*.c))
GEN_SOURCES := $(GEN)/rpc.pb-c.c $(GEN)/health.pb-c.c
LIB_OBJECTS := $(LIB_SOURCES:%.c=$(BUILD)/shared/%.o) \
	$(GEN_SOURCES:$(GEN)/%.c=$(BUILD)/shared/gen/%.o)
PUBLIC_HEADERS := include/anycable.h $(sort $(wildcard include/anycable/*.h))

TOOL_OBJECTS := $(patsubst %.c,$(BUILD)/%.o,$(sort $(wildcard src/anycable/*.c)))
EXAMPLES := $(patsubst src/examples/%.c,$(BUILD)/examples/%,\
	$(sort $(wildcard src/examples/*.c)))

.PHONY: all
all: $(BUILD)/libanycable.so $(BUILD)/libanycable.a $(BUILD)/anycable.pc \
	$(BUILD)/bin/anycable $(EXAMPLES)

# --- the library -----------------------------------------------------------

$(GEN)/%.pb-c.c $(GEN)/%.pb-c.h: proto/%.proto
	@mkdir -p $(GEN)
	$(call say,PROTOC)
	$(Q)$(PROTOC_C) -I proto -I $$($(PKG_CONFIG) --variable=includedir \
		libprotobuf-c) --c_out=$(GEN) $<

# Made once, not an intermediate that make deletes.
.SECONDARY: $(GEN_SOURCES)

# Generated code is not ours to warn about.
$(BUILD)/shared/gen/%.o: $(GEN)/%.c
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) $(AC_CPPFLAGS) $(CPPFLAGS) -std=c11 -fvisibility=hidden -w \
		$(SAN_FLAGS) $(CFLAGS) -fPIC -MMD -MP -c -o $@ $<

$(BUILD)/shared/%.o: %.c | $(GEN_SOURCES)
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(COMPILE) -DBUILDING_ANYCABLE -fPIC -c -o $@ $<

$(BUILD)/$(SONAME): $(LIB_OBJECTS) lib/libanycable.map
	$(call say,LD)
	$(Q)$(CC) -shared -o $@ $(LIB_OBJECTS) -Wl,-soname,$(SONAME) \
		-Wl,--version-script,lib/libanycable.map \
		$(if $(SAN),,-Wl,-z,defs) -Wl,-z,relro,-z,now -Wl,--as-needed \
		$(SAN_FLAGS) $(CFLAGS) $(LDFLAGS) $(DEPS_LIBS) -pthread

$(BUILD)/libanycable.so: $(BUILD)/$(SONAME)
	$(Q)ln -sf $(SONAME) $@

# One object with nothing global but anycable_*: a host may have symbols of the
# same names as our inner ones.
$(BUILD)/libanycable.a: $(LIB_OBJECTS)
	$(call say,AR)
	$(Q)$(LD) -r -o $(BUILD)/anycable.o $(LIB_OBJECTS)
	$(Q)$(OBJCOPY) --localize-hidden $(BUILD)/anycable.o
	$(Q)rm -f $@ && $(AR) rcs $@ $(BUILD)/anycable.o && \
		rm $(BUILD)/anycable.o

# For unit tests, which look inside.
$(BUILD)/libinner.a: $(LIB_OBJECTS)
	$(call say,AR)
	$(Q)rm -f $@ && $(AR) rcs $@ $(LIB_OBJECTS)

# Made anew where the prefix is another than the last time.
.PHONY: FORCE
$(BUILD)/anycable.pc: pkgconfig/anycable.pc.in Makefile FORCE
	@mkdir -p $(@D)
	$(Q)sed -e 's|@prefix@|$(prefix)|' -e 's|@version@|$(VERSION)|' \
		-e 's|@libdir@|$(patsubst $(exec_prefix)/%,$${exec_prefix}/%,$(libdir))|' \
		-e 's|@includedir@|$(patsubst $(prefix)/%,$${prefix}/%,$(includedir))|' \
		-e "s|@deps@|$$($(PKG_CONFIG) --static --libs $(DEPS))|" $< > $@.new
	$(Q)cmp -s $@.new $@ && rm $@.new || mv $@.new $@

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
$(BUILD)/examples/%: src/examples/%.c $(BUILD)/libanycable.so
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) -Iinclude $(CPPFLAGS) -std=c11 -pthread $(WARNINGS) $(SAN_FLAGS) \
		$(CFLAGS) -MMD -MP -o $@ $< -L$(BUILD) -lanycable \
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
	$(foreach h,$(PUBLIC_HEADERS),$(h):$(includedir)/$(h:include/%=%):644) \
	$(foreach m,$(MAN_PAGES),$(m):$(mandir)/man$(subst .,,$(suffix $(m)))/$(notdir $(m)):644)

field = $(word $2,$(subst :, ,$1))
define NEWLINE


endef

.PHONY: install
install: all $(MAN_PAGES)
	$(foreach i,$(INSTALLED),$(INSTALL) -D -m $(call field,$i,3) \
		$(call field,$i,1) $(DESTDIR)$(call field,$i,2)$(NEWLINE)	)
	ln -sf $(SONAME) $(DESTDIR)$(libdir)/libanycable.so

.PHONY: uninstall
uninstall:
	rm -f $(foreach i,$(INSTALLED),$(DESTDIR)$(call field,$i,2)) \
		$(DESTDIR)$(libdir)/libanycable.so
	-rmdir $(DESTDIR)$(includedir)/anycable

# --- the rest --------------------------------------------------------------

.PHONY: clean
clean:
	rm -rf $(BUILD)

.PHONY: packages
packages:
	sh test/packages.sh install $(or $(FOR),build check)

.PHONY: help
help:
	@sed -n 's/^#: //p' Makefile test/*.mk man/*.mk

#: make                 the library, the tool and the examples, in build/
#: make install         to prefix=/usr/local, also uninstall; DESTDIR works
#: make WERROR=1        warnings are errors
#: make SAN=asan|tsan   with sanitizers, in build/asan, build/tsan
#: make packages        install the Debian packages that building and tests need
#: make clean           remove build/

-include $(LIB_OBJECTS:.o=.d) $(TOOL_OBJECTS:.o=.d) $(EXAMPLES:=.d)
