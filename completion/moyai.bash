# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
# Completion for bash: moyai itself knows what a word could become (`moyai complete`).
_moyai() {
	local line=${COMP_LINE:0:COMP_POINT} word behind
	local -a words
	# The words as they are written; bash's own COMP_WORDS are cut at "@" and "=".
	read -ra words <<<"$line"
	[[ $line != *[[:space:]] ]] || words+=("")
	word=${words[-1]}
	mapfile -t COMPREPLY < <("${words[0]}" complete -- "${words[@]:1}" 2>/dev/null)
	case ${COMPREPLY[0]-} in
	$'\tfiles') COMPREPLY=() && compopt -o default ;;
	$'\tfolders') COMPREPLY=() && compopt -o dirnames ;;
	# A node set, a scope or an option's argument goes on behind what is there.
	esac
	COMPREPLY=("${COMPREPLY[@]%%$'\t'*}")
	# Only what stands behind the last of its word breaks is replaced by readline.
	behind=${word##*["$COMP_WORDBREAKS"]}
	COMPREPLY=("${COMPREPLY[@]#"${word%"$behind"}"}")
}
complete -F _moyai moyai
