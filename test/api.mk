# What users and hosts of the library see of it, and how its parts see each
# other.

#: make check-api       headers, exported symbols, calls, layers

.PHONY: check-api check-abi check-headers check-layers
check-api: check-abi check-headers check-layers

# Sanitizers export and call what is theirs.
check-abi: $(BUILD)/libanycable.so $(BUILD)/libanycable.a
ifeq ($(SAN),)
	$(Q)sh test/abi/check.sh $^
	$(Q)sh test/abi/calls.sh $(BUILD)/shared/lib
endif

check-headers:
	$(Q)CC="$(CC)" CXX="$(CXX)" sh test/header/check.sh $(WARNINGS)

check-layers:
	$(Q)sh test/layers.sh
