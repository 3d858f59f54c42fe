#!/bin/sh
# Letters that are not as the servers want them: the sender's own takes none, and the recipient's keeps
# none that is not the one announced.
. tests/e2e/lib.sh
plan 14

world_up --domains a.test,b.test --domain-set 'message-limit = "300 KiB"' --domain-set 'keep = "2 days"'

send() { as alice@a.test send --wait 15 "$@" bob@b.test <"$T/letter"; }
in_one() { printf '%s\n' "$err" | tr '\n' ' '; }
octets() { letter alice@a.test bob@b.test large; head -c "$1" /dev/zero | tr '\0' 'x' | fold -w 70; }
octets 200000 >"$T/letter"
ok "a letter within the limits" send --hold 2
octets 400000 >"$T/letter"
status_is "one larger than the domain takes" 65 send
like "is refused as such" "$(in_one)" 'at most 307200 octets.*\[message-too-big, status 65\]'
letter alice@a.test bob@b.test small >"$T/letter"
status_is "one to be held for longer than the domain does" 64 send --hold 3
like "is refused as such" "$(in_one)" 'held for 1 to 2 days here.*\[bad-hold, status 64\]'
{ cat "$T/letter"; printf 'one\rtwo\r\n'; } >"$T/bare" && mv "$T/bare" "$T/letter"
status_is "one with a CR alone" 65 send
like "is refused as such" "$(in_one)" 'not part of CRLF.*\[bad-message, status 65\]'
is "none of these was announced" "$(as bob@b.test list --json | wc -l)" 1

# One octet of the letter is changed where its sender's server keeps it.
body=$(find "$W"/*/var -path "*/bodies/*" -type f)
is "the letter is kept in one file" "$(printf '%s\n' "$body" | wc -l)" 1
printf 'X' | dd of="$body" bs=1 seek=100000 conv=notrunc 2>/dev/null
is "another octet is there now" "$(dd if="$body" bs=1 skip=100000 count=1 2>/dev/null)" X
status_is "what is not what was announced" 65 as bob@b.test show 1
like "is not shown" "$err" '\[broken-promise, status 65\]'
like "nor kept" "$(as bob@b.test list --json)" '"state":"bad-seal","word":"broken-promise"'
is "by either server's hand" "$(cd "$W/b.test/var/oms/bodies" && ls -A && cd "$W/b.test/var/ims/store/bodies" && ls -A && echo none)" none
