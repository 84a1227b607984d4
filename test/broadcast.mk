# Broadcasting through real servers, which are killed and frozen, and through
# scripted ones, which answer badly.

#: make check-broadcast broadcasting by real servers, also when they fail

BROADCAST := $(BUILD)/broadcast
BROADCAST_PROGRAMS := $(BROADCAST)/publisher $(BROADCAST)/teller
BROADCAST_TESTS := $(sort $(wildcard test/broadcast/test_*.py))

# They see what an installed user sees: the public headers alone.
$(BROADCAST)/%: test/broadcast/%.c $(BUILD)/libanycable.so
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) -Iinclude -D_GNU_SOURCE $(CPPFLAGS) -std=c11 -pthread $(WARNINGS) \
		$(SAN_FLAGS) $(CFLAGS) -MMD -MP -o $@ $< -L$(BUILD) -lanycable \
		-Wl,-rpath,'$$ORIGIN/..' $(LDFLAGS)

# Sanitizers need to see each path, but not as often. The AnyCable server is the
# same whatever the library is built with.
.PHONY: check-broadcast
check-broadcast: $(BROADCAST_PROGRAMS) modules
	@SAN=$(SAN) BROADCAST_RESTARTS=$(if $(SAN),4,20) \
		SERVER_BUILD=$(patsubst %/$(SAN),%,$(BUILD)) \
		sh test/broadcast/run.sh $(BUILD) $(BROADCAST_TESTS)

-include $(BROADCAST_PROGRAMS:=.d)
