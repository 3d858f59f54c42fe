#!/bin/sh
# The keys of SMTP outward: each is in force from a reload on, and counts; and a domain to which nothing goes.
. tests/e2e/lib.sh
. tests/lib/smtp.sh
. tests/lib/reload.sh
plan 13

world_up --domains a.test --smtp mx --oms-set 'smtp-out = "mx"'
log=$OMS_LOG_a_test
conf=$W/a.test/tillcalled.conf
role=oms host=a.test
for name in one two; do
	echo secret >"$W/a.test/$name"
	chown --reference="$(readlink -f "$KEY_a_test")" "$W/a.test/$name"
	chmod --reference="$(readlink -f "$KEY_a_test")" "$W/a.test/$name"
done
for line in 'smtp-out-user = "alice"' "smtp-out-password = \"$W/a.test/one\""; do sed -i "s|^oms {|&\n\t$line|" "$conf"; done
reloads
# sends DOMAIN: a letter to it
sends() { letter alice@a.test bob@$1 keys | as alice@a.test send --wait 0 bob@$1 2>&1; }
became() { log_has "$log" "recipient\\.state id=[^ ]* to=bob@$1 state=$2 word=$3\$"; }
outside old.test $WORLD_NET.70
outside self.test $WORLD_NET.71 --self-signed
outside down.test $WORLD_NET.72
mx_up self $WORLD_NET.71 on=self.test || failed "self is up"
mx_up other $WORLD_NET.70:2525 on=old.test || failed "other is up"

refused() { like "$key of $section: and counts" "$(sends old.test)" '\[no-designation,'; }
self_goes() { sends self.test >/dev/null; ok "$key of $section: and counts" eventually 8 became self.test by-smtp -; }
at_port() { sends old.test >/dev/null; ok "$key of $section: and counts" eventually 8 became old.test by-smtp -; }
row oms a.test oms smtp-out '"off"' refused
row oms a.test oms smtp-out-certificate '"report-only"' self_goes
row oms a.test oms smtp-port 2525 at_port
row oms a.test oms smtp-give-up '"2 days"' true
row oms a.test oms smtp-out-user '"bob"' true
row oms a.test oms smtp-out-password "\"$W/a.test/two\"" true

# -- a domain to which nothing goes ------------------------------------------------------------------------------

sends down.test >/dev/null
ok "a letter waits for a server" eventually 8 became down.test waiting unreachable
printf 'peer down.test {\n\tsmtp-out = "off"\n}\n' >>"$conf"
reloads
is "the domain's section is in force" "$(oms a.test check --running | sed -n '/^peer down.test/,/^}/p' | grep -c 'smtp-out = "off"')" 1
oms a.test queue --now --domain down.test >"$T/now" 2>&1
like "no other is taken" "$(sends down.test)" '\[smtp-off,'
ok "and the one that waits is not tried" eventually 8 log_has "$log" 'notify\.ended .*peer=down\.test .*word=smtp-off' 
