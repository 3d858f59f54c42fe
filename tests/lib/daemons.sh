# daemons — the hosts of a world: their configuration, users and processes.
#
# A host is a pair of daemons; its folder DIR/HOST has the name of its first domain, further
# domains of the same host are links to it.  Host N has the addresses .N1 (oms) and .N2 (ims).
# Wants: $dir, $net, $net_enter, $mode, $top, $bin, $daemon_user, $daemon_group.

world_users="alice bob carol dora"

hosts() {
	for _h in "$dir"/*/tillcalled.conf; do
		[ -L "$(dirname "$_h")" ] || basename "$(dirname "$_h")"
	done
}

variable() { echo "$1" | tr .- __; }

# Lines of our own, but for the keys that the caller's lines bring.
conf_lines() {
	printf '%s' "$1" | awk -v all="$2" '
	    { key = $1; sub(/=.*/, "", key); given[key] = 1; print }
	    END { n = split(all, l, "\n"); for (i = 1; i <= n; i++) { split(l[i], w, " ")
	        if (w[1] != "" && !(w[1] in given)) print l[i] } }'
}

# The host speaks SMTP by one address, that of its ims.
host_smtp() {	# HOST ADDRESS
	[ -n "$smtp_label" ] || return 0
	cat <<END
smtp {
	name = "$smtp_label.$1"
	certificate = "$dir/$1/$smtp_label.$1.pem"
	key = "$dir/$1/$smtp_label.$1.key"
	connect-from = "$2"
	postmaster = "alice@$1"
}
END
}

# version comes first in the file.
host_conf() {	# HOST OMS-ADDRESS IMS-ADDRESS DOMAIN...
	_h=$dir/$1 _oms=$2 _ims=$3 _host=$1
	shift 3
	echo "version = 1"
	conf_lines "$sets" "${daemon_user:+user = \"$daemon_user\"}
accounts = \"$_h/accounts\"
trust = \"$dir/trust\"
crls = \"$dir/crls\"
crl-refresh = \"1 s\"
resolver = \"zone:$dir/zone\"
allow-private-peers = true
allow-private-crl-hosts = true"
	for _d in "$@"; do
		echo "domain $_d {"
		conf_lines "$domain_sets" "certificate = \"$_h/$_d.pem\"
key = \"$_h/$_d.key\"" | sed 's/^/	/'
		echo "}"
	done
	host_smtp "$_host" "$_ims"
	echo "oms {"
	conf_lines "$oms_sets" "spool = \"$_h/var/oms\"
spool-size = \"1 GiB\"
listen-fetch = { \"$_oms\" }
listen-submit = { \"$_oms\" }
connect-from = \"$_oms\"
control = \"$_h/var/oms.sock\"" | sed 's/^/	/'
	echo "}"
	echo "ims {"
	conf_lines "$ims_sets" "store = \"$_h/var/ims\"
store-size = \"1 GiB\"
listen-notify = { \"$_ims\" }
listen-mailbox = { \"$_ims\" }
connect-from = \"$_ims\"
control = \"$_h/var/ims.sock\"" | sed 's/^/	/'
	echo "}"
}

host_env() {	# DOMAIN HOST OMS-ADDRESS IMS-ADDRESS
	_v=$(variable "$1")
	cat >>"$dir/env" <<END
OMS_FETCH_$_v=$3:1470
OMS_SUBMIT_$_v=$3:1472
IMS_NOTIFY_$_v=$4:1471
SMTP_$_v=$4:25
IMS_MAILBOX_$_v=$4:1473
CONF_$_v=$dir/$2/tillcalled.conf
OMS_LOG_$_v=$dir/$2/oms.log
IMS_LOG_$_v=$dir/$2/ims.log
CERT_$_v=$dir/$2/$1.pem
KEY_$_v=$dir/$2/$1.key
END
}

host_make() {	# NUMBER DOMAIN...
	_oms_at=$net.$1"1" _ims_at=$net.$1"2"
	[ "$1" -le 24 ] || { echo "world: more than 24 hosts" >&2; return 1; }
	shift
	host=$1
	mkdir "$dir/$host"
	mkdir -m 700 "$dir/$host/var"
	[ -z "$daemon_user" ] || chown "$daemon_user:$daemon_group" "$dir/$host/var"
	for domain_of_host in "$@"; do
		[ "$domain_of_host" = "$host" ] || ln -s "$host" "$dir/$domain_of_host"
		cert_new --domain "$domain_of_host" || return 1
		host_use "$domain_of_host" "$cert"
		zone_domain "$domain_of_host" "$host" "$_oms_at" "$_ims_at"
		host_env "$domain_of_host" "$host" "$_oms_at" "$_ims_at"
	done
	echo "$@" >"$dir/$host/domains"
	if [ -n "$smtp_label" ]; then
		cert_new --domain "$smtp_label.$host" || return 1
		host_use_as "$host" "$smtp_label.$host" "$cert"
	fi
	host_conf "$host" "$_oms_at" "$_ims_at" "$@" |
	    sed "s/%OMS%/$_oms_at/g; s/%IMS%/$_ims_at/g; s/%HOST%/$host/g" >"$dir/$host/tillcalled.conf"
}

host_use() { host_use_as "$1" "$1" "$2"; }	# DOMAIN BASE-OF-CERTIFICATE
host_use_as() {	# FOLDER NAME BASE-OF-CERTIFICATE
	ln -sfn "$3.pem" "$dir/$1/$2.pem"
	ln -sfn "$3.key" "$dir/$1/$2.key"
}

host_users() {	# HOST
	for _d in $(cat "$dir/$1/domains"); do
		for _u in $world_users; do
			_home=$dir/home/$_u@$_d
			mkdir -m 700 "$_home"
			(umask 077 && od -An -N12 -tx1 /dev/urandom | tr -d ' ' >"$_home/password")
			TILLCALLED_PASSWORD_FILE=$_home/password "$bin/oms" \
			    -C "$dir/$1/tillcalled.conf" user add "$_u@$_d" </dev/null >"$dir/run/user.log" 2>&1 || {
				cat "$dir/run/user.log" >&2
				return 1
			}
		done
	done
}

# -- processes --------------------------------------------------------------------------------

# Sanitizers and valgrind take their time.
patience() { case "$mode ${UNDER:-}" in "debug " | "release ") echo 100 ;; *) echo 600 ;; esac; }

daemon_launch() {	# oms|ims HOST
	_pid=$dir/run/$1-$2.pid _log=$dir/$2/$1.log
	! pid_alive "$_pid" || { echo "world: $1 of $2 runs already" >&2; return 1; }
	touch "$_log"
	wc -c <"$_log" >"$dir/run/$1-$2.from"
	setsid $net_enter ${UNDER:-} "$bin/$1" -C "$dir/$2/tillcalled.conf" run \
	    </dev/null >>"$_log" 2>&1 &
	pid_write "$_pid" $!
}

daemon_said() { tail -c +"$(($(cat "$dir/run/$1-$2.from") + 1))" "$dir/$2/$1.log"; }
daemon_ready() { daemon_said "$1" "$2" | grep -q 'daemon\.ready'; }

daemon_wait() {
	wait_until "$(patience)" "$dir/run/$1-$2.pid" daemon_ready "$1" "$2" && return 0
	echo "world: $1 of $2 is not ready; its last words:" >&2
	daemon_said "$1" "$2" | tail -12 >&2
	pid_end "$dir/run/$1-$2.pid"
	return 1
}

daemon_stop() { pid_end "$dir/run/$1-$2.pid"; }

daemon_kill() {
	pid_signal KILL "$dir/run/$1-$2.pid" || return 1
	while pid_alive "$dir/run/$1-$2.pid"; do sleep 0.02; done
	rm -f "$dir/run/$1-$2.pid"
}

daemon_reload() {
	wc -c <"$dir/$2/$1.log" >"$dir/run/$1-$2.from"
	pid_signal HUP "$dir/run/$1-$2.pid" || { echo "world: $1 of $2 does not run" >&2; return 1; }
	wait_until 100 "$dir/run/$1-$2.pid" daemon_reloaded "$1" "$2" &&
	    ! daemon_said "$1" "$2" | grep -q 'daemon\.reload_failed' || {
		echo "world: $1 of $2 has not reloaded" >&2
		daemon_said "$1" "$2" | tail -5 >&2
		return 1
	}
}
daemon_reloaded() { daemon_said "$1" "$2" | grep -q 'daemon\.reload'; }

# crl_known AUTHORITY COMMAND...: publishes a CRL by that command; where daemons look for one each
# second, all that run have it when this returns.
crl_known() {
	_authority=$1 _await=
	shift
	for _host in $(hosts); do
		grep -Fqx 'crl-refresh = "1 s"' "$dir/$_host/tillcalled.conf" &&
		    grep -Fqx "crls = \"$dir/crls\"" "$dir/$_host/tillcalled.conf" || continue
		for _program in oms ims; do
			! pid_alive "$dir/run/$_program-$_host.pid" ||
			    _await="$_await $_program:$_host:$(generations $_program "$_host")"
		done
	done
	"$@" || return
	[ -f "$dir/ca/$_authority/trusted" ] || return 0
	_latest=$(($(date +%s) + $(patience) / 5))
	for _word in $_await; do crl_awaited $(echo "$_word" | tr : ' ') || return; done
}
generations() { grep -c 'tls\.generation' "$dir/$2/$1.log"; }
crl_awaited() {	# oms|ims HOST GENERATIONS-BEFORE
	while [ "$(generations "$1" "$2")" -le "$3" ] && pid_alive "$dir/run/$1-$2.pid"; do
		[ "$(date +%s)" -lt $_latest ] || { echo "world: $1 of $2 has not read the new CRL" >&2; return 1; }
		sleep 0.05
	done
}

crls_serve() {
	: >"$dir/run/httpd.out"
	setsid $net_enter "$top/build/$mode/tests/tools/httpd" "$net.2" "$crl_port" "$dir/www" \
	    "$dir/run/httpd.log" </dev/null >"$dir/run/httpd.out" 2>&1 &
	pid_write "$dir/run/httpd.pid" $!
	wait_until 50 "$dir/run/httpd.pid" grep -q ready "$dir/run/httpd.out" && return 0
	cat "$dir/run/httpd.out" >&2
	return 1
}
