# The contracts as other implementations read them: without protobuf-c's
# options, and as C++. For tests and benchmarks.

$(PLAIN)/%.pb.cc $(PLAIN)/%.pb.h: $(PLAIN)/%.proto
	$(call say,GEN)
	$(Q)protoc -I $(PLAIN) --cpp_out=$(PLAIN) $<

$(PLAIN)/%.grpc.pb.cc $(PLAIN)/%.grpc.pb.h: $(PLAIN)/%.proto $(PLAIN)/%.pb.h
	$(call say,GEN)
	$(Q)protoc -I $(PLAIN) --grpc_out=$(PLAIN) \
		--plugin=protoc-gen-grpc="$$(command -v grpc_cpp_plugin)" $<

$(PLAIN)/%.o: $(PLAIN)/%.cc
	$(call say,CXX)
	$(Q)$(CXX) -std=c++17 -I$(PLAIN) $(CPPFLAGS) -w -O2 -MMD -MP -c -o $@ $<

.PRECIOUS: $(PLAIN)/%.proto $(PLAIN)/%.pb.cc $(PLAIN)/%.pb.h \
	$(PLAIN)/%.grpc.pb.cc $(PLAIN)/%.grpc.pb.h $(PLAIN)/%.o
