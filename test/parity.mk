# The test kit's node and the real AnyCable server, side by side.

#: make check-parity    the node does what the real AnyCable server does

PARITY := $(BUILD)/parity
PARITY_PROGRAMS := $(PARITY)/node $(PARITY)/server

# They see what an installed user sees: the public headers alone.
$(PARITY)/%: test/parity/%.c test/parity/app.c test/parity/app.h \
		$(BUILD)/libanycable.so
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) -Iinclude -D_GNU_SOURCE $(CPPFLAGS) -std=c11 -pthread $(WARNINGS) \
		$(SAN_FLAGS) $(CFLAGS) -o $@ $< test/parity/app.c -L$(BUILD) \
		-lanycable -Wl,-rpath,'$$ORIGIN/..' $(LDFLAGS)

.PHONY: check-parity
check-parity: $(PARITY_PROGRAMS) modules
	@SERVER_BUILD=$(patsubst %/$(SAN),%,$(BUILD)) sh test/parity/run.sh $(BUILD)
