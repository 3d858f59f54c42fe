# wire — what crossed the world's network, told by tests/tools/wire.  For tests that use e2e/lib.sh.
#
#	wire_start && ... ; wire_stop
#	wire_octets 192.0.2.11 192.0.2.22       from any port of the one to any of the other
#	wire_octets 192.0.2.11:1470 ""          from that port to anybody
#
# wire_start is false where raw sockets are not allowed; such a test skips.  Segments that the kernel
# had to drop would make the counts too small; its buffer is 64 MiB.

wire_start() {
	rm -f "$T/wire"
	tests/world enter "$W" "build/$MODE/tests/tools/wire" >"$T/wire" 2>"$T/wire.err" &
	wire_pid=$!
	pids="$pids $wire_pid"
	eventually 5 grep -q ready "$T/wire"
}

wire_stop() { kill "$wire_pid" 2>/dev/null; wait "$wire_pid" 2>/dev/null; }

wire_octets() {
	awk -v from="$1" -v to="$2" 'function is(whole, part) {
	        return part == "" || whole == part || index(whole, part ":") == 1 }
	    NF == 5 && is($2, from) && is($3, to) { n += $4 } END { print n + 0 }' "$T/wire"
}

# How many connections from the one to the other were begun.
wire_connections() {
	awk -v from="$1" -v to="$2" 'function is(whole, part) {
	        return part == "" || whole == part || index(whole, part ":") == 1 }
	    NF == 5 && $5 ~ /S/ && is($2, from) && is($3, to) { n++ } END { print n + 0 }' "$T/wire"
}

# The most octets that one connection has brought from the one to the other; "" where none was begun.
wire_most() {
	awk -v from="$1" -v to="$2" 'function is(whole, part) {
	        return part == "" || whole == part || index(whole, part ":") == 1 }
	    NF == 5 && is($2, from) && is($3, to) { n[$2 $3] += $4 }
	    END { for (c in n) if (n[c] > most + 0) most = n[c]; print most }' "$T/wire"
}
