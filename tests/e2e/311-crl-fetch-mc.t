#!/bin/sh
# mc fetches what it needs to know whether its own servers are revoked, and believes nobody else.
. tests/e2e/lib.sh
. tests/lib/process.sh
plan 17
world_up --domains a.test
mkdir "$T/none"
export TILLCALLED_CRLS="$T/none"
cache="$W/home/alice@a.test/.cache/tillcalled/crls"
asked() { wc -l <"$W/run/httpd.log"; }

ok "the first time" as alice@a.test list
is "the list is fetched" "$(asked)" 1
is "and kept, for this user alone" "$(ls -l "$cache"/*.crl | cut -c1-10)" "-rw-------"
ok "the next time" as alice@a.test list
is "it is not" "$(asked)" 1
month_ago() { touch -d '29 days ago' "$cache"/.*.from; }
used_today() { find "$cache" -name '.*.from' -mtime -1 | wc -l; }
ok "what nobody has used for a month" month_ago
ok "is used once more" as alice@a.test list
is "and counts as used today" "$(used_today)" 1
tests/world revoke "$W" a.test
ok "it is a month later" month_ago
ok "what is an hour old is fetched again" touch -d '2 hours ago' "$cache/.looked"
status_is "and the server found revoked" 77 as alice@a.test list
like "which is said" "$err" 'certificate-revoked'
is "that is no use" "$(used_today)" 0

tests/world use "$W" a.test "$(tests/world cert "$W" --domain a.test | head -1)"
tests/world reload "$W" ims a.test
ok "another certificate is good" as alice@a.test list
rm -r "$cache"
pid_end "$W/run/httpd.pid"
status_is "nothing is here, and nobody to ask" 75 as alice@a.test list
like "is for later" "$err" 'revocation-unknown'
is "nothing was made of it" "$(ls "$cache" | grep -c crl)" 0
