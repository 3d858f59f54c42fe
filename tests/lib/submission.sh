# submission — the programs that bring letters by SMTP to the oms of a.test; after tests/e2e/lib.sh.
#
#	submission_up WORDS...          a world (tests/world up) where mail.a.test, its oms, takes them at 465 and 587
#	by_name COMMAND...              in the world's network, where the system's resolver knows mail.a.test
#	smtplib PORT USER RCPT,... FILE [WORD...]       by Python's smtplib (tests/lib/submit.py)
#	newest USER                     waits for a letter that `newest` has not given before; its number
#	received USER FILE              the same, and FILE is the whole letter
#	without_trace, trace            the letter of standard input without its first field; that field alone

submission_up() {
	world_up --smtp mail "$@" --oms-set 'listen-submission = { "%OMS%" }' --oms-set 'listen-submissions = { "%OMS%" }'
	printf '%s\n' "127.0.0.1 localhost" "${OMS_FETCH_a_test%:*} mail.a.test" >"$T/hosts"
}

by_name() { enter unshare -m sh -c 'mount --bind "$0" /etc/hosts && exec "$@"' "$T/hosts" "$@"; }

smtplib() {
	_port=$1 _user=$2
	shift 2
	by_name python3 tests/lib/submit.py "$_port" "$W/trust/root.pem" "$_user" "$W/home/$_user/password" "$@"
}

newest() {
	_had=$(cat "$T/newest.$1" 2>/dev/null || echo 0)
	_more() { _now=$(as "$1" list --json | sed -n 's/.*"number": *\([0-9]*\).*/\1/p' | sort -n | tail -1) && [ "${_now:-0}" -gt "$_had" ]; }
	eventually 20 _more "$1" || return 1
	echo "$_now" | tee "$T/newest.$1"
}

received() {
	_number=$(newest "$1") || return 1
	as "$1" fetch "$_number" >/dev/null && as "$1" show "$_number" --raw >"$2"
}

trace() { awk 'NR == 1 { print; next } /^[ \t]/ { print; next } { exit }'; }
without_trace() { awk 'NR == 1 { next } !past && /^[ \t]/ { next } { past = 1; print }'; }
