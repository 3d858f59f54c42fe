# durable — does what a daemon says come after the disk?  Judges a trace of one daemon, by one of four rules:
#
#	awk -f durable.awk -v at=192.0.2.11:1472 -v octets=65536 [-v most=N] [-v file=1] [-v rule=R] TRACE
#
# TRACE is of `strace -f -yy -e trace=read,recvfrom,write,writev,sendto,pwrite64,fdatasync,fsync,
# openat,renameat`.  The client at port `at` sends one request at a time, and the next only after the answer to
# the last.  TLS hides what is said, so the rules go by the order of calls and by numbers of octets:
#
#	answer   (where none is given) a request has from `octets` to `most` octets.  Its answer is what was
#	         written last before the next was read.
#	body     the first write of 4,096 octets or more after a request begins a letter.
#	decline  DECLINE comes with our peer's certificate, HELLO and nothing else in one flight of `octets` or
#	         more, on a connection that never carries a letter.  Its answer is the last write before the next
#	         reading.
#	done     we are the client of `at`.  On one connection a letter of `octets` comes; DONE is what is written
#	         next there, or on a connection that is begun after it.
#
# Between the end of the reading (done: of the letter) and the begin of that writing there must be, whole and
# in this order: [with file=1: fsync of a file, its rename, fsync of the folder,] writes to data.mdb, fdatasync
# of it, pwrite64 of its meta page by the descriptor that was opened with O_DSYNC.
# Prints each that came too early; last "N judged, M too early".

# All of it came after `since`.
function durable(since) {
	return meta_end > 0 && synced_from > since && data_from > since &&
	    !(file && (file_from < since || folder_end > data_from))
}

function begin(call, args) {
	now++
	started[pid, call] = now
	if (call ~ /^(write|writev|sendto)$/ && (peer = connection(args)) != "") {
		if (rule == "done")
			says_done(peer)
		wrote[peer] = now
		good[peer] = durable(read_end[peer])
	}
	if (call ~ /^(pwrite64|writev)$/ && args ~ /data\.mdb>/ && !is_meta(args))
		data_last = now
}

function end(call, args, result) {
	now++
	if (call == "openat" && args ~ /data\.mdb".*O_DSYNC/ && split(result, r, "<") > 1)
		dsync[r[1] + 0] = 1
	if (call ~ /^(read|recvfrom)$/ && (peer = connection(args)) != "" && result + 0 >= 0)
		has_read(peer, result + 0)
	if (call ~ /^(write|writev|sendto)$/ && (peer = connection(args)) != "" && result + 0 >= 4096)
		has_written_much(peer)
	if (call == "fsync" && args ~ /\/bodies\/[^\/>]*>/ && result == "0") {
		file_step = 1
		file_since = started[pid, call]
	} else if (call ~ /^rename/ && result == "0" && file_step == 1) {
		file_step = 2
	} else if (call == "fsync" && args ~ /\/bodies>/ && result == "0" && file_step == 2) {
		file_step = 0
		file_from = file_since
		folder_end = now
	}
	if (call == "fdatasync" && args ~ /data\.mdb>/ && result == "0" && data_last < started[pid, call]) {
		sync_from = started[pid, call]
		sync_end = now
		sync_data = data_last
	}
	if (call == "pwrite64" && is_meta(args) && sync_end > 0 && sync_end < started[pid, call]) {
		synced_from = sync_from
		data_from = sync_data
		meta_end = now
		sync_end = 0
	}
}

function is_meta(args) { return args ~ /data\.mdb>/ && (args + 0) in dsync }

function connection(args) {
	if (!match(args, /^[0-9]+<TCP:\[[^]]*\]>/) || !index(args, rule == "done" ? "->" at "]" : "[" at "->"))
		return ""
	return substr(args, RSTART, RLENGTH)
}

# What was read before belongs to the answer that left since, if it is long enough for one.
function has_read(peer, n) {
	if (rule == "done") {
		if (got[peer] < octets && got[peer] + n >= octets) {
			letter_from = peer
			letter_end = now
		}
	} else if (wrote[peer] > read_end[peer] && (got[peer] >= octets || got[peer] < 4096))
		judge_answer(peer)
	got[peer] += n
	read_end[peer] = now
	in_letter[peer] = 0
}

function has_written_much(peer) {
	carries_letters[peer] = 1
	if (rule == "body" && !in_letter[peer])
		judge(peer, good[peer])
	in_letter[peer] = 1
}

# The letter has come.
function says_done(peer) {
	if (letter_from == "" || (peer in wrote && peer != letter_from))
		return
	judge(peer, durable(letter_end))
	got[letter_from] = 0 # the next letter may come on the same connection
	letter_from = ""
}

function judge_answer(peer) {
	if (got[peer] >= octets && (!most || got[peer] <= most)) {
		if (rule == "")
			judge(peer, good[peer])
		else if (rule == "decline") {
			declines[peer]++
			early_declines[peer] += !good[peer]
		}
	}
	got[peer] = 0
}

function judge(peer, is_good) {
	judged++
	if (!is_good) {
		early++
		print "too early: " (rule == "" ? "answer" : rule) " " judged " to " peer
	}
}

{
	pid = $1
	line = $0
	sub(/^[0-9]+ +/, "", line)
	if (match(line, /^<\.\.\. [a-z0-9_]+ resumed>/)) {
		split(line, w, " ")
		call = w[2]
		sub(/^<\.\.\. [a-z0-9_]+ resumed>/, "", line)
		args = open_args[pid, call] line
	} else if (match(line, /^[a-z0-9_]+\(/)) {
		call = substr(line, 1, RLENGTH - 1)
		args = substr(line, RLENGTH + 1)
		begin(call, args)
		if (sub(/ <unfinished \.\.\.>$/, "", args)) {
			open_args[pid, call] = args
			next
		}
	} else
		next
	result = args
	sub(/.*\) += /, "", result)
	end(call, args, result)
}

END {
	if (rule != "done")
		for (peer in got)
			judge_answer(peer)
	for (peer in declines)
		for (i = 1; i <= declines[peer] && !(peer in carries_letters); i++)
			judge(peer, i > early_declines[peer])
	printf "%d judged, %d too early\n", judged, early
}
