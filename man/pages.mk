# The manual pages that are installed.

MAN_PAGES += $(sort $(wildcard man/*.[1-9]))
