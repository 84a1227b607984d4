# make check: everything that proves something.

#: make check           all tests; installs the Debian packages they lack
#: make check-unit      unit tests, one program a file

# Each step is a make of its own, as packages are looked for when make starts,
# and sanitizers and clang have builds of their own. |asan| and |tsan| run what
# concerns memory and threads.
CHECKS := all check-unit check-api check-docs check-wire check-fuzz check-tool \
	check-conformance check-modules check-interop check-e2e check-parity \
	check-token check-broadcast check-cpp installcheck
CHECKS_ASAN := all check-unit check-fuzz check-tool check-conformance \
	check-modules check-broadcast check-cpp
CHECKS_TSAN := check-unit check-conformance check-modules check-broadcast \
	check-cpp

.PHONY: check check-all
check:
	@sh test/packages.sh install build modules check interop e2e \
		broadcast
	@$(MAKE) --no-print-directory check-all

check-all:
	@sh test/steps.sh "$(MAKE)" "" $(CHECKS)
	@sh test/steps.sh "$(MAKE)" "CC=clang-14 CXX=clang++-14 BUILD=$(BUILD)/clang" all
	@sh test/steps.sh "$(MAKE)" "CPPFLAGS=-U__SSE2__ BUILD=$(BUILD)/words" \
		check-text
	@sh test/steps.sh "$(MAKE)" "SAN=asan" $(CHECKS_ASAN)
	@sh test/steps.sh "$(MAKE)" "SAN=tsan" $(CHECKS_TSAN)
	@echo "all checks passed"

UNIT_TESTS := $(patsubst test/unit/%.c,$(BUILD)/unit/%,\
	$(sort $(wildcard test/unit/test_*.c)))

$(BUILD)/unit/%: test/unit/%.c $(BUILD)/libinner.a
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(COMPILE) -Itest -o $@ $< $(BUILD)/libinner.a $(LDFLAGS) $(DEPS_LIBS) \
		-lcmocka -pthread

# Where memory runs out, and threads.
$(BUILD)/unit/test_broadcast_memory: LDFLAGS += -Wl,--wrap=pthread_create
$(patsubst %,$(BUILD)/unit/test_%,failmalloc token_memory redis_memory \
	broadcast_memory builder cable_memory node_memory): \
	LDFLAGS += -Wl,--wrap=malloc \
	-Wl,--wrap=calloc -Wl,--wrap=realloc

# A locale that writes 1.5 as 1,5.
LOCALES := $(BUILD)/unit/locale
$(LOCALES)/de_DE.UTF-8:
	@mkdir -p $(@D)
	$(Q)localedef -i de_DE -f UTF-8 $(abspath $@)

# Those of what has a way of its own where processors have no SSE2.
TEXT_TESTS := $(patsubst %,$(BUILD)/unit/test_%,decode http_json http_reader \
	json json_cursor json_read message node reply utf8)

# Each program is one file of tests, and has a minute.
run_tests = set -e; for t in $1; do echo "  TEST $$t"; \
	LOCPATH=$(abspath $(LOCALES)) timeout 60 $$t > $$t.log 2>&1 || \
	{ cat $$t.log; exit 1; }; done

.PHONY: check-unit check-text
check-unit: $(UNIT_TESTS) $(LOCALES)/de_DE.UTF-8
	@$(call run_tests,$(UNIT_TESTS))

check-text: $(TEXT_TESTS) $(LOCALES)/de_DE.UTF-8
	@$(call run_tests,$(TEXT_TESTS))

-include $(UNIT_TESTS:=.d)
