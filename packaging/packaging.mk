# SPDX-License-Identifier: GPL-3.0-or-later
# The manual, what `make install` puts where, and the Debian packages.
PREFIX ?= /usr
prefix  = $(DESTDIR)$(PREFIX)

.PHONY: manual install deb
manual: $(BUILD)/manual/made
$(BUILD)/manual/made: $(BUILD)/moyai packaging/manual
	$(call say,MAN,$(@D))
	$(Q)packaging/manual $< $(@D) && touch $@

# moyai finds its share/ and lib/ beside the bin/ it is in.
install: all manual
	install -D -m 755 $(BUILD)/moyai $(prefix)/bin/moyai
	install -D -m 755 $(BUILD)/moyai-node $(prefix)/lib/moyai/moyai-node
	install -D -m 755 $(BUILD)/moyaid $(prefix)/lib/moyai/moyaid
	install -D -m 644 $(BUILD)/moyai-node.deb $(prefix)/lib/moyai/moyai-node.deb
	mkdir -p $(prefix)/share/moyai
	cp -r --no-preserve=ownership,timestamps roles images pxe skeleton $(prefix)/share/moyai/
	set -e; for page in $(BUILD)/manual/*.[1-8]; do \
		install -D -m 644 $$page $(prefix)/share/man/man$${page##*.}/$${page##*/}; done
	install -D -m 644 completion/moyai.bash $(prefix)/share/bash-completion/completions/moyai
	install -D -m 644 completion/moyai.zsh $(prefix)/share/zsh/vendor-completions/_moyai

# moyai-node.deb is also what goes into the images: made again only when moyai-node changes.
$(BUILD)/moyai-node.deb: $(BUILD)/moyai-node packaging/deb packaging/copyright
	$(call say,DEB,$@)
	$(Q)packaging/deb node $(BUILD)
deb: all manual
	$(Q)packaging/deb all $(BUILD)
