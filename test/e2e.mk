# The library behind the real AnyCable server: with JavaScript clients as tests,
# and as a demo.

#: make demo            the example backend at work, and all that goes over the wire
#: make check-e2e       end to end: the real AnyCable server, JavaScript clients

E2E := $(BUILD)/e2e
E2E_CC = $(CC) -Iinclude -D_GNU_SOURCE $(CPPFLAGS) -std=c11 -pthread \
	$(WARNINGS) $(SAN_FLAGS) $(CFLAGS) -MMD -MP

# As an application is built, that has a JSON parser of its own.
$(E2E)/backend: test/e2e/backend.c $(BUILD)/libanycable.so
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(E2E_CC) -o $@ $< -L$(BUILD) -lanycable -Wl,-rpath,'$$ORIGIN/..' \
		$(LDFLAGS) -lcjson

$(E2E)/supervisor: test/e2e/supervisor.c
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(E2E_CC) -o $@ $< $(LDFLAGS)

.PHONY: check-e2e
check-e2e: $(E2E)/backend $(E2E)/supervisor
	@sh test/e2e/run.sh $(BUILD)

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

-include $(E2E)/backend.d $(E2E)/supervisor.d $(DEMO_OBJECTS:.o=.d)
