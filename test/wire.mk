# The decoder and the encoder against Google's protobuf.

#: make check-wire      the wire against Google's protobuf, INPUTS=200000 SEED=1
#: make fuzz-wire       the same under libFuzzer, for FUZZ_SECONDS=60
#: make golden          write the golden messages anew

INPUTS ?= 200000
SEED ?= 1
FUZZ_SECONDS ?= 60
FUZZ_CC ?= clang-14
FUZZ_CXX ?= clang++-14
FUZZ_FLAGS := -g -O1 -fsanitize=fuzzer-no-link,address,undefined \
	-fno-sanitize-recover=undefined

WIRE := $(BUILD)/wire
WIRE_CPPFLAGS = -Iinclude -Ilib -I$(PLAIN)
WIRE_LIBS = $$($(PKG_CONFIG) --libs protobuf) -pthread
WIRE_PROTOS := $(PLAIN)/rpc.pb.o $(PLAIN)/health.pb.o

.PRECIOUS: $(WIRE)/%.o $(WIRE)/fuzz/%.o

$(WIRE)/%.o: test/fuzz/%.cc | $(PLAIN)/rpc.pb.h $(PLAIN)/health.pb.h
	@mkdir -p $(@D)
	$(call say,CXX)
	$(Q)$(CXX) -std=c++17 -Wall -Wextra $(WIRE_CPPFLAGS) $(CPPFLAGS) \
		$(SAN_FLAGS) $(CXXFLAGS) -MMD -MP -c -o $@ $<

$(WIRE)/differential_%: $(WIRE)/differential_%.o $(WIRE)/random_message.o \
		$(WIRE_PROTOS) $(BUILD)/libinner.a
	$(call say,LINK)
	$(Q)$(CXX) $(SAN_FLAGS) -o $@ $^ $(LDFLAGS) $(DEPS_LIBS) $(WIRE_LIBS)

.PHONY: check-wire
check-wire: $(WIRE)/differential_decode $(WIRE)/differential_encode
	$(WIRE)/differential_decode -n $(INPUTS) -seed $(SEED)
	$(WIRE)/differential_encode -n $$(( $(INPUTS) / 10 )) -seed $(SEED)
	@rm -rf $(WIRE)/golden && mkdir -p $(WIRE)/golden
	/usr/bin/python3 test/golden/generate.py $(WIRE)/golden
	diff -r -x generate.py test/golden $(WIRE)/golden

.PHONY: golden
golden:
	/usr/bin/python3 test/golden/generate.py

$(WIRE)/fuzz/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(FUZZ_CC) $(AC_CPPFLAGS) -std=c11 $(FUZZ_FLAGS) -c -o $@ $<

$(WIRE)/fuzz/%.o: test/fuzz/%.cc | $(PLAIN)/rpc.pb.h $(PLAIN)/health.pb.h
	@mkdir -p $(@D)
	$(call say,CXX)
	$(Q)$(FUZZ_CXX) -std=c++17 $(WIRE_CPPFLAGS) $(FUZZ_FLAGS) -DLIBFUZZER \
		-c -o $@ $<

$(WIRE)/fuzz/decode: $(WIRE)/fuzz/differential_decode.o \
		$(WIRE)/fuzz/random_message.o $(WIRE_PROTOS) \
		$(patsubst %,$(WIRE)/fuzz/lib/%.o,wire/decode wire/map wire/reader \
		base/arena base/utf8 base/str)
	$(call say,LINK)
	$(Q)$(FUZZ_CXX) -fsanitize=fuzzer,address,undefined -o $@ $^ $(WIRE_LIBS)

.PHONY: fuzz-wire
fuzz-wire: $(WIRE)/fuzz/decode
	@mkdir -p $(WIRE)/corpus
	$(WIRE)/fuzz/decode -max_total_time=$(FUZZ_SECONDS) -max_len=20000 \
		-print_final_stats=1 $(WIRE)/corpus

-include $(wildcard $(WIRE)/*.d)
