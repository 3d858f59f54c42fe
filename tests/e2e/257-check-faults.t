#!/bin/sh
# check says what a start, or a peer, would refuse, with its cure; and what will be a fault soon.
. tests/e2e/lib.sh
. tests/lib/peers.sh
plan 153

world_up --domains a.test
# The files of the cases: in a short path, for a control socket has 107 octets, and a message 512.
F=$W/files
mkdir "$F"
conf=$F/conf
inside() { _program=$1; shift; tests/world enter "$W" "build/$MODE/$_program" -C "$conf" "$@"; }
check() { inside oms check "$@"; }
fresh() { cp "$CONF_a_test" "$conf"; }
faulty() {	# NAME WHAT CURE
	status_is "$1: refused" 78 check
	like "$1: by what is wrong" "$err" "$2"
	like "$1: and its cure" "$err" "$3"
}
# The domain's certificate is one made by these words of tests/world cert.
shows() {
	peers_take "$F/own" $(tests/world cert "$W" "$@")
	chmod 600 "$F/own.key"
	fresh
	sed -i "s,certificate = .*,certificate = \"$F/own.pem\"," "$conf"
	sed -i "s,key = .*,key = \"$F/own.key\"," "$conf"
}

fresh
ok "nothing is wrong" check
sed -i '/^oms {/,/^}/d' "$conf"
faulty "no section" 'there is no section oms' 'write: oms \{ listen-fetch = \{ "0\.0\.0\.0", "::" \} listen-submit = '
fresh
sed -i '/listen-fetch/d' "$conf"
faulty "no listen" 'oms has no listen-fetch' 'write: listen-fetch = '
fresh
sed -i '/^user = /d' "$conf"
sed -i '1a user = "nosuchuser"' "$conf"
faulty "no such user" 'there is no user nosuchuser' 'adduser --system --group nosuchuser'
shows --domain a.test
cp "$(sed -n 's/^[[:space:]]*key = "\(.*\)"/\1/p' "$CONF_a_test")" "$F/own.key"
faulty "a key that does not fit" 'the key .*/own\.key does not fit the certificate .*/own\.pem' 'write the key that the certificate was requested with'
: >"$F/own.key"
faulty "a file that holds no key" '/own\.key holds no PEM private key without a passphrase' 'openssl pkey -in'
shows --domain a.test --names DNS:b.test
faulty "another domain's certificate" 'certificate-name' 'it names b\.test; get one for a\.test or tillcalled\.a\.test'
shows --domain a.test --expired
faulty "an expired one" 'certificate-expired' 'renew it'
shows --domain a.test --intermediate
openssl x509 -in "$F/own.pem" -out "$F/leaf.pem" && mv "$F/leaf.pem" "$F/own.pem"
faulty "one without its intermediate" 'certificate-untrusted' 'intermediate certificates after it'
shows --domain a.test
rm "$F/own.key"
faulty "a key that is not there" 'key of a\.test: the private key .*/own\.key: No such file' 'put the file there, or write another path'
shows --domain a.test
rm "$F/own.pem"
faulty "a certificate that is not there" 'certificate of a\.test: .*/own\.pem: No such file' 'put the file there, or write another path'
for key in trust crls; do
	fresh
	sed -i "s,^$key = .*,$key = \"$F/none\"," "$conf"
	faulty "a folder of $key that is not there" "$key: the folder $F/none: No such file" "make it: mkdir -p $F/none"
done
fresh
sed -i "s,^resolver = .*,resolver = \"zone:$F/none\"," "$conf"
faulty "a zone that cannot be read" "$F/none" 'No such file'


# -- the network: check binds what a start binds ----------------------------------------------------

addr=${OMS_FETCH_a_test%:*}
# The section's KEY becomes VALUE; no daemon runs at its control socket, and its ports are free.
sets() {	# KEY VALUE...
	fresh
	set -- control "\"$F/control.sock\"" listen-fetch "{ \"$addr:4001\" }" \
	    listen-submit "{ \"$addr:4002\" }" "$@"
	while [ $# -gt 0 ]; do
		sed -i "/^oms {/,/^}/s|^\([[:space:]]*$1 = \).*|\1$2|" "$conf"
		shift 2
	done
}
# check and a start of the oms say the same.
both() {	# NAME STATUS-OF-RUN WHAT CURE
	faulty "$1" "$3" "$4"
	status_is "$1: run: refused" "$2" inside oms run
	like "$1: run: by what is wrong" "$err" "$3"
	like "$1: run: and its cure" "$err" "$4"
}

sets listen-fetch '{ "10.9.8.7" }'
both "an address of another host" 71 'listen-fetch: cannot bind 10\.9\.8\.7:1470' 'write an address of this host'
sets listen-fetch '{ "[2001:db8::99]" }'
both "an IPv6 address of another host" 71 'listen-fetch: cannot bind \[2001:db8::99\]:1470' 'write an(other)? address|of the other'
sets listen-submit "{ \"$addr:4001\" }"
both "two listens on one address" 78 "conf:[0-9]+: listen-submit of oms: $addr:4001 is in use by another listen, listen-fetch of oms on $addr:4001 at line [0-9]+" 'another port'
like "two listens on one address: by the lines" "$err" "conf:$(grep -n 'listen-submit' "$conf" | cut -d: -f1): .* at line $(grep -n 'listen-fetch' "$conf" | cut -d: -f1):"
sets listen-fetch "{ \"$addr:4001\", \"0.0.0.0:4001\" }"
both "a wildcard address that takes in another listen" 78 "listen-fetch of oms: 0\.0\.0\.0:4001 is in use by another listen, listen-fetch of oms on $addr:4001" 'another port'
# Two daemons of one host.  Each start alone goes well, so this is said by check.
both_sections() {	# KEY ADDRESS: the listen of the ims
	sets listen-fetch "{ \"$addr:4001\" }"
	sed -i "/^ims {/,/^}/s|^\([[:space:]]*$1 = \).*|\1{ \"$2\" }|" "$conf"
	lines="conf:$(grep -n "$3" "$conf" | cut -d: -f1): .* at line $(grep -n "$4" "$conf" | cut -d: -f1):"
}
both_sections listen-notify "$addr:4001" listen-fetch listen-notify
faulty "a listen of the ims on an address of the oms" "listen-fetch of oms: $addr:4001 is in use by another listen, listen-notify of ims on $addr:4001" 'another port'
like "a listen of the ims on an address of the oms: by the lines" "$err" "$lines"
both_sections listen-mailbox 0.0.0.0:4002 listen-mailbox listen-submit
status_is "check of the ims: refused" 78 inside ims check
like "check of the ims: by what is wrong" "$err" "listen-mailbox of ims: 0\.0\.0\.0:4002 is in use by another listen, listen-submit of oms on $addr:4002"
like "check of the ims: by the lines" "$err" "$lines"
both_sections listen-notify "$addr:1470" listen-notify listen-fetch
sed -i "/^oms {/,/^}/s|^\([[:space:]]*listen-fetch = \).*|\1{ \"0.0.0.0\" }|" "$conf"
faulty "by the port that is meant where none is written" "listen-fetch of oms: 0\.0\.0\.0:1470 is in use by another listen, listen-notify of ims" 'another port'
sets listen-fetch "{ \"$addr\" }"
both "a port that another program has" 71 "listen-fetch: cannot bind $addr:1470: Address already in use" 'end the program that has it|another port'
sets connect-from '"10.9.8.7"'
both "connect-from an address of another host" 71 'connect-from: cannot connect from 10\.9\.8\.7' 'write an address of this host'
sets control '"/etc/passwd"'
both "a control path that is no socket" 78 'control: /etc/passwd is there and is no socket' 'remove it, or write another path'
sets control "\"$F/$(printf '%0108d' 0)\""
both "a control path over 107 octets" 78 'control: the path of the control socket is longer than 107 octets' 'write a shorter one'


# -- folders: what a start makes, and where the daemon's user works ---------------------------------

user=$(sed -n 's/^user = "\(.*\)"/\1/p' "$CONF_a_test")
mkdir -m 700 "$F/closed"
[ -n "$user" ] || chmod 0 "$F/closed"
sets spool "\"$F/closed/oms\""
both "a spool in a folder that is closed to the user" 78 "spool: .*/closed/oms: the folder .*/closed is closed to" 'chmod o\+x .*/closed, or write another path'
sets spool "\"$F/closed/a/b/oms\""
both "a spool deep in such a folder" 78 "spool: .*the folder .*/closed is closed to" 'chmod o\+x .*/closed'
sets spool '"/proc/oms"'
both "a spool where no folder can be made" 78 'spool: /proc/oms cannot be made in /proc: ' 'write another path'
: >"$F/file"
sets spool "\"$F/file/oms\""
both "a spool below a file" 78 'spool: .*/file is no folder' 'write another path'
mkdir -m 500 "$F/own-folder"
[ -z "$user" ] || chown "$user" "$F/own-folder"
sets spool "\"$F/own-folder\""
both "a spool that the user may not write to" 78 'spool: .* cannot write to the folder .*/own-folder' 'chmod 700 .*/own-folder'
sets control '"/proc/oms/sock"'
both "a control socket where no folder can be made" 78 'control: /proc/oms/sock cannot be made in /proc: ' 'write another path'
cp -p "$W/a.test/accounts" "$F/closed/accounts" 2>/dev/null
sets spool "\"$F/spool\""
sed -i "s|^accounts = .*|accounts = \"$F/closed/accounts\"|" "$conf"
if [ -n "$user" ]; then
	both "accounts in a folder that is closed to the user" 78 'accounts: .*the folder .*/closed is closed to' 'chmod o\+x .*/closed'
else
	for what in 1 2 3 4 5 6; do skip "accounts out of the user's reach" "not root"; done
fi
mkdir -m 700 "$F/closed/deep" 2>/dev/null
sets spool "\"$F/new/spool\""
ok "a spool whose parents are made at the start is no fault" check
ok "and check has made none of them" [ ! -e "$F/new" ]
is "and has left nothing there" "$(find "$F" -name '.tillcalled*' 2>/dev/null)" ""

# A key that root alone can read: a start loads it before it gives up root, so this is no fault.
shows --domain a.test
sed -i "/^oms {/,/^}/s|^\([[:space:]]*control = \).*|\1\"$F/control.sock\"|
	/^oms {/,/^}/s|^\([[:space:]]*spool = \).*|\1\"$F/spool\"|
	/^oms {/,/^}/s|^\([[:space:]]*listen-fetch = \).*|\1{ \"$addr:4001\" }|
	/^oms {/,/^}/s|^\([[:space:]]*listen-submit = \).*|\1{ \"$addr:4002\" }|" "$conf"
if [ -n "$user" ]; then
	chown 0:0 "$F/own.key"
	status_is "a key that root alone can read is no fault" 0 check
	like "but said, and its cure" "$out" "a renewed certificate of a\.test needs a restart: $F/own\.key is out of reach of the daemon: chgrp [0-9]+ $F/own\.key; chmod 640"
	inside oms run 2>"$F/run.log" &
	run=$!
	ok "a start takes the key" eventually 20 log_has "$F/run.log" 'daemon\.ready'
	like "and says the same" "$(cat "$F/run.log")" 'daemon\.out_of_reach text="?a renewed certificate of a.test needs a restart'
	kill "$(sed -n 's/.*daemon\.ready pid=\([0-9]*\).*/\1/p' "$F/run.log")"
	wait $run
else
	for what in 1 2 3 4; do skip "a key that root alone can read" "not root"; done
fi

shows --domain a.test --days 10
status_is "one that ends in ten days is no fault" 0 check
like "but said" "$out" 'the certificate of a\.test ends at .*, in (9|10) days: renew it'
shows --domain a.test --expired
sed -i '/listen-submit/d' "$conf"
status_is "two faults" 78 check
is "are both said" "$(echo "$err" | grep -c 'listen-submit\|certificate-expired')" 2
status_is "as JSON" 78 check --json
