# make check-interop: gRPC implementations that are not ours, as clients.

#: make check-interop   grpc-js, gRPC core and grpc C++ as clients

INTEROP := $(BUILD)/interop

$(INTEROP)/server: test/interop/server.c $(BUILD)/libanycable.so
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) -Iinclude $(CPPFLAGS) -std=c11 -pthread $(WARNINGS) $(SAN_FLAGS) \
		$(CFLAGS) -MMD -MP -o $@ $< -L$(BUILD) -lanycable \
		-Wl,-rpath,'$$ORIGIN/..' $(LDFLAGS)

$(INTEROP)/client_grpc_cpp.o: test/interop/client_grpc_cpp.cc \
		$(PLAIN)/rpc.grpc.pb.h $(PLAIN)/health.grpc.pb.h
	@mkdir -p $(@D)
	$(call say,CXX)
	$(Q)$(GRPC_CPP) -Wall -Wextra -c -o $@ $<

$(INTEROP)/client_grpc_cpp: $(INTEROP)/client_grpc_cpp.o \
		$(addprefix $(PLAIN)/,rpc.pb.o rpc.grpc.pb.o health.pb.o health.grpc.pb.o)
	$(call say,LD)
	$(Q)$(CXX) -o $@ $^ $(LDFLAGS) $(GRPC_CPP_LIBS)

$(INTEROP)/rpc_pb2.py $(INTEROP)/health_pb2.py: $(INTEROP)/%_pb2.py: \
		$(PLAIN)/%.proto
	@mkdir -p $(@D)
	$(call say,GEN)
	$(Q)protoc -I $(PLAIN) --python_out=$(INTEROP) $<

# npm installs beside package.json, which must not be in the source tree.
$(INTEROP)/node_modules/.package-lock.json: test/interop/package.json \
		test/interop/package-lock.json
	@mkdir -p $(INTEROP)
	$(Q)cp test/interop/package.json test/interop/package-lock.json \
		test/interop/.npmrc $(INTEROP)
	$(Q)cd $(INTEROP) && npm ci --loglevel=error --no-progress \
		--ignore-scripts > npm.log 2>&1 || { cat npm.log; exit 1; }
	$(Q)touch $@

.PHONY: check-interop
check-interop: $(INTEROP)/server $(INTEROP)/client_grpc_cpp \
		$(INTEROP)/rpc_pb2.py $(INTEROP)/health_pb2.py $(PLAIN)/health.proto \
		$(INTEROP)/node_modules/.package-lock.json
	$(Q)cp test/interop/client_grpc_js.js $(INTEROP)
	$(Q)PYTHONPATH=$(INTEROP) /usr/bin/python3 -B test/interop/run.py \
		--work $(INTEROP) --server $(INTEROP)/server \
		--client "grpc-js=node $(INTEROP)/client_grpc_js.js --proto $(PLAIN)" \
		--client "grpc-core=/usr/bin/python3 -B test/interop/client_grpc_core.py" \
		--client "grpc-c++=$(INTEROP)/client_grpc_cpp"

-include $(INTEROP)/server.d $(INTEROP)/client_grpc_cpp.d
