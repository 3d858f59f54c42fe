# off_loops — which system calls that may wait for the disk were made on files of bodies by threads with a loop?
#
#	awk -f off_loops.awk -v main=PID TRACE TRACE
#
# TRACE is of one daemon, by `strace -f -yy -e trace=recvfrom,sendto,openat,unlinkat,renameat,read,write,pread64,
# preadv2,fsync,close`, and is read twice.  A thread has a loop if it speaks TCP, or if it is the main thread.
# preadv2 with RWF_NOWAIT does not wait.  Prints each such call; last "N on loops; elsewhere:" and the calls of
# other threads, each with how often it was made.

NR == FNR {
	if (/^[0-9]+ +(recvfrom|sendto)\([0-9]+<TCP/) loop[$1] = 1
	next
}
{
	pid = $1
	line = $0
	sub(/^[0-9]+ +/, "", line)
	# the flags of preadv2 are told when it returns
	if (sub(/^<\.\.\. preadv2 resumed>/, "", line)) {
		line = begun[pid] line
	} else if (sub(/ <unfinished \.\.\.>$/, "", line) && line ~ /^preadv2/) {
		begun[pid] = line
		next
	}
	if (!match(line, /^[a-z0-9_]+\(/)) next
	call = substr(line, 1, RLENGTH - 1)
	# a file in the folder, or a name that is looked up there
	if (line !~ /^[a-z0-9_]+\([0-9]+<[^>]*\/(oms|ims)(\/store)?\/bodies(\/[^\/>]*>|>, "[^.])/) next
	if (!(pid in loop) && pid != main) {
		others[call]++
		next
	}
	if (call == "preadv2" && line ~ /RWF_NOWAIT/) {
		cached++
		next
	}
	on_loops++
	print line
}
END {
	printf "%d on loops; elsewhere:", on_loops
	n = split("openat write fsync renameat pread64 unlinkat close", names, " ")
	for (i = 1; i <= n; i++) if (others[names[i]]) printf " %s", names[i]
	printf "; at once:%s\n", cached ? " preadv2" : ""
}
