#!/bin/sh
# Thousands who speak one octet in ten seconds hold up nobody, are sent away within a minute, and leave
# nothing open.
. tests/e2e/lib.sh
. tests/lib/peers.sh
plan 6

world_up --domains b.test
tests/world zone "$W" 'c.test. IN TXT "v=spf1 ip4:'"$WORLD_NET"'.1 -all"'
peers_take "$T/c" $(tests/world cert "$W" --domain c.test)
ims_pid=$(tests/world status "$W" | sed -n 's/^ims-b.test \([0-9]*\)$/\1/p')
descriptors() { ls "/proc/$ims_pid/fd" | wc -l; }
# As many as both sides may have open, with some to spare; a sanitizer makes each of them dear.
many=10000
case $MODE in debug | release) ;; *) many=1000 ;; esac
for most in $(ulimit -Hn) $(awk '/^Max open files/ { print $4 }' "/proc/$ims_pid/limits"); do
	[ "$most" = unlimited ] || [ "$most" -gt $((many + 200)) ] || many=$((most - 200))
done

before=$(descriptors)
tests/world enter "$W" sh -c 'ulimit -n $((200 + $2)) && exec tests/lib/slow.pl "$1" "$2" "$3" "$4"' sh \
    "$IMS_NOTIFY_b_test" $many "$WORLD_NET" "$T/over" >"$T/slow" 2>&1 &
slow=$! pids="$pids $slow"
ok "$many connections are opened" eventually 30 grep -q "^open $many" "$T/slow"
# A busy machine takes them more slowly than it sends the first of them away.
thousands=$((many / 2))
[ $thousands -le 2000 ] || thousands=2000
held() { [ "$(descriptors)" -gt $thousands ]; }
ok "and held" eventually 20 held
tests/lib/notice.pl "$T/c.key" c.test b.test bob@b.test >"$T/batch"
like "meanwhile a notice is taken" "$(printf '%s\n' 'HELLO c.test' "@$T/batch" | tests/world enter "$W" "$peer" talk \
    "$IMS_NOTIFY_b_test" "from=$WORLD_NET.1" sni=b.test alpn=tillcalled-notify/1 "cert=$T/c.pem" "key=$T/c.key" 2>&1)" \
    '250 2\.1\.5 noticed'
ok "while they are there" held
touch "$T/over"
ok "all are sent away within a minute" eventually 90 grep -q '^gone' "$T/slow"
none() { [ "$(descriptors)" -le "$before" ]; }
ok "and nothing of them stays open" eventually 10 none
