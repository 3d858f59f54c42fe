# promises — the table of promises in proto/SPEC.md, section 17, names requests and replies that exist: each request
# is in the grammar of its protocol's section, and a transcript of that protocol's server has the reply to it, after
# an `A: durable` (not in notify, whose fake role needs no time).  A request by which the client promises, whose
# reply is "-", is in a transcript of the client.  Each row has a BCP 14 word in its last column, and says whose
# commit makes the promise.
BEGIN { kinds["notify"] = kinds["fetch"] = kinds["submit"] = kinds["mailbox"] = 1 }
function bare(cell) { gsub(/^[ `]+|[ `]+$/, "", cell); return cell }
FNR == 1 { section = ""; engine = "" }
/^## [0-9]+ / { section = $3; promises = $3 == "Promises" }
section in kinds && /^    [a-z]+ +=/ && match($0, /"[A-Z]+"/) { grammar[section, substr($0, RSTART + 1, RLENGTH - 2)] = 1 }
/^```transcript / { engine = $2; first = 1; last = 0; ready = 0; next }
/^```/ { engine = "" }
engine != "" && /^C: [A-Z]+( |$)/ {
	asked[engine, $2] = 1
	open_verb[++last] = $2
}
engine != "" && /^A: durable/ { ready = first }
# In notify the replies to RCPT come after the seal.
engine ~ /^notify/ && /^S: / { for (i = first; i <= last; i++) said[engine, open_verb[i]] = said[engine, open_verb[i]] "\n" substr($0, 4) }
engine != "" && engine !~ /^notify/ && /^S: [2-5][0-9][0-9] / && first <= last {
	if (ready == first) said[engine, open_verb[first]] = said[engine, open_verb[first]] "\n" substr($0, 4)
	first++
}
promises && /^\| [a-z]/ && $2 != "protocol" {
	rows++
	n = split($0, cell, "|")
	at[rows] = FILENAME ":" FNR
	protocol[rows] = bare(cell[2]); request[rows] = bare(cell[3]); reply[rows] = bare(cell[4])
	if (n != 8) fault(rows, "a promise has six columns")
	if (cell[5] !~ /^ the (user|letter at the IMS|delivery|recipient's mailbox|mailbox): /) fault(rows, "no partition makes this promise")
	if (cell[7] !~ /MUST|MAY|SHOULD/) fault(rows, "nothing is required from then on")
}
function fault(row, what) { printf "%s: %s\n", at[row], what; bad = 1 }
END {
	if (rows == 0) { print "proto/SPEC.md: there is no table of promises"; exit 1 }
	for (i = 1; i <= rows; i++) {
		if (!((protocol[i], request[i]) in grammar)) fault(i, "section " protocol[i] " has no request " request[i])
		if (reply[i] == "-") {
			if (!((protocol[i] "-client", request[i]) in asked)) fault(i, "no transcript of a client has " request[i])
		} else if (index(said[protocol[i] "-server", request[i]], "\n" reply[i]) == 0)
			fault(i, "no transcript has the reply " reply[i] " to " request[i] " after it is durable")
	}
	exit bad
}
