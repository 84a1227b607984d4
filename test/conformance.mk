# The requirements of gRPC over HTTP/2, and attacks, on raw frames.

#: make check-conformance   HTTP/2 and gRPC on raw frames, floods included

CONFORMANCE := $(BUILD)/conformance/server
CONFORMANCE_TESTS := $(sort $(wildcard test/conformance/test_*.py))

# The server sees what an installed user sees: the public headers alone.
$(CONFORMANCE): test/conformance/server.c $(BUILD)/libanycable.so
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) -Iinclude -D_GNU_SOURCE $(CPPFLAGS) -std=c11 -pthread $(WARNINGS) \
		$(SAN_FLAGS) $(CFLAGS) -MMD -MP -o $@ $< -L$(BUILD) -lanycable \
		-Wl,-rpath,'$$ORIGIN/..' $(LDFLAGS)

# Each file is one table of requirements.
.PHONY: check-conformance
check-conformance: $(CONFORMANCE)
	@set -e; for t in $(CONFORMANCE_TESTS); do echo "  TEST $$t"; \
		log=$(BUILD)/conformance/$$(basename $$t .py).log; \
		CONFORMANCE_SERVER=$(CONFORMANCE) SAN=$(SAN) \
		PYTHONDONTWRITEBYTECODE=1 timeout 300 /usr/bin/python3 $$t -v \
		> $$log 2>&1 || { cat $$log; exit 1; }; done

-include $(CONFORMANCE).d
