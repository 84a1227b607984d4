# Random inputs for what reads what clients send.

#: make check-fuzz      the fuzz targets on random inputs; INPUTS=N

FUZZ_TARGETS := $(patsubst test/fuzz/fuzz_%.c,$(BUILD)/fuzz/%,\
	$(sort $(wildcard test/fuzz/fuzz_*.c)))

$(BUILD)/fuzz/%: test/fuzz/fuzz_%.c test/fuzz/standalone.c $(BUILD)/libinner.a
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(COMPILE) -o $@ $(filter %.c,$^) $(BUILD)/libinner.a $(LDFLAGS) \
		$(DEPS_LIBS) -pthread

.PHONY: check-fuzz
check-fuzz: $(FUZZ_TARGETS)
	$(Q)set -e; for t in $(FUZZ_TARGETS); do echo "  FUZZ $$t"; \
		$$t -n $$(( $(INPUTS) / 4 )) -s $(SEED) > $$t.log 2>&1 || \
		{ cat $$t.log; exit 1; }; done

-include $(FUZZ_TARGETS:=.d)
