# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash disable=SC2154,SC2016,SC1003
# The manager holds the images. Strings stay single arguments. An image of another build serves, too.

wanted=$(gojq -r '.files | .kernel, .initrd, .layers[] | "\(.sha256)  \(.path)"' "$MOYAI_IMAGES"/{cluster-manager,gateway,vm-server,storage,memory-server}/manifest.json | sort -u)
expect_text "manager: the manifests name files" '^[0-9a-f]{64}  gateway/role.squashfs$' "$wanted"
expect_same "manager: holds what the manifests name" "" "$(comm -23 <(echo "$wanted") \
	<(on manager "cd /var/lib/moyai/images && find . -type f -printf '%P\n' | xargs sha256sum" | sort))"

strings=('a  b' "it's" 'say "hi"' '$(touch /tmp/owned)' '`touch /tmp/owned`' $'two\nlines' ';touch /tmp/owned' '' '*' '\')
expect_exit "run: strings are arguments as they are" 0 moyai run manager -- sh -c 'printf "%s\0" "$@" | sha256sum' - "${strings[@]}"
expect_text "run: … every one" "$(printf '%s\0' "${strings[@]}" | sha256sum | cut -c 1-64)" "$output"

cp "$site_dir/site.cfg" "$test_dir/site.cfg"
# A value that the kernel keeps as it is.
sed -i '/name = "manager"; role/a sysctls = ( { name = "kernel.core_pattern"; value = "c \\"q\\" '"'s'"' $(touch /tmp/owned) `touch /tmp/owned` ; \\\\"; } );' "$site_dir/site.cfg"
expect_exit "strings: a field with quotes and commands is applied" 0 moyai apply --yes --limit manager
expect_same "strings: … as it is" 'c "q" '"'s'"' $(touch /tmp/owned) `touch /tmp/owned` ; \' \
	"$(on manager "cat /proc/sys/kernel/core_pattern")"
expect_exit "strings: … and is observed so" 0 moyai plan --limit manager
sed -i 's/c \\"q\\"/c\\nq/' "$site_dir/site.cfg"
expect_exit "strings: one with a line break is refused" 1 moyai validate
expect_text "strings: … with a message" 'sysctl kernel.core_pattern: value: empty or with a line break or control character; a value is one line' "$output"
mv "$test_dir/site.cfg" "$site_dir/site.cfg"
expect_exit "strings: the field is taken back" 0 moyai apply --yes --limit manager
expect_nothing "strings: nothing was executed on the node" manager "find /tmp -name owned"
expect "strings: nothing was executed here" test ! -e /tmp/owned

cp "$build/moyai-node" "$test_dir/moyai-node"
printf x >>"$test_dir/moyai-node"
other=$(sha256sum "$test_dir/moyai-node" | cut -c 1-64)
MOYAI_NODE_PROGRAM=$test_dir/moyai-node expect_exit "other build: plan works" 0 moyai plan
sent=$(for node in manager gw vm1 store1 mem1; do on "$node" "stat -c %i.%Y /run/moyai/moyai-node-$other; sha256sum </run/moyai/moyai-node-$other"; done)
expect_same "other build: it was sent to all five" 5 "$(grep -c "^$other" <<<"$sent")"
MOYAI_NODE_PROGRAM=$test_dir/moyai-node expect_exit "other build: apply works" 0 moyai apply --yes
expect_same "other build: it is sent once" "$sent" \
	"$(for node in manager gw vm1 store1 mem1; do on "$node" "stat -c %i.%Y /run/moyai/moyai-node-$other; sha256sum </run/moyai/moyai-node-$other"; done)"
