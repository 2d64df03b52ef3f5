# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
# What the boot server's tests share. They run in network, mount and process namespaces of their
# own, made by `boot-test`: whatever happens, nothing of them stays.

top=$(realpath "$(dirname "${BASH_SOURCE[0]}")/../..")
moyai=$(realpath "${MOYAI:-$top/build/moyai}")
work=$(mktemp -d /tmp/moyai-boot-XXXXXX)
trap 'rm -rf "$work"' EXIT
state=$work/state
site=$work/site
server=http://10.77.0.1:8077
failures=0

ok() {
	echo "ok $1"
}
not_ok() {
	echo "not ok $1"
	shift
	printf '  %s\n' "$@" | head -n 40
	failures=$((failures + 1))
}

# same NAME WANTED GOT
same() {
	if [ "$2" = "$3" ]; then
		ok "$1"
	else
		not_ok "$1" "wanted: $2" "got:    $3"
	fi
}
# has NAME WANTED TEXT: WANTED is a part of TEXT
has() {
	case $3 in
	*"$2"*) ok "$1" ;;
	*) not_ok "$1" "wanted in it: $2" "got: $3" ;;
	esac
}

# eventually CMD…: until the command succeeds. The bound is for a machine under heavy load, and
# costs time only where a test fails.
eventually() {
	local end=$((SECONDS + 60))
	while ! "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.05
	done
}

# ---- machines: a network namespace each, on the bridge br0 ----

machine() { # NAME MAC [ADDRESS]
	ip netns add "$1"
	ip link add "v-$1" type veth peer name "e-$1"
	ip link set "v-$1" master br0 up
	ip link set "e-$1" netns "$1" address "$2"
	ip -n "$1" link set "e-$1" up
	ip -n "$1" link set lo up
	[ -z "${3:-}" ] || ip -n "$1" address add "$3/24" dev "e-$1"
}
on() { # MACHINE CMD…
	local name=$1
	shift
	ip netns exec "$name" "$@"
}
# "STATUS BODY" of a request by a machine
http() { # MACHINE PATH [CURL OPTION…]
	local name=$1 path=$2
	shift 2
	on "$name" curl -s --max-time 60 --path-as-is -o "$work/body" -w '%{http_code} ' "$@" \
		"$server$path"
	[ ! -f "$work/body" ] || tr -d '\0' <"$work/body"
	rm -f "$work/body"
}
# The first line of what the server answers to these bytes; "" when it closes, or says nothing for
# so many seconds. A client that goes on writing after the server has closed would lose the answer.
raw() { # MACHINE SECONDS TEXT
	# shellcheck disable=SC2016 # the inner shell's variables
	on "$1" timeout 90 bash -c 'trap "" PIPE
		exec 3<>/dev/tcp/10.77.0.1/8077
		printf %b "$2" >&3 2>/dev/null
		IFS= read -r -t "$1" line <&3
		printf %s "${line%$'"'\\r'"'}"' raw "$2" "$3" 2>/dev/null
}
# What a machine is offered by DHCP: its variables, a line each
dhcp() { # MACHINE [UDHCPC OPTION…]
	local name=$1
	shift
	on "$name" env -i PATH="$PATH" busybox udhcpc -f -n -q -i "e-$name" -t "${dhcp_tries:-10}" -T 1 \
		-s "$top/tests/boot/dhcp-script" "$@" 2>/dev/null
}

# ---- the boot server ----

network_up() {
	mount -t tmpfs tmpfs /run
	mkdir /run/netns
	ip link set lo up
	# With an address of its own: a bridge takes the lowest of its ports', and another one when such
	# a port comes or goes. What a machine still sends to the old one is lost.
	ip link add br0 address 52:54:00:4d:00:01 type bridge stp_state 0 forward_delay 0
	ip address add 10.77.0.1/24 dev br0
	ip link set br0 up
}

image_file() { # PATH: as a manifest names it
	printf '{"path":"%s","sha256":"%s","size":%d}' "$1" \
		"$(sha256sum "$work/images/$1" | cut -d ' ' -f 1)" "$(stat -c %s "$work/images/$1")"
}
images_make() {
	mkdir -p "$work/images/base-cloud" "$work/images/storage"
	head -c 1500000 /dev/urandom >"$work/images/base-cloud/base.squashfs"
	head -c 100000 /dev/urandom >"$work/images/storage/role.squashfs"
	head -c 70000 /dev/urandom >"$work/images/base-cloud/vmlinuz"
	head -c 50000 /dev/urandom >"$work/images/base-cloud/initrd.img"
	echo secret >"$work/images/base-cloud/not-in-a-manifest"
	manifest_make storage
}
manifest_make() { # ROLE
	cat >"$work/images/$1/manifest.json" <<-END
		{ "role": "$1", "version": "1f0c", "kernel": "6.1", "kernel_arguments": ["quiet"],
		  "console": "ttyS0,115200", "packages": {}, "inputs": {},
		  "files": { "kernel": $(image_file base-cloud/vmlinuz),
			     "initrd": $(image_file base-cloud/initrd.img),
			     "layers": [ $(image_file base-cloud/base.squashfs),
					 $(image_file "$1/role.squashfs") ] } }
	END
}

serve_start() { # [--json]
	MOYAI_SHARE=$top MOYAI_IMAGES=$work/images MOYAI_STATE=$state \
		"$moyai" -C "$site" "$@" pxe serve >>"$work/events" 2>>"$work/log" &
	serve=$!
	serve_answers() { curl -s -o /dev/null "$server/" || ! kill -0 "$serve"; }
	eventually serve_answers
	if ! kill -0 "$serve"; then
		not_ok "pxe serve starts" "$(tail -n 5 "$work/log")"
		exit 1
	fi
}
serve_stop() { # sets $code
	kill -TERM "$serve"
	code=0
	wait "$serve" || code=$?
}
log_has() {
	grep -qF -- "$1" "$work/log"
}
field() { # NODE FIELD
	gojq -r ".$2" "$state/boot/$1.json"
}
# A new boot of store1: its token
token_of() { # MACHINE MAC
	http "$1" "/ipxe?mac=$2" | sed -n 's/.*moyai\.token=\([0-9a-f]*\).*/\1/p'
}
