# durable — does each acknowledgement come after the disk?  Judges a trace of one daemon:
#
#	awk -f durable.awk -v at=192.0.2.11:1472 -v octets=65536 [-v file=1] TRACE
#
# TRACE is of `strace -f -yy -e trace=read,recvfrom,write,writev,sendto,pwrite64,fdatasync,fsync,
# openat,renameat`.  The client at port `at` sends at least `octets` at a time and the next only after
# the answer to the last; so the answer is what was written last before the next was read, whatever
# TLS hides.  Between the end of that reading and the begin of that writing there must be, whole and
# in this order: [with file=1: fsync of a file, its rename, fsync of the folder,] writes to data.mdb,
# fdatasync of it, pwrite64 of its meta page by the descriptor that was opened with O_DSYNC.
# Prints each answer that came too early; last "N judged, M too early".

function begin(call, args) {
	now++
	started[pid, call] = now
	if (call ~ /^(write|writev|sendto)$/ && (peer = connection(args)) != "") {
		wrote[peer] = now
		good[peer] = meta_end > 0 && synced_from > read_end[peer] && data_from > read_end[peer]
		if (file && (file_from < read_end[peer] || folder_end > data_from))
			good[peer] = 0
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
	if (call == "fsync" && args ~ /\/bodies\/[^>]*>/ && result == "0") {
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
	if (!match(args, /^[0-9]+<TCP:\[[^]]*\]>/) || !index(args, "[" at "->"))
		return ""
	return substr(args, RSTART, RLENGTH)
}

# What was read before belongs to the answer that left since, if it is long enough for one.
function has_read(peer, n) {
	if (wrote[peer] > read_end[peer] && (got[peer] >= octets || got[peer] < 4096))
		judge(peer)
	got[peer] += n
	read_end[peer] = now
}

function judge(peer) {
	if (got[peer] >= octets) {
		judged++
		if (!good[peer]) {
			early++
			print "too early: answer " judged " to " peer
		}
	}
	got[peer] = 0
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
	for (peer in got)
		judge(peer)
	printf "%d judged, %d too early\n", judged, early
}
