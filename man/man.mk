# Manual pages: some by hand, and one for every function and type, made from
# the comments of the headers.

#: make man             the manual pages, in build/man
#: make check-docs      every function has a page, and no page is wrong

MAN_DATE := November 22, 2026
MAN_AWK := LC_ALL=C awk -v modules="$(ALL_MODULES)" -f man/headers.awk -f man/gen.awk
MAN_MADE := $(patsubst %,$(BUILD)/man/%.3,\
	$(shell $(MAN_AWK) -v list=1 $(PUBLIC_HEADERS)))
MAN_PAGES += $(sort $(wildcard man/*.[1-9])) $(MAN_MADE)

.PHONY: man
man: $(MAN_MADE)

# One run makes them all; those of functions that are gone go, too.
$(MAN_MADE): $(BUILD)/man/made ;
$(BUILD)/man/made: man/gen.awk man/headers.awk man/man.mk $(PUBLIC_HEADERS)
	$(call say,MAN)
	$(Q)rm -rf $(@D) && mkdir -p $(@D)
	$(Q)$(MAN_AWK) -v out=$(@D) -v date="$(MAN_DATE)" \
		-v version=$(VERSION) $(PUBLIC_HEADERS)
	$(Q)touch $@

.PHONY: check-docs
check-docs: $(MAN_MADE)
	$(Q)CC="$(CC)" sh test/docs/check.sh $(MAN_PAGES)
