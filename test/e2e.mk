# The library behind the real AnyCable server: with JavaScript clients as tests,
# and as a demo.

#: make demo            the example backend at work, and all that goes over the wire
#: make check-e2e       end to end: the real AnyCable server, JavaScript clients
#: make check-token     tokens and signed streams against the real server's code

E2E := $(BUILD)/e2e
# What is the same whatever calls go by.
E2E_BY_HTTP := $(addsuffix .test.mjs,session clients channels broadcast token)
E2E_CC = $(CC) -Iinclude -D_GNU_SOURCE $(CPPFLAGS) -std=c11 -pthread \
	$(WARNINGS) $(SAN_FLAGS) $(CFLAGS) -MMD -MP

# As an application is built, that has a JSON parser of its own.
$(E2E)/backend: test/e2e/backend.c $(BUILD)/libanycable.so
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(E2E_CC) -o $@ $< -L$(BUILD) -lanycable -Wl,-rpath,'$$ORIGIN/..' \
		$(LDFLAGS) -lcjson

# One that is written with channels has the library's.
$(E2E)/channels: test/e2e/channels.c $(BUILD)/libanycable.so
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(E2E_CC) -o $@ $< -L$(BUILD) -lanycable -Wl,-rpath,'$$ORIGIN/..' \
		$(LDFLAGS)

$(E2E)/supervisor: test/e2e/supervisor.c
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(E2E_CC) -o $@ $< $(LDFLAGS)

.PHONY: check-e2e
check-e2e: $(E2E)/backend $(E2E)/channels $(E2E)/supervisor \
		$(BUILD)/bin/anycable examples
	@sh test/e2e/run.sh $(BUILD)
	@sh test/e2e/grpcurl.sh $(BUILD)
	@set -e; for by in http nginx haproxy; do echo "By $$by:"; \
		E2E_RPC=$$by sh test/e2e/run.sh $(BUILD) $(E2E_BY_HTTP) \
		$$([ $$by != http ] || echo handover.test.mjs storm.test.mjs); done

.PHONY: check-token
check-token: $(BUILD)/bin/anycable
	@mkdir -p $(E2E)
	@sh test/e2e/token.sh $(BUILD)

# The demo's tap prints messages as the command-line tool does.
DEMO_OBJECTS := $(patsubst %.c,$(BUILD)/%.o,$(wildcard test/e2e/demo/*.c))

$(BUILD)/test/e2e/demo/%.o: test/e2e/demo/%.c | $(GEN_SOURCES)
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(COMPILE) -c -o $@ $<

$(E2E)/demo: $(DEMO_OBJECTS) $(BUILD)/src/anycable/message.o \
		$(BUILD)/src/anycable/text.o $(BUILD)/shared/gen/rpc.pb-c.o
	@mkdir -p $(@D)
	$(call say,LD)
	$(Q)$(CC) -o $@ $^ $(SAN_FLAGS) $(CFLAGS) $(LDFLAGS) $(DEPS_LIBS) -pthread

# Packages are looked for when make starts, so what needs them starts again.
.PHONY: demo run-demo
demo:
	@sh test/packages.sh install build demo
	@$(MAKE) --no-print-directory run-demo

run-demo: $(E2E)/demo $(BUILD)/examples/factory $(BUILD)/bin/anycable
	@sh test/e2e/demo.sh $(BUILD)

-include $(E2E)/backend.d $(E2E)/channels.d $(E2E)/supervisor.d $(DEMO_OBJECTS:.o=.d)
