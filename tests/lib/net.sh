# net — a world's addresses: a network namespace of its own where possible, else 127.x.y.z.
#
# net_up DIR makes it and net_load DIR knows it again; then $net is the first three octets of its
# addresses, and `$net_enter COMMAND` runs a command inside.  A namespace lives as long as the
# process that holds it (DIR/run/net.pid).  In it the whole of 192.0.2.0/24 is local, and a
# connection whose socket was not bound comes from 192.0.2.1, which nobody's SPF names.
# TILLCALLED_WORLD=loopback takes 127.x.y.z even where a namespace is possible.

net_unshare() {
	if [ "$(id -u)" = 0 ]; then echo "unshare -n"; else echo "unshare -c --keep-caps -n"; fi
}

net_random() { od -An -N1 -tu1 /dev/urandom | tr -d ' '; }

net_up() {
	net_holder=
	if [ "${TILLCALLED_WORLD:-}" != loopback ] && [ -e /proc/self/ns/net ] &&
	    command -v ip >/dev/null; then
		: >"$1/run/net.log"
		setsid $(net_unshare) sh -c 'ip link set lo up && ip addr add 192.0.2.1/24 dev lo &&
		    { echo 0 >/proc/sys/net/ipv4/ip_unprivileged_port_start || :; } &&
		    echo ready && exec sleep infinity' </dev/null >"$1/run/net.log" 2>&1 &
		pid_write "$1/run/net.pid" $!
		if wait_until 50 "$1/run/net.pid" grep -q ready "$1/run/net.log"; then
			net_holder=$(pid_of "$1/run/net.pid")
		else
			pid_end "$1/run/net.pid"
		fi
	fi
	if [ -n "$net_holder" ]; then
		net=192.0.2
	else
		net=127.$(($(net_random) % 200 + 20)).$(net_random)
	fi
	echo "$net $net_holder" >"$1/run/net"
	net_load "$1"
}

net_load() {
	read -r net net_holder <"$1/run/net"
	net_enter=
	[ -n "$net_holder" ] || return 0
	if [ "$(id -u)" = 0 ]; then
		net_enter="nsenter -t $net_holder -n --"
	else
		net_enter="nsenter -t $net_holder -U --preserve-credentials -n --"
	fi
}
