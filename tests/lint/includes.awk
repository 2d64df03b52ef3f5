# SPDX-License-Identifier: GPL-3.0-or-later
# Which layer may include what; see tests/lint/includes.
BEGIN {
	may["base"] = "base"
	may["model"] = "model base"
	# engine/apply.c tells the node when what it saw is out of date.
	may["engine"] = "engine model base system/node.h"
	may["remote"] = "remote engine model base"
	# The boot server hands out the key that remote/ logs in with.
	may["daemon"] = "daemon engine model base remote/identity.h"
	may["image"] = "image engine model base"
	may["power"] = "power model base"
	may["system"] = "system base"
	may["node"] = "node system engine model base remote/protocol.h"
	may["kind"] = "engine model base"
	may["kind node"] = "system engine model base"
	may["kind table"] = "engine kinds/list.h"
	may["programs"] = "programs daemon image remote power node engine model base"

	only["parted/"] = "system"
	only["libmnl/"] = "system"
	only["libvirt/"] = "system"
	only["libxml/"] = "system"
	# image/ reads its recipes, which are no part of a site.
	only["libconfig.h"] = "model image"
	only["libssh/"] = "remote daemon"
	only["microhttpd.h"] = "daemon"
}
function layer_of(path, parts, n) {
	n = split(path, parts, "/")
	own = ""
	if (parts[2] != "kinds")
		return parts[2]
	if (n == 3)
		return "kind table"
	own = "kinds/" parts[3]
	return parts[4] == "node.c" ? "kind node" : "kind"
}
function words(text) {
	gsub(/ /, ", ", text)
	return text
}
function has(list, word, items, n, i) {
	n = split(list, items, " ")
	for (i = 1; i <= n; i++)
		if (items[i] == word)
			return 1
	return 0
}
FNR == 1 {
	layer = layer_of(FILENAME)
	files++
	if (!(layer in may)) {
		print FILENAME ":1: the layer \"" layer "\" is not in tests/lint/includes"
		bad++
	}
}
/^[ \t]*#[ \t]*include[ \t]*"/ && layer in may {
	split($0, quoted, "\"")
	name = quoted[2]
	split(name, parts, "/")
	if (has(may[layer], parts[1]) || has(may[layer], name))
		next
	if (own != "" && index(name, own "/") == 1)
		next
	allowed = may[layer] (own != "" ? " " own : "")
	print FILENAME ":" FNR ": " layer " must not include \"" name "\"; it may include " words(allowed)
	bad++
}
/^[ \t]*#[ \t]*include[ \t]*</ && layer in may {
	name = $0
	sub(/^[^<]*</, "", name)
	sub(/>.*$/, "", name)
	for (library in only)
		if (index(name, library) == 1 && !has(only[library], layer)) {
			print FILENAME ":" FNR ": " layer " must not include <" name ">; only " words(only[library]) " may"
			bad++
		}
}
END {
	if (files == 0) {
		print "no files found"
		bad++
	}
	print (bad ? "not ok" : "ok") " includes point one way"
	exit bad > 0
}
