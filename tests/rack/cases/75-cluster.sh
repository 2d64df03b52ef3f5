# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash disable=SC2154
# A virtual cluster from nothing to nothing: a frontend on gw and two nodes on vm1 and vm2, all of the
# appliance micro, emulated inside machines that are emulated. It is started, used, stopped and started,
# loses a VM server, and is removed; what the nodes hold is then what they held before.
# Guests take minutes to boot like that, so it is for `make test-long`.
[ "${RACK_TEST:-}" = long ] || return 0

# ---- one VM server more ----
cp "$site_dir/site.cfg" "$test_dir/site.whole"
[ -e "$test_dir/owner" ] || ssh-keygen -q -t ed25519 -N '' -C owner -f "$test_dir/owner"
cat >"$test_dir/vm2" <<-'END'
	{
		name = "vm2"; role = "vm-server"; mac = "52:54:00:4d:00:16";
		addresses = { boot = "10.77.0.26"; storage = "10.77.20.26"; };
		guests = { vcpus = 2; memory = "256M"; emulate = true; };
	},
END
sed -i "/^nodes = (/r $test_dir/vm2" "$site_dir/site.cfg"
mkdir -p "$site_dir/clusters"
# Counted nodes are called node1 and node2.
cat >"$site_dir/clusters/lab.cfg" <<-END
	name = "lab";
	state = "absent";
	authorized_keys = [ "$(cat "$test_dir/owner.pub")" ];
	external = { network = "guests"; address = "10.77.30.50"; };
	frontend = { appliance = "micro"; vcpus = 1; memory = "96M"; disk = "64M"; };
	nodes = ( { name = "node"; count = 2; appliance = "micro"; boot = "ram"; vcpus = 1; memory = "96M"; scratch = "64M"; } );
END
export GIT_AUTHOR_NAME=test GIT_AUTHOR_EMAIL=test@example GIT_COMMITTER_NAME=test GIT_COMMITTER_EMAIL=test@example
git -C "$site_dir" init -q -b main && echo rack.tab >"$site_dir/.git/info/exclude" && git -C "$site_dir" add -A && git -C "$site_dir" commit -q -m site
echo "vm2 10.77.0.26" >>"$test_dir/addresses"
# From this machine, since the rack's network ends in the rack.
expect "cluster: the image of micro is there" "$build/moyai" -C "$site_dir" image build micro
[[ $(accelerator) != *tcg* ]] || for_emulation "$test_dir/images/micro"
rack power on vm2
expect "cluster: a second VM server boots" rack wait vm2
MOYAI_TIMEOUT=400 expect_exit "cluster: the nodes are as wanted without it" 0 moyai apply --yes

# What there is of a cluster on the nodes, with the system's own tools.
holds() {
	local node
	for node in gw vm1 vm2 store1; do
		on "$node" "echo $node; ip -o link | sed 's/^[0-9]*: \([^:@]*\).*/\1/' | sort; ls /etc/systemd/network
			ls /sys/kernel/config/target/iscsi /sys/kernel/config/target/core/* 2>/dev/null | grep -v ^alua
			ls /etc/iscsi/nodes 2>/dev/null; iscsiadm -m session 2>/dev/null | sed 's/^.*iqn/iqn/' | sort; ls /dev/moyai 2>/dev/null
			command -v virsh >/dev/null && virsh -q -c qemu:///system list --all --name; ls -d /var/log/libvirt/qemu/* /run/moyai/* 2>/dev/null | grep -v services
			pgrep -c qemu-system; command -v nft >/dev/null && nft list tables | grep -v 'bridge nat' | sort; command -v lvs >/dev/null && lvs --noheadings -o lv_name --devices /dev/disk/by-partlabel/moyai.main 2>/dev/null"
	done
}
held=$(holds)
expect_text "cluster: the nodes are looked at" '^ *vm1-data' "$held"

# ---- started ----
begin=$SECONDS
MOYAI_TIMEOUT=400 expect_exit "cluster start" 0 moyai cluster start lab --yes
expect_same "cluster start: is committed" "Cluster lab is to be running" "$(git -C "$site_dir" log -1 --format=%s)"
expect_exit "cluster start: nothing is left to do" 0 moyai plan
runs() { on "$1" "virsh -q -c qemu:///system list --name" | xargs; }
expect_same "cluster: one guest on each host" "lab-frontend lab-node2 lab-node1" "$(runs gw) $(runs vm1) $(runs vm2)"
expect_exit "cluster status" 0 moyai cluster status lab
echo "$output"
address() { sed -n "s/.*name = \"$1\"; address = \"\([0-9.]*\)\".*/\1/p" "$site_dir/allocations/lab.cfg"; }
cat >"$test_dir/ssh_config" <<-END
	Host gate
		HostName 10.77.0.12
		IdentityFile $state/id_ed25519
		UserKnownHostsFile $state/known_hosts
	Host frontend
		HostName 10.77.30.50
		ProxyJump gate
	Host node1
		HostName $(address node1)
		ProxyJump frontend
	Host node2
		HostName $(address node2)
		ProxyJump frontend
	Host *
		User root
		IdentityFile $test_dir/owner
		UserKnownHostsFile /dev/null
		StrictHostKeyChecking no
		BatchMode yes
		ConnectTimeout 60
		LogLevel ERROR
END
inside() { # GUEST 'COMMAND'
	rack_net ssh -n -F "$test_dir/ssh_config" "$1" "$2"
}
all_answer() { [ "$(inside frontend hostname) $(inside node1 hostname) $(inside node2 hostname)" = "frontend node1 node2" ]; }
expect "cluster: all three answer with the owner's key, through the frontend" within 900 all_answer
echo "cluster: $((SECONDS - begin)) s from start until all three answer"

# ---- used ----
# The owner's key comes from an agent.
rm -f "$test_dir/agent"
eval "$(ssh-agent -a "$test_dir/agent")" >/dev/null
ssh-add -q "$test_dir/owner"
MOYAI_TIMEOUT=300 expect_exit "cluster ssh: to a node" 0 moyai cluster ssh lab node1 hostname
expect_same "cluster ssh: … it is the node" node1 "$(tail -n 1 <<<"$output")"
kill "$SSH_AGENT_PID"
unset SSH_AGENT_PID SSH_AUTH_SOCK
(
	sleep 60
	printf '\035'
) | timeout 120 script -qefc "tests/rack/rack moyai cluster console lab node1" /dev/null >"$test_dir/console" 2>&1
expect_same "cluster console: ends by Ctrl-]" 0 "${PIPESTATUS[1]}"
expect_text "cluster console: of the host that has it" 'console of node1 in cluster lab, on vm2; Ctrl-\] ends it' "$(cat "$test_dir/console")"
expect "cluster: node1 reaches node2" within 60 inside node1 "ping -c 1 -W 5 $(address node2)"
# Nobody of them is on the storage network: neither is answered, nor is anything of them on the wire with its
# tag. The last ping, a node's, shows that it would have been seen.
timeout 300 tests/rack/rack exec tcpdump -lnni br-rack 'vlan 20 and (arp or icmp)' >"$test_dir/wire" 2>/dev/null &
wire=$!
sleep 1
for guest in node1 frontend; do
	expect_text "cluster: $guest does not reach the storage network" '^2 packets transmitted, 0 packets received' \
		"$(inside $guest "ping -c 2 -W 3 10.77.20.14")"
done
# With that tag it would be in the storage VLAN, which gw and the bridge carry.
own=$(inside node1 "ip link add link eth0 name own type vlan id 20 && ip addr add 10.77.20.99/24 dev own && ip link set own up
	ip link show own; ping -c 2 -W 3 10.77.20.14; echo sent \$(cat /sys/class/net/own/statistics/tx_packets); ip link del own")
expect_text "cluster: node1 makes an interface with tags of its own" '^[0-9]+: own@eth0: <.*UP' "$own"
expect_text "cluster: … which sends" '^sent [1-9]' "$own"
expect_text "cluster: … and reaches nobody" '^2 packets transmitted, 0 packets received' "$own"
on manager "busybox ping -c 2 -W 5 10.77.20.14" >/dev/null
seen() { grep -q '10\.77\.20\.11 > 10\.77\.20\.14: ICMP echo request' "$test_dir/wire"; }
expect "cluster: what is on the storage network is seen" within 30 seen
kill $wire
wait $wire 2>/dev/null
expect_same "cluster: nothing of a guest was on it" "" \
	"$(grep -wF -e 10.77.30.50 -e 10.77.20.99 -e "$(address frontend)" -e "$(address node1)" "$test_dir/wire")"
expect "cluster: node2 writes to its disk" inside node2 "echo kept | dd of=/dev/vda bs=512 conv=sync,fsync status=none"
reads() { [ "$(inside node2 "head -c 4 /dev/vda")" = kept ]; }
expect "cluster: … and reads it" reads

# ---- moved while they run ----
# Somebody is logged in and counts; a copy of the site is from before that.
rm -rf "$test_dir/stale" && git clone -q "$site_dir" "$test_dir/stale"
# Not by `inside`, which gives it a minute.
timeout 1800 tests/rack/rack exec ssh -n -F "$test_dir/ssh_config" node2 'n=0; while sleep 1; do n=$((n + 1)); echo $n; done' \
	>"$test_dir/counts" 2>/dev/null &
session=$!
counts() { [ "$(tail -n 1 "$test_dir/counts")" -gt "$1" ]; }
counted() { tail -n 1 "$test_dir/counts"; }
expect "cluster migrate: somebody is logged in on node2" within 120 counts 2
up=$(inside node2 'cut -d. -f1 /proc/uptime')
begin=$SECONDS
MOYAI_TIMEOUT=900 expect_exit "cluster migrate" 0 moyai cluster migrate lab-node2 vm2 --yes
echo "cluster: $((SECONDS - begin)) s to move a guest of 96M"
sed -n '/→/p' <<<"$output"
expect_same "cluster migrate: it is on vm2, and on vm2 alone" "|lab-node1 lab-node2" "$(runs vm1)|$(runs vm2)"
expect "cluster migrate: the one who is logged in stays so" within 120 counts "$(($(counted) + 5))"
echo "cluster: clock of node2 after the move: $(inside node2 'cat /sys/devices/system/clocksource/clocksource0/current_clocksource /proc/uptime; sleep 1; cat /proc/uptime; dmesg | tail -n 3' | xargs -d '\n')"
expect "cluster migrate: it is the same machine" [ "$(inside node2 'cut -d. -f1 /proc/uptime')" -gt "$up" ]
expect "cluster migrate: … with its disk" reads
expect_exit "cluster migrate: nothing is left to do" 0 moyai plan
expect_same "cluster migrate: vm1 has nothing of the cluster any more" "" \
	"$(on vm1 "ip -o link | grep -o 'br-vlan10[0-9]'; iscsiadm -m session 2>/dev/null | grep lab; ls /run/moyai/migrate 2>/dev/null; grep moyai-migrate /root/.ssh/authorized_keys")"
expect_same "cluster migrate: nor does vm2 let anybody in" 0 "$(on vm2 "grep -c moyai-migrate /root/.ssh/authorized_keys")"
expect_exit "a stale clone applies after a migration: it is refused" 1 rack exec env MOYAI_IMAGES="$test_dir/images" "$build/moyai" -C "$test_dir/stale" --state "$state" apply --yes
expect_text "a stale clone: … and told why" 'refused: vm2 guest/lab-node2: it has moved to vm2 since allocations/lab.cfg was written .its epoch is 1, and 0 there.; take the newest revision of the site' "$output"
expect_same "a stale clone: … and it runs on, on vm2 alone" "|lab-node1 lab-node2" "$(runs vm1)|$(runs vm2)"
MOYAI_TIMEOUT=900 expect_exit "drain" 0 moyai drain vm2 --yes
expect_same "drain: both are on vm1" "lab-node1 lab-node2|" "$(runs vm1)|$(runs vm2)"
expect "drain: the one who is logged in stays so" within 120 counts "$(($(counted) + 5))"
expect_exit "drain: vm2 is in maintenance" 0 moyai maintenance off vm2
MOYAI_TIMEOUT=900 expect_exit "cluster migrate: back" 0 moyai cluster migrate lab-node1 vm2 --yes
expect_same "cluster migrate: … and each has its own" "lab-node2|lab-node1" "$(runs vm1)|$(runs vm2)"

# ---- on fewer hosts, and on more when load rises ----
# vm2 has no BMC: nobody could switch it on again.
MOYAI_TIMEOUT=900 expect_exit "pack" 0 moyai pack --for 20s --stay 1s --yes
echo "$output" | sed -n '/^HOST/,/switched off/p'
expect_same "pack: both are on vm2" "lab-node1 lab-node2" "$(runs vm2)"
expect_text "pack: vm1 is off" '^vm1: off$' "$(moyai power status vm1)"
expect_text "pack: … and in maintenance" '^vm1 .* packed: no guest needed it$' "$(moyai maintenance)"
expect "pack: the one who is logged in stays so" within 120 counts "$(($(counted) + 5))"
expect_exit "pack: nothing is left to do" 0 moyai plan
for guest in node1 node2; do
	inside $guest 'yes >/dev/null 2>&1 & yes >/dev/null 2>&1 & exit'
done
MOYAI_TIMEOUT=1200 expect_exit "balance: load rises" 0 moyai balance --for 30s --stay 1s --yes
echo "$output" | sed -n '/^HOST/,/switched on/p'
expect_text "balance: vm1 is on" '^vm1: on$' "$(moyai power status vm1)"
expect_same "balance: … and in maintenance no more" "" "$(moyai maintenance | grep vm1)"
expect_same "balance: each host has one again" "1|1" "$(runs vm1 | wc -w)|$(runs vm2 | wc -w)"
expect "balance: the one who is logged in stays so" within 120 counts "$(($(counted) + 5))"
for guest in node1 node2; do
	inside $guest 'killall yes'
done
if [ "$(runs vm1)" != lab-node2 ]; then
	MOYAI_TIMEOUT=900 expect_exit "cluster migrate: node2 to vm1" 0 moyai cluster migrate lab-node2 vm1 --yes
	MOYAI_TIMEOUT=900 expect_exit "cluster migrate: node1 to vm2" 0 moyai cluster migrate lab-node1 vm2 --yes
fi
kill $session
wait $session 2>/dev/null

# ---- another cluster with the same addresses; QEMU itself logs in to its disks ----
held_lab=$(holds)
sed "s/\"lab\"/\"twin\"/; s/10.77.30.50/10.77.30.51/; s/count = 2/count = 1/; s/state = .*/state = \"absent\";/" "$site_dir/clusters/lab.cfg" |
	sed "2i attach = \"direct\"; cidr = \"10.1.0.0/16\";" >"$site_dir/clusters/twin.cfg"
git -C "$site_dir" add -A && git -C "$site_dir" commit -q -m "twin"
MOYAI_TIMEOUT=400 expect_exit "twin: start" 0 moyai cluster start twin --yes
same_addresses() { for name in lab twin; do sed -n 's/.*name = "\(frontend\|node1\)"; address = "\([0-9.]*\)".*/\1 \2/p' "$site_dir/allocations/$name.cfg"; done | sort | uniq -c | xargs; }
expect_text "twin: it has the addresses of lab" '^2 frontend 10\.1\.0\.1 2 node1 10\.1\.0\.2$' "$(same_addresses)"
cat >>"$test_dir/ssh_config" <<-END
	Host twin-frontend
		HostName 10.77.30.51
		ProxyJump gate
	Host twin-node1
		HostName $(address node1)
		ProxyJump twin-frontend
END
twins_answer() { [ "$(inside twin-frontend hostname) $(inside twin-node1 hostname)" = "frontend node1" ]; }
expect "twin: both answer, through their own frontend" within 900 twins_answer
inside node1 'echo lab >/tmp/mine'
inside twin-node1 'echo twin >/tmp/mine'
expect_same "twin: by the same address each is another machine" "lab twin" "$(inside node1 'cat /tmp/mine') $(inside twin-node1 'cat /tmp/mine')"
expect "twin: each reaches its own frontend" within 60 inside twin-node1 "ping -c 1 -W 5 10.1.0.1"
neighbour() { inside "$1" 'ip neigh show 10.1.0.2' | grep -o 'lladdr [0-9a-f:]*'; }
recorded_mac() { sed -n 's/.*name = "node1".* mac = "\([0-9a-f:]*\)"; host.*/lladdr \1/p' "$site_dir/allocations/$1.cfg"; }
expect_same "twin: neither frontend has heard of the other's node" "$(recorded_mac lab) $(recorded_mac twin)" "$(neighbour frontend) $(neighbour twin-frontend)"
expect "direct: node1 of twin writes to its disk" inside twin-node1 "echo twins | dd of=/dev/vda bs=512 conv=sync,fsync status=none"
expect_same "direct: … and reads it" twins "$(inside twin-node1 'head -c 5 /dev/vda')"
expect_same "direct: its host has no session for it" "" "$(for node in vm1 vm2; do on $node 'iscsiadm -m session 2>/dev/null | grep twin; ls /dev/moyai 2>/dev/null | grep twin'; done)"

# ---- the storage node reboots under them ----
# Each second one block more, with its number in it; what is counted has been written.
for guest in node2 twin-node1; do
	# shellcheck disable=SC2016
	inside $guest 'n=0; while n=$((n + 1)) && [ ! -e /tmp/enough ]; do echo $n | dd of=/dev/vda bs=512 seek=$n conv=sync,fsync,notrunc 2>/dev/null && echo $n >/tmp/n; sleep 1; done >/dev/null 2>&1 & exit'
done
written() { inside "$1" 'cat /tmp/n'; }
has_written() { [ "$(written "$1")" -gt "$2" ]; }
expect "storage node reboots: they write" within 60 has_written node2 2
rack power cycle store1
expect "storage node reboots: it is back" rack wait store1
MOYAI_TIMEOUT=400 expect_exit "storage node reboots: apply" 0 moyai apply --yes
for guest in node2 twin-node1; do
	now=$(written $guest)
	expect "storage node reboots: $guest goes on with what it was writing" within 300 has_written $guest "$((now + 3))"
	now=$(written $guest)
	inside $guest 'touch /tmp/enough; sleep 3'
	expect_same "storage node reboots: … and each block is there" "$(seq 1 "$now" | sha256sum)" \
		"$(inside $guest "dd if=/dev/vda bs=512 skip=1 count=$now 2>/dev/null" | tr -d '\0' | sha256sum)"
done

# ---- the gateway dies ----
up=$(inside node2 'cut -d. -f1 /proc/uptime')
rack power cycle gw
forget gw
expect "gateway dies: it boots again" rack wait gw
MOYAI_TIMEOUT=400 expect_exit "gateway dies: apply" 0 moyai apply --yes
expect_same "gateway dies: the frontends run there again, each once" "lab-frontend twin-frontend" "$(runs gw | xargs -n 1 | sort | xargs)"
expect "gateway dies: all answer again, through their frontends" within 900 all_answer
expect "gateway dies: … the others, too" within 900 twins_answer
expect "gateway dies: the nodes went on meanwhile" [ "$(inside node2 'cut -d. -f1 /proc/uptime')" -gt "$up" ]
MOYAI_TIMEOUT=400 expect_exit "twin: remove" 0 moyai cluster remove twin --yes --allow-data-loss=cluster/twin
expect_same "twin: the nodes hold what they held before it" "$held_lab" "$(holds)"

# ---- stopped, started ----
MOYAI_TIMEOUT=400 expect_exit "cluster stop" 0 moyai cluster stop lab --yes
expect_same "cluster stop: no guest runs" "||" "$(runs gw)|$(runs vm1)|$(runs vm2)"
MOYAI_TIMEOUT=400 expect_exit "cluster start: again" 0 moyai cluster start lab --yes
expect "cluster start: node2's disk has what it had" within 900 reads

# ---- a VM server dies: its guest runs elsewhere once it is off for certain ----
rack exec ip link set "$(tap_name vm1)" down
expect_exit "vm1 does not answer: apply fails" 1 moyai apply --yes
expect_same "vm1 does not answer: its guest starts nowhere else" "lab-node1" "$(runs vm2)"
MOYAI_TIMEOUT=400 expect_exit "fence: vm1" 0 moyai fence vm1 --yes
expect_text "fence: it is off" '^vm1: off$' "$(moyai power status vm1)"
expect_same "fence: its guest runs on vm2" "lab-node1 lab-node2" "$(runs vm2)"
expect "fence: … with its disk" within 900 reads
rack exec ip link set "$(tap_name vm1)" up
expect_exit "vm1 is switched on" 0 moyai power on vm1
expect "vm1 boots again" rack wait vm1
expect_exit "vm1 is well: maintenance ends" 0 moyai maintenance off vm1
MOYAI_TIMEOUT=400 expect_exit "vm1 is back: apply" 0 moyai apply --yes
expect_same "vm1 is back: nothing runs twice" "|lab-node1 lab-node2" "$(runs vm1)|$(runs vm2)"

# ---- removed ----
MOYAI_TIMEOUT=400 expect_exit "cluster remove" 0 moyai cluster remove lab --yes --allow-data-loss=cluster/lab
expect_same "cluster remove: the nodes hold what they held before" "$held" "$(holds)"
expect_exit "cluster remove: nothing is left to do" 0 moyai plan
rack power off vm2
rm -r "$site_dir/clusters" "$site_dir/allocations" "$site_dir/.git"
cp "$test_dir/site.whole" "$site_dir/site.cfg"
MOYAI_TIMEOUT=400 expect_exit "cluster: the site is as it was" 0 moyai apply --yes
