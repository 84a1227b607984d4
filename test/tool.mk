# The command-line tool, against servers that are not ours.

#: make check-tool      the command-line tool and its manual page

TOOL_PROTOS := $(BUILD)/tool/rpc_pb2.py
TOOL_TESTS := $(sort $(wildcard test/tool/test_*.py))

$(TOOL_PROTOS): proto/rpc.proto proto/health.proto
	@mkdir -p $(@D)
	$(call say,GEN)
	$(Q)protoc -I proto -I $$($(PKG_CONFIG) --variable=includedir libprotobuf-c) \
		--python_out=$(@D) rpc.proto health.proto \
		protobuf-c/protobuf-c.proto

.PHONY: check-tool
check-tool: $(BUILD)/bin/anycable $(TOOL_PROTOS)
	$(Q)mandoc -Tlint -Wwarning man/anycable.1
	@set -e; for t in $(TOOL_TESTS); do echo "  TEST $$t"; \
		log=$(BUILD)/tool/$$(basename $$t .py).log; \
		ANYCABLE_TOOL=$< PYTHONPATH=$(BUILD)/tool \
		PYTHONDONTWRITEBYTECODE=1 timeout 300 /usr/bin/python3 $$t \
		> $$log 2>&1 || { cat $$log; exit 1; }; done
