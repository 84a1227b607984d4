# make check: everything that proves something.

#: make check           all tests; installs the Debian packages they lack

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
