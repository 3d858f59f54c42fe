#!/bin/sh
# MTA-STS outward: a policy in force decides which hosts are tried and that a CA must vouch for them, also where the
# operator takes any certificate; `testing' only reports.
. tests/e2e/lib.sh
. tests/lib/smtp.sh
plan 13

world_up --domains a.test --smtp mx --oms-set 'smtp-out = "mx"' --oms-set 'smtp-out-certificate = "report-only"'
log=$OMS_LOG_a_test
became() { log_has "$log" "recipient\\.state id=[^ ]* to=bob@$1\\.test state=$2 word=$3\$"; }
attempt() { grep " smtp\\.attempt .*peer=$1\\.test " "$log" | tail -1; }
n=0
# policy NAME MODE MX: served by https at mta-sts.NAME.test
policy() {
	tests/world zone "$W" "_mta-sts.$1.test. 60 IN TXT \"v=STSv1; id=1;\"
mta-sts.$1.test. 60 IN A $WORLD_NET.$((200 + n))"
	set -- "$1" "$2" "$3" $(tests/world cert "$W" --domain "mta-sts.$1.test")
	mkdir -p "$T/web-$1/.well-known"
	printf 'version: STSv1\r\nmode: %s\r\nmx: %s\r\nmax_age: 86400\r\n' "$2" "$3" >"$T/web-$1/.well-known/mta-sts.txt"
	cp "$4" "$T/web-$1/pem" && cp "$5" "$T/web-$1/key"
	background serves "$1" "$WORLD_NET.$((200 + n)):443"
	eventually 10 enter sh -c "ss -ltn | grep -q '$WORLD_NET.$((200 + n)):443 '" || failed "$1 has a web server"
}
serves() { cd "$T/web-$1" && exec "$OLDPWD/tests/world" enter "$W" openssl s_server -quiet -WWW -accept "$2" -cert pem -key key >web.log 2>&1; }
# host NAME KIND...
host() {
	n=$((n + 1)) _host=$1
	shift
	outside $_host.test $WORLD_NET.$((100 + n)) "$@" || failed "$_host is there"
	mx_up $_host $WORLD_NET.$((100 + n)) on=$_host.test || failed "$_host is up"
}
host named
policy named enforce mx.named.test
host unnamed
policy unnamed enforce '*.elsewhere.test'
host trial
policy trial testing mx.elsewhere.test
host self --self-signed
policy self enforce mx.self.test
host bare --self-signed

send() { letter alice@a.test bob@$1.test "$1" | as alice@a.test send --wait 0 bob@$1.test >"$T/sent" 2>&1; }
for name in named unnamed trial self bare; do send $name; done
ok "a policy names the host: the letter goes" eventually 20 became named by-smtp -
like "a CA and the policy vouch for it" "$(attempt named)" ' wanted=ca\+sts reached=ca\+sts '
like "and the outbox says so" "$(as alice@a.test outbox --json)" '"host":"mx\.named\.test","secured":"ca\+sts"'
ok "a policy does not name the host: the letter waits" eventually 20 became unnamed waiting sts-mismatch
is "and the host has not heard of us" "$(grep -c open "$T/unnamed.log")" 0
like "which the log says" "$(grep ' smtp\.left_out ' "$log")" 'host=mx\.unnamed\.test word=sts-mismatch'
ok "testing: the letter goes" eventually 20 became trial by-smtp -
like "and the policy vouches for nothing" "$(attempt trial)" ' reached=ca '
ok "no CA vouches for a host that a policy names: the letter waits" eventually 20 became self waiting certificate-selfsigned
is "and the host has heard of no letter" "$(grep -c '< MAIL' "$T/self.log")" 0
ok "without a policy any certificate is taken, as the operator set" eventually 20 became bare by-smtp -
like "in TLS, and nothing vouches for the host" "$(attempt bare)" ' wanted=tls reached=tls '
like "which the outbox says" "$(as alice@a.test outbox --json)" '"host":"mx\.bare\.test","secured":"tls"'
