# shellcheck shell=sh disable=SC2034,SC2154
# SPDX-License-Identifier: GPL-3.0-or-later
# Over http, where no certificate is looked at: what they are worth is tests/manager's to show.
own=${boot_address%/*}
pem='-----BEGIN CERTIFICATE-----
AAAA
-----END CERTIFICATE-----'
digest=sha256:$(echo "$pem" | sha256sum | cut -c1-16)
# The shell's echo, which slice() uses, takes a backslash off.
journal_of() { # PORT KERNEL
	want journal '"name":"manager","server":"http://'"$own:$1"'","certificate":"'"$digest"'","certificates":["'"$(echo "$pem" | sed -z 's/\n$//; s/\n/","/g')"'"],"key":"-----BEGIN PRIVATE KEY-----\\nBBBB\\n-----END PRIVATE KEY-----\\n","kernel":"'"$2"'","state":"running"'
}
target="udp 10.77.0.2:6666 52:55:0a:4d:00:02 from $own"
slice journal "$(journal_of 19532 "$target")"
slice journal_other "$(journal_of 19533 nowhere)"
netconsole=/sys/kernel/config/netconsole/moyai
comes journal 1 "journal: created while nobody takes it"
check_has "journal: the key is root's alone" '^600 root$' stat -c '%a %U' /run/moyai/journal/manager.conf
check_has "journal: the kernel sends its lines, with number and time" '^1 1$' sh -c "echo \$(cat $netconsole/enabled $netconsole/extended)"
warned() {
	for _ in $(seq 30); do
		"$drive" "$dir/journal.json" warnings | grep -q '^journal/manager: it does not arrive at the cluster manager, and is tried again every 10 s: Upload to http://.* failed' && return 0
		sleep 1
	done
	"$drive" "$dir/journal.json" warnings
	return 1
}
check "journal: … which plan warns of" warned
mkdir /run/journals
systemd-run --quiet --unit=receiver /lib/systemd/systemd-journal-remote --listen-http="$own:19532" \
	--split-mode=none --output=/run/journals/all.journal
echo hello | systemd-cat -t journal-test
arrives() {
	for _ in $(seq 60); do
		journalctl --file=/run/journals/all.journal -t journal-test -o cat 2>/dev/null | grep -qx "$1" && return 0
		sleep 1
	done
	systemctl status --no-pager moyai-journal-manager.service
	return 1
}
check "journal: arrives once somebody takes it" arrives hello
check_not "journal: … and plan has nothing to warn of" sh -c "'$drive' '$dir/journal.json' warnings | grep ."
check_not "journal: not as root" pgrep -u root -f systemd-journal-upload
echo more | systemd-cat -t journal-test
check "journal: goes on" arrives more
check_has "journal: from the first line of this boot on" 'Linux version' journalctl --file=/run/journals/all.journal -k -o cat
systemctl stop moyai-journal-manager.service
check_plan "journal: one that was stopped is seen" 'state\[stopped>running\]' journal
comes journal 1 "journal: and started"
echo 0 >$netconsole/enabled
check_plan "journal: a kernel that sends no more is seen" 'kernel\[nowhere>udp' journal
comes journal 1 "journal: and does again"
echo '# nobody asked' >>/run/moyai/journal/manager.conf
check_plan "journal: a changed file is seen" 'journal/manager' journal
comes journal 1 "journal: and undone"
comes journal_other 1 "journal: another server, and no lines of the kernel"
check_not "journal: of which none is sent" test -e $netconsole
comes nothing 0 "journal: removed"
check_not "journal: nobody sends it" pgrep -f systemd-journal-upload
interrupted "journal" nothing journal journal_other nothing
systemctl stop receiver
