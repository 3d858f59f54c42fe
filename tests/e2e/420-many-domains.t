#!/bin/sh
# Two domains in one pair of daemons: each with its own certificate, and none speaks for the other.
. tests/e2e/lib.sh
. tests/lib/peers.sh
plan 14

world_up --domains a.test,c.test+d.test
is "one pair of daemons serves both" "$OMS_FETCH_c_test $IMS_NOTIFY_c_test" "$OMS_FETCH_d_test $IMS_NOTIFY_d_test"

shown() {	# PROTOCOL ADDRESS SNI: whose certificate
	enter openssl s_client -connect "$2" -servername "$3" -alpn "tillcalled-$1/1" </dev/null 2>/dev/null |
	    openssl x509 -noout -ext subjectAltName | sed -n 's/.*DNS://p'
}
for d in c.test d.test; do
	is "notify: asked for $d, it shows that certificate" "$(shown notify "$IMS_NOTIFY_c_test" $d)" $d
	is "fetch: asked for $d, too" "$(shown fetch "$OMS_FETCH_c_test" $d)" $d
done

goes() {	# FROM TO
	letter "$1" "$2" "from $1" "Said by $1." >"$T/letter"
	ok "$1 to $2: bob is told" as "$1" send --wait 20 "$2" <"$T/letter"
	like "and reads it" "$(as "$2" show 1 2>&1)" "Said by $1"
}
goes alice@c.test bob@d.test
goes alice@d.test bob@a.test
like "told under its own name" "$(grep notify.hello "$IMS_LOG_a_test" | tail -1)" ' domain=d\.test '

# says_to ADDRESS FROM WHOSE-CERTIFICATE HELLO SNI [FILE]: the last that is answered.
says_to() {
	v=$(echo "$3" | tr . _)
	eval "c=\$CERT_$v k=\$KEY_$v"
	printf '%s\n' "HELLO $4" ${6:+"@$6"} | enter "$peer" talk "$1" "from=$2" "sni=$5" alpn=tillcalled-notify/1 \
	    "cert=$c" "key=$k" 2>&1 | sed -n '$p'
}
own=${OMS_FETCH_c_test%:*}
like "c.test's own HELLO is heard" "$(says_to "$IMS_NOTIFY_a_test" "$own" c.test c.test a.test)" '^250 '
like "with c.test's certificate nobody is d.test, whose server is the same" \
    "$(says_to "$IMS_NOTIFY_a_test" "$own" c.test d.test a.test)" '^550 5.7.5 .certificate-name'
tests/lib/notice.pl "$KEY_a_test" a.test d.test bob@d.test >"$T/batch"
like "what is for d.test does not come by c.test's door" \
    "$(says_to "$IMS_NOTIFY_c_test" "${OMS_FETCH_a_test%:*}" a.test a.test c.test "$T/batch")" '^550 .*\[(seal-for|domain-not-served)\]'
letter bob@d.test bob@a.test forged >"$T/forged"
as alice@c.test send --wait 5 bob@a.test <"$T/forged" >"$T/out" 2>&1
like "and a user of c.test is none of d.test" "$(cat "$T/out")" 'bad-from'
