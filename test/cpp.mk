# make check-cpp: anycable.hpp, with and without exceptions.

#: make check-cpp       the C++ header

CPP_TESTS := $(patsubst test/cpp/%.cc,$(BUILD)/cpp/%,\
	$(sort $(wildcard test/cpp/test_*.cc)))
# What does not throw works without exceptions and RTTI, too.
CPP_PLAIN := $(patsubst %,%-plain,$(filter-out %/test_throw,$(CPP_TESTS)))

# Programs that see what an installed user sees.
CPP_LINK = -L$(BUILD) -lanycable -Wl,-rpath,'$$ORIGIN/..' $(LDFLAGS)

$(BUILD)/cpp/%-plain: test/cpp/%.cc $(BUILD)/libanycable.so
	@mkdir -p $(@D)
	$(call say,CXX)
	$(Q)$(COMPILE_CPP) -fno-exceptions -fno-rtti -o $@ $< $(CPP_LINK)

$(BUILD)/cpp/%: test/cpp/%.cc $(BUILD)/libanycable.so
	@mkdir -p $(@D)
	$(call say,CXX)
	$(Q)$(COMPILE_CPP) -o $@ $< $(CPP_LINK)

.PHONY: check-cpp
check-cpp: $(CPP_TESTS) $(CPP_PLAIN)
	@set -e; for t in $^; do echo "  TEST $$t"; \
		timeout 60 $$t > $$t.log 2>&1 || { cat $$t.log; exit 1; }; done

-include $(CPP_TESTS:=.d) $(CPP_PLAIN:=.d)
