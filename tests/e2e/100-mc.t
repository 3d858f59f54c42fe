#!/bin/sh
# mc as people and programs meet it: setup, send, list, show, fetch, outbox; JSON as the manual says.
. tests/e2e/lib.sh
plan 69

world_up --domains a.test,b.test
alice=$W/home/alice@a.test

# members VERB...: those that the manual names for its JSON; given: those that came.
members() {
	awk -v want=" $* " '$1 == ".Sh" { json = $2 == "JSON" }
	    json && $1 == ".Ss" { on = index(want, " " $2 " ") }
	    json && on && $1 == ".It" { print $3 }' mc/mc.1 | LC_ALL=C sort | tr '\n' ' '
}
given() { perl -MJSON::PP -e 'print "$_\n" for sort keys %{decode_json(scalar <STDIN>)}' | tr '\n' ' '; }
# member NAME...: one value out of the first object of standard input.
member() {
	perl -MJSON::PP -e '$v = decode_json(scalar <STDIN>);
	    $v = ref $v eq "ARRAY" ? $v->[$_] : $v->{$_} for @ARGV;
	    print JSON::PP::is_bool($v) ? ($v ? "true" : "false") : defined $v ? $v : "null", "\n"' "$@"
}
lines_of() { printf '%s\n' "$1" | tr '\n' '|'; }

# -- setup ------------------------------------------------------------------------------------

status_is "a first run" 0 as alice@a.test setup alice@a.test
like "it says where letters are received" "$out" 'receiving +ims\.a\.test port 1473 +SRV _ims-mailbox\._tcp'
like "and where they are sent" "$out" 'sending +oms\.a\.test port 1472'
is "mc.conf is the user's alone" "$(stat -c %a "$alice/.config/tillcalled/mc.conf")" 600
is "so is the password" "$(stat -c %a "$alice/.config/tillcalled/password")" 600
status_is "setup with --json" 0 as bob@b.test setup bob@b.test --json
is "its members are the manual's" "$(echo "$out" | given)" "$(members setup)"
status_is "with another's password" 77 as alice@a.test setup bob@b.test --replace
like "it is refused in three lines" "$(lines_of "$err")" '^mc: [^|]*\|    ims\.b\.test says so\|    .*\[auth-failed, status 77\]\|$'
status_is "a user that is not there" 77 as alice@a.test setup nobody@b.test --replace
like "is refused like a wrong password" "$err" 'auth-failed, status 77'
status_is "a domain that is not there" 68 as alice@a.test setup alice@nowhere.test --replace
status_is "an address without a domain" 65 as alice@a.test setup alice
status_is "the address of a machine" 65 as alice@a.test setup 'alice@[127.0.0.1]'
is "a failed setup has changed nothing" "$(grep -c '^address = "alice@a\.test"' "$alice/.config/tillcalled/mc.conf")" 1

mkdir "$T/trust"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=other -days 2 \
    -keyout "$T/other.key" -out "$T/trust/other.pem" 2>/dev/null
export TILLCALLED_TRUST="$T/trust"
status_is "a server that nobody trusted vouches for" 77 as alice@a.test list
unset TILLCALLED_TRUST
like "is not talked to" "$err" 'certificate-untrusted, status 77'
status_is "without mc.conf" 78 as alice@a.test list -C "$T/none"
like "the cure is setup, of the same file, which asks for the address" "$err" "begin with:  mc -C $T/none setup +\\[no-account"
cp "$alice/.config/tillcalled/mc.conf" "$T/mc.conf"
echo 'resolvr = "x"' >>"$T/mc.conf"
status_is "an unknown key" 78 as alice@a.test list -C "$T/mc.conf"
like "is named with its line and the nearest" "$err" 'mc\.conf:[0-9]+: no key "resolvr"; did you mean resolver'
status_is "an unknown command" 64 as alice@a.test fecth 7
like "gets a guess" "$err" 'did you mean +mc fetch'

# -- nothing yet ------------------------------------------------------------------------------

status_is "an empty list" 0 as bob@b.test list
like "says so in words" "$out" '^No letters for bob@b\.test\. The server answered at [0-9:]+, all is well\.$'
status_is "an empty outbox" 0 as alice@a.test outbox
is "too" "$out" "You have sent nothing that is still kept for anyone."
status_is "a letter that is not there" 66 as bob@b.test show 7
like "is an error with a cure" "$err" 'mc list +\[no-such-number, status 66\]'
status_is "what is no number" 64 as bob@b.test show seven

# -- a letter ---------------------------------------------------------------------------------

printf 'From: Alice <alice@a.test>\nTo: bob@b.test\nBcc: carol@b.test\nSubject: gr\303\274n\nDate: Mon, 23 Nov 2026 12:00:00 +0000\nMessage-ID: <1@a.test>\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\n.\n..\nx\377y\n' >"$T/letter"
grep -av '^Bcc' "$T/letter" | sed 's/$/\r/' >"$T/wanted"
send() { as alice@a.test send "$@" <"$T/letter"; }
status_is "a letter to those of its header" 0 send -t --json --wait 10
is "its members are the manual's" "$(echo "$out" | given)" "$(members send)"
is "it is counted with CR LF" "$(echo "$out" | member size)" "$(wc -c <"$T/wanted")"
is "Bcc counts too" "$(echo "$out" | member recipients 1 address)" carol@b.test
is "they are told at once" "$(echo "$out" | member recipients 0 state)" notified
id=$(echo "$out" | member id)

status_is "bob's list" 0 as bob@b.test list
like "shows who, how much, where and who vouches" "$out" '^1 +[0-9:]+ +alice@a\.test +[0-9]+ +at sender +[^ ]'
unlike "and nothing of a stranger's choice" "$out" 'gr'
status_is "the same as JSON" 0 as bob@b.test list --json
is "its members are the manual's" "$(echo "$out" | given)" "$(members list)"
is "the id is the sender's" "$(echo "$out" | member id)" "$id"
is "it is held" "$(echo "$out" | member state)" held

status_is "the outbox, by the id's ending" 0 as alice@a.test outbox "$(echo "$id" | cut -c23-)"
like "names each recipient's state" "$out" '^  bob@b\.test +notified'
status_is "an ending that no id has" 66 as alice@a.test outbox 0000
is "its JSON's members are the manual's" "$(as alice@a.test outbox --json | given)" "$(members outbox)"

as bob@b.test show 1 --raw >"$T/raw" 2>"$T/err"
same "the letter comes octet for octet, without Bcc" "$T/raw" "$T/wanted"
status_is "bob reads it" 0 as bob@b.test show 1
like "with its head" "$out" '^From +Alice <alice@a\.test>$'
like "and who vouches" "$out" '^Sealed +a\.test, signature and octets good'
like "a broken octet is seen as such" "$out" '^  x\\xffy$'
is "its JSON's members are the manual's" "$(as bob@b.test show 1 --json | given)" "$(members list show)"
is "the list has its subject now" "$(as bob@b.test list --json | LC_ALL=C grep -c 'gr\\u00fcn')" 1
status_is "its header fields" 0 as bob@b.test show 1 --headers
like "are all there" "$out" '^Message-ID: <1@a\.test>$'
status_is "fetch of what is here" 0 as bob@b.test fetch 1 --json
is "says so" "$(echo "$out" | member state)" here
status_is "nothing is held" 0 as bob@b.test list --held
like "says so in words" "$out" '^Nothing is held'

# -- refusals ---------------------------------------------------------------------------------

status_is "no recipient" 64 send
like "is reported before the server is asked" "$err" 'no address was given'
printf 'Subject: to nobody\n\nx\n' >"$T/nobody"
nobody() { as alice@a.test send -t <"$T/nobody"; }
status_is "nor one in the header" 64 nobody
like "is said there too" "$err" 'To, Cc and Bcc hold no address'
printf 'From: eve@a.test\nTo: bob@b.test\n\nx' >"$T/letter"
status_is "another's From" 77 send -t
like "is the server's refusal" "$err" 'oms\.a\.test says: .*'
printf 'Subject: to all\n\nx\n' >"$T/letter"
many() { as alice@a.test send $(seq -f 'user%g@b.test' 101) <"$T/letter"; }
status_is "more recipients than one letter has" 75 many
like "what to do about it is not to wait" "$err" 'to fewer at once'
tests/world stop "$W" ims b.test
status_is "a server that is away" 75 as bob@b.test list --json
is "an error's members are the manual's" "$(echo "$err" | perl -MJSON::PP -e 'print "$_\n" for sort keys %{decode_json(scalar <STDIN>)->{error}}' | tr '\n' ' ')" "$(members error)"
