# make bench: the library against grpc C++ on this machine, and against what is
# required of it.

#: make bench           figures, and required against seen; BENCH=--help tells more

BENCH ?=
GRPC_CPP_LIBS = -Wl,--as-needed $$($(PKG_CONFIG) --libs grpc++ protobuf) -pthread
GRPC_CPP = $(CXX) -std=c++17 -I$(PLAIN) $(CPPFLAGS) $(CXXFLAGS) -MMD -MP

.PRECIOUS: $(BUILD)/bench/%.o

$(BUILD)/bench/%.o: test/bench/%.cc $(PLAIN)/rpc.grpc.pb.h
	@mkdir -p $(@D)
	$(call say,CXX)
	$(Q)$(GRPC_CPP) -Wall -Wextra -c -o $@ $<

$(BUILD)/bench/%_grpc_cpp: $(BUILD)/bench/%_grpc_cpp.o $(PLAIN)/rpc.pb.o \
		$(PLAIN)/rpc.grpc.pb.o
	$(call say,LD)
	$(Q)$(CXX) -o $@ $^ $(LDFLAGS) $(GRPC_CPP_LIBS)

$(BUILD)/bench/%: test/bench/%.c $(BUILD)/libanycable.so
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) -Iinclude $(CPPFLAGS) -std=c11 -pthread $(WARNINGS) $(SAN_FLAGS) \
		$(CFLAGS) -MMD -MP -o $@ $< -L$(BUILD) -lanycable \
		-Wl,-rpath,'$$ORIGIN/..' $(LDFLAGS)

# What there is without the library.
$(BUILD)/bench/bare_%: test/bench/bare_%.c
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) $(CPPFLAGS) $(WARNINGS) $(CFLAGS) -o $@ $< $(LDFLAGS) \
		$$($(PKG_CONFIG) --libs openssl)

BENCH_PEERS := $(BUILD)/bench/peer_grpc_cpp $(BUILD)/bench/call_grpc_cpp

.PHONY: bench bench-run
bench:
	sh test/packages.sh install build bench
	$(MAKE) bench-run

bench-run: $(BENCH_PEERS) $(BUILD)/bench/server $(BUILD)/bench/publish \
		$(BUILD)/bench/bare_tls $(BUILD)/bench/bare_http
	/usr/bin/python3 -B test/bench/bench.py --build $(BUILD) $(BENCH)

-include $(BENCH_PEERS:=.d) $(BUILD)/bench/server.d $(BUILD)/bench/publish.d
