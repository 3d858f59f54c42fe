#!/bin/sh
# Bad input of every kind: the right word, nothing stored, one line in the log, the daemon unharmed.
. tests/e2e/lib.sh
plan 60

world_up --domains a.test,b.test
tests/world zone "$W" 'c.test. IN TXT "v=spf1 ip4:'"$WORLD_NET"'.1 -all"'
set -- $(tests/world cert "$W" --domain c.test)
certificate=$1 key=$2
shown="-cert $certificate -key $key"

pid() { tests/world status "$W" | sed -n "s/^$1-$2 \([0-9]*\)$/\1/p"; }
pids_now() { echo "$(pid oms a.test) $(pid ims b.test)"; }
# What the stores hold; connections and times aside.
stored() {
	perl -MJSON::PP -e 'for (@ARGV) { $o = decode_json($_); print join(" ", map { "$_=$o->{$_}" }
	    grep { defined $o->{$_} } qw(letters notices writes)), "\n" }' \
	    "$(oms a.test status --json)" "$(ims b.test status --json)"
}
# say PROTOCOL ADDRESS DOMAIN FILE [OPTIONS]: the octets of FILE over TLS; what comes back.
say() {
	_alpn=tillcalled-$1/1 _to=$2 _sni=$3 _file=$4
	shift 4
	enter timeout 80 openssl s_client -quiet -connect "$_to" -servername "$_sni" -alpn "$_alpn" \
	    -CAfile "$CA" "$@" <"$_file" 2>/dev/null | tr -d '\r'
}
# refused NAME WORD REPLY LOG COMMAND...: what comes back is REPLY (its last refusal), LOG has one
# line more with WORD, and nothing was stored.
refused() {
	_name=$1 _word=$2 _reply=$3 _log=$4
	shift 4
	_line="(word=$_word|$_word=1)( |\$)"
	_before=$(log_count "$_log" "$_line") _stored=$(stored)
	_got=$("$@")
	like "$_name: $_word" "$_got" "^$_reply \[$_word\]"
	log_count_is "$_name: one line in the log" "$_log" "$_line" $((_before + 1))
	is "$_name: nothing is stored" "$(stored)" "$_stored"
}
raw() { printf "$1" >"$T/raw"; }
submit() { say submit "$OMS_SUBMIT_a_test" a.test "$T/raw"; }
fetch() { say fetch "$OMS_FETCH_a_test" a.test "$T/raw" $shown; }
notify() { say notify "$IMS_NOTIFY_b_test" b.test "$T/raw" $shown; }
nameless() { say notify "$IMS_NOTIFY_b_test" b.test "$T/raw"; }
mailbox() { say mailbox "$IMS_MAILBOX_b_test" b.test "$T/raw"; }

# A new store of an ims notes where its sweeps begin, soon after it was opened.
begun() { stored | tail -n 1 | grep -q " writes=2\$"; }
eventually 20 begun

started=$(pids_now)

# -- lines ----------------------------------------------------------------------------------------

raw 'NOOP\nQUIT\r\n'
refused "a bare LF at the oms" bare-lf '500 5\.5\.2' "$OMS_LOG_a_test" submit
refused "a bare LF at the ims" bare-lf '500 5\.5\.2' "$IMS_LOG_b_test" mailbox
raw 'NOOP\rX\r\nQUIT\r\n'
refused "a bare CR" bare-lf '500 5\.5\.2' "$IMS_LOG_b_test" notify
raw 'NO\001OP\r\nQUIT\r\n'
refused "a control octet" bad-octet '500 5\.5\.2' "$OMS_LOG_a_test" submit
raw 'BLURB x\r\nQUIT\r\n'
refused "an unknown verb" unknown-verb '500 5\.5\.1' "$OMS_LOG_a_test" submit
refused "an unknown verb to the ims" unknown-verb '500 5\.5\.1' "$IMS_LOG_b_test" notify
printf 'NOOP %01018d\r\nQUIT\r\n' 0 >"$T/raw"
refused "a line one octet over the limit" line-too-long '500 5\.5\.2' "$OMS_LOG_a_test" submit
printf 'NOOP %01017d\r\nQUIT\r\n' 0 >"$T/raw"
unlike "a line at the limit is another matter" "$(submit)" line-too-long

# -- who asks -------------------------------------------------------------------------------------

raw 'FROM <alice@a.test>\r\nQUIT\r\n'
refused "a letter of nobody" auth-required '530 5\.7\.0' "$OMS_LOG_a_test" submit
raw 'HELLO c.test\r\nQUIT\r\n'
refused "a peer without a certificate" no-certificate '550 5\.7\.5' "$IMS_LOG_b_test" nameless
raw 'HELLO d.test\r\nQUIT\r\n'
refused "a peer with another's name" certificate-name '550 5\.7\.5' "$IMS_LOG_b_test" notify
echo wrong >"$T/wrong"
guess() {
	enter "build/$MODE/tests/bench/load" "$1" --to "$2" --user "$3" --password-file "$T/wrong" \
	    --recipient bob@b.test --trust "$W/trust" --crls "$W/crls" --connections 1 --count 1 2>&1 |
	    sed -n 's/.*the first: /535 5.7.8 /p'
}
refused "a wrong password at the oms" auth-failed '535 5\.7\.8' "$OMS_LOG_a_test" guess letters "$OMS_SUBMIT_a_test" alice@a.test
refused "a wrong password at the ims" auth-failed '535 5\.7\.8' "$IMS_LOG_b_test" guess list "$IMS_MAILBOX_b_test" bob@b.test
refused "a user who is not there" auth-failed '535 5\.7\.8' "$IMS_LOG_b_test" guess list "$IMS_MAILBOX_b_test" nobody@b.test

# -- statements -----------------------------------------------------------------------------------

# batch OCTETS: HELLO, a recipient and a sealed statement of so many octets, which is none.
batch() {
	awk -v n="$1" 'BEGIN { while (length(s) < n) s = s "Tillcalled-Notification: 1 "; printf "%s", substr(s, 1, n) }' >"$T/statement"
	printf 'Tillcalled-Seal: 1\r\nSigner: c.test\r\nFor: b.test\r\nDate: %s\r\nStatement: sha256:%s\r\n' \
	    "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$(sha256sum <"$T/statement" | cut -d' ' -f1)" >"$T/seal"
	openssl dgst -sha256 -sign "$key" -out "$T/signature" "$T/seal"
	{
		printf 'HELLO c.test\r\nRCPT <bob@b.test> 000102030405060708090a0b0c0d0e0f\r\nSTATEMENT %d\r\n' "$1"
		cat "$T/statement"
		printf 'SEAL %d ecdsa-sha256 %d\r\n' "$(wc -c <"$T/seal")" "$(wc -c <"$T/signature")"
		cat "$T/seal" "$T/signature"
		printf 'QUIT\r\n'
	} >"$T/raw"
}
batch 16385
refused "a statement one octet over the limit" statement-too-big '552 5\.3\.4' "$IMS_LOG_b_test" notify
batch 16384
refused "one at the limit that is no statement" bad-statement '550 5\.5\.2' "$IMS_LOG_b_test" notify
notice() {
	enter "build/$MODE/tests/bench/load" notices --to "$IMS_NOTIFY_b_test" --domain b.test --own c.test \
	    --certificate "$certificate" --key "$key" --from "$WORLD_NET.1" --recipient "$1" \
	    --trust "$W/trust" --crls "$W/crls" --connections 1 --count 1 --per-seal 1 2>&1 |
	    sed -n 's/.*the first: /550 5.1.1 /p'
}
refused "a recipient who does not exist" no-such-user '550 5\.1\.1' "$IMS_LOG_b_test" notice nobody@b.test

# -- unharmed ---------------------------------------------------------------------------------------

is "both daemons are those that were started" "$(pids_now)" "$started"
letter alice@a.test bob@b.test "after all that" >"$T/letter"
ok "and take the next letter" as alice@a.test send --wait 20 bob@b.test <"$T/letter"
as bob@b.test show --raw 1 >"$T/got" 2>"$T/got.err"
same "which arrives as it was" "$T/got" "$T/letter"

# -- configuration ----------------------------------------------------------------------------------

# config PROGRAM SED: the program's answer to a configuration that was changed so.
config() {
	sed "$2" "$CONF_a_test" >"$T/changed.conf"
	chmod 644 "$T/changed.conf"
	"build/$MODE/$1" -C "$T/changed.conf" run
}
for program in oms ims; do
	status_is "$program: an unknown key" 78 config $program '1a resolvr = "system"'
	like "is named with file and line, and the nearest" "$err" 'changed\.conf:2: .*resolvr.*resolver'
	status_is "$program: a repeated key" 78 config $program '1a version = 1'
	like "is named with file and line" "$err" 'changed\.conf:2: .*version'
done
