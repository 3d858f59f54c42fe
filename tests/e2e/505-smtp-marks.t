#!/bin/sh
# DKIM and DMARC of letters that come by SMTP: what they find is shown, reject refuses, and quarantine marks.
. tests/e2e/lib.sh
. tests/lib/smtp.sh
plan 17

world_up --domains a.test --smtp mx --ims-set 'listen-smtp = { "%IMS%" }'
at=$WORLD_NET.70 log=$IMS_LOG_a_test
ok "a domain elsewhere" outside old.test $at

# -- a signature by hand: simple/simple over From and Subject (RFC 6376 3.5) -------------------------------------

openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$T/dkim.key" 2>/dev/null
key=$(openssl pkey -in "$T/dkim.key" -pubout -outform DER | openssl base64 -A)
tests/world zone "$W" "s1._domainkey.author.test. 60 IN TXT \"v=DKIM1; k=rsa; p=$(echo $key | cut -c1-200)\" \"$(echo $key | cut -c201-)\"
_dmarc.author.test. 60 IN TXT \"v=DMARC1; p=reject\"
_dmarc.soft.test. 60 IN TXT \"v=DMARC1; p=quarantine\""
# signed AUTHOR: the letter; its signature is of author.test
signed() {
	printf 'From: Anna <%s>\r\nSubject: plums\r\n' "$1" >"$T/head"
	printf 'Hello.\r\n' >"$T/body"
	_bh=$(openssl dgst -sha256 -binary "$T/body" | openssl base64 -A)
	_sig="DKIM-Signature: v=1; a=rsa-sha256; c=simple/simple; d=author.test; s=s1; h=From:Subject; bh=$_bh; b="
	_b=$({ cat "$T/head"; printf '%s' "$_sig"; } | openssl dgst -sha256 -sign "$T/dkim.key" | openssl base64 -A)
	{ printf '%s%s\r\n' "$_sig" "$_b"; cat "$T/head"; printf '\r\n'; cat "$T/body"; } >"$T/letter"
}
gives() {	# of $T/letter
	{ smtp_begin mx.old.test; printf '%s\n' 'MAIL FROM:<eve@old.test>' 'RCPT TO:<alice@a.test>' DATA "!letter $T/letter" QUIT; } |
	    talk $SMTP_a_test as=old.test from=$at >"$T/said"
	grep -A1 '^354' "$T/said" | tail -1
}
newest() { as alice@a.test --json list | grep -o '"smtp":{[^}]*}' | head -1; }

signed anna@author.test
like "signed by its author's domain" "$(gives)" 'kept as'
like "DKIM passes for that domain, and DMARC by it" "$(newest)" '"dkim":"pass","dkim_domain":"author\.test","dmarc":"pass","author":"anna@author\.test","via":true'
like "the trace says so" "$(as alice@a.test show 1 --raw | tr -d '\r' | tr '\n\t' '  ')" \
    'Authentication-Results: mx\.a\.test;  spf=pass smtp\.mailfrom=old\.test;  dkim=pass header\.d=author\.test header\.s=s1;  dmarc=pass header\.from=author\.test Received:'
like "the log, too" "$(cat "$log")" 'smtp\.kept .*spf=pass dkim=pass dmarc=pass'
sed -i 's/^Hello/Hallo/' "$T/letter"
like "altered: the author's domain asks to refuse it" "$(gives)" '^550.5\.7\.1 \[dmarc\] DMARC: author\.test asks '
like "which is logged" "$(grep smtp.refused "$log" | tail -1)" 'from=eve@old\.test rcpt=alice@a\.test word=dmarc '
is "and not kept" "$(as alice@a.test --json list | grep -o '"number"' | wc -l)" 1
sed -i 1d "$T/letter"
like "without a signature" "$(gives)" '^550.5\.7\.1 \[dmarc\]'
signed anna@sub.author.test
like "a subdomain's author, signed by the domain" "$(gives)" 'kept as'
like "is aligned" "$(newest)" '"dkim":"pass","dkim_domain":"author\.test","dmarc":"pass"'
signed anna@soft.test
like "a stranger's signature" "$(gives)" 'kept as'
like "does not help where quarantine is asked for" "$(newest)" '"dkim":"pass","dkim_domain":"author\.test","dmarc":"quarantine"'
signed eve@old.test
like "no record" "$(gives)" 'kept as'
like "says nothing" "$(newest)" '"dmarc":"none".*"via":false'
printf 'From: eve@old.test\r\nSubject: no end of the header\r\n' >"$T/letter"
like "a letter that is all header" "$(gives)" 'kept as'
is "five are here" "$(as alice@a.test --json list | grep -o '"number"' | wc -l)" 5
