# The modules: adapters against real servers and scripted ones.

#: make check-modules   NATS and HTTP broadcasting

MODULES_PUBLISHER := $(BUILD)/modules/publisher
MODULES_TESTS := $(sort $(wildcard test/modules/test_*.py))

$(MODULES_PUBLISHER): test/modules/publisher.c modules
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) -Iinclude -D_GNU_SOURCE $(CPPFLAGS) -std=c11 -pthread $(WARNINGS) \
		$(SAN_FLAGS) $(CFLAGS) -MMD -MP -o $@ $< -L$(BUILD) -lanycable-nats \
		-lanycable-curl -lanycable -Wl,-rpath,'$$ORIGIN/..' \
		-Wl,-rpath-link,$(BUILD) $(LDFLAGS)

# They wait, more than they work: two at a time.
.PHONY: check-modules
check-modules: $(MODULES_PUBLISHER)
	@test -z "$(LEFT_OUT)" || { echo "left out: $(LEFT_OUT)"; exit 1; }
	@printf '%s\n' $(MODULES_TESTS) | MODULES_PUBLISHER=$(MODULES_PUBLISHER) \
		SAN=$(SAN) PYTHONDONTWRITEBYTECODE=1 xargs -P 2 -I FILE sh -c \
		'echo "  TEST FILE"; log=$(BUILD)/modules/$$(basename FILE .py).log; \
		timeout 300 /usr/bin/python3 FILE -v > $$log 2>&1 || \
		{ cat $$log; exit 1; }'

-include $(MODULES_PUBLISHER).d
