# make check: everything that proves something.

#: make check           all tests; installs the Debian packages they lack
#: make check-unit      unit tests, one program a file

# Each step is a make of its own, as packages are looked for when make starts,
# and sanitizers and clang have builds of their own. |asan| and |tsan| run what
# concerns memory and threads.
CHECKS := all check-unit check-api check-docs check-wire check-fuzz check-tool \
	check-conformance check-interop check-e2e installcheck
CHECKS_ASAN := all check-unit check-fuzz check-tool check-conformance
CHECKS_TSAN := check-unit check-conformance

.PHONY: check check-all
check:
	@sh test/packages.sh install build check interop e2e
	@$(MAKE) --no-print-directory check-all

check-all:
	@sh test/steps.sh "$(MAKE)" "" $(CHECKS)
	@sh test/steps.sh "$(MAKE)" "CC=clang-14 CXX=clang++-14 BUILD=$(BUILD)/clang" all
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

$(BUILD)/unit/test_failmalloc: LDFLAGS += -Wl,--wrap=malloc \
	-Wl,--wrap=calloc -Wl,--wrap=realloc

# Each program is one file of tests, and has a minute.
.PHONY: check-unit
check-unit: $(UNIT_TESTS)
	@set -e; for t in $(UNIT_TESTS); do echo "  TEST $$t"; \
		timeout 60 $$t > $$t.log 2>&1 || { cat $$t.log; exit 1; }; done

-include $(UNIT_TESTS:=.d)
