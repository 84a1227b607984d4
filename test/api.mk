# What users and hosts of the library see of it, and how its parts see each
# other.

#: make check-api       headers, exported symbols, calls, layers

.PHONY: check-api check-abi check-headers check-layers
check-api: check-abi check-headers check-layers

# Sanitizers export and call what is theirs.
check-abi: $(BUILD)/libanycable.so $(BUILD)/libanycable.a modules
ifeq ($(SAN),)
	$(Q)sh test/abi/check.sh lib/libanycable.map $(BUILD)/libanycable.so \
		$(BUILD)/libanycable.a $(CORE_HEADERS)
	$(Q)$(foreach m,$(MODULES),sh test/abi/check.sh lib/modules/$m/exports.map \
		$(BUILD)/libanycable-$m.so $(BUILD)/libanycable-$m.a \
		include/anycable/$m.h &&) :
	$(Q)sh test/abi/calls.sh $(BUILD)/shared/lib
endif

check-headers:
	$(Q)CC="$(CC)" CXX="$(CXX)" sh test/header/check.sh $(WARNINGS)

check-layers:
	$(Q)sh test/layers.sh
