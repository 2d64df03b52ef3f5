#compdef moyai
# SPDX-License-Identifier: GPL-3.0-or-later
# Completion for zsh: moyai itself knows what a word could become (`moyai complete`).
_moyai() {
	local -a lines values shown
	local line
	lines=("${(@f)$($words[1] complete -- "${(@Q)words[2,CURRENT-1]}" "$PREFIX" 2>/dev/null)}")
	case $lines[1] in
	$'\tfiles') _files ; return ;;
	$'\tfolders') _files -/ ; return ;;
	esac
	for line in $lines; do
		values+=("${line%%$'\t'*}")
		shown+=("${line/$'\t'/  }")
	done
	compadd -l -d shown -a values
}
_moyai "$@"
