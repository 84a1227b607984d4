# What is installed is enough to build with, and goes away again.

#: make installcheck    installs to a temporary place, and uses what is there

.PHONY: installcheck
installcheck: all
ifeq ($(SAN),)
	$(Q)MAKE="$(MAKE)" CC="$(CC)" CXX="$(CXX)" BUILD="$(BUILD)" \
		PKG_CONFIG="$(PKG_CONFIG)" sh test/install/check.sh $(VERSION)
endif
