#!/bin/sh
# What became of each recipient: in the oms's log, by the id that people see, and in its queue.
. tests/e2e/lib.sh
plan 25

world_up --domains a.test,b.test
log=$OMS_LOG_a_test
became() { log_has "$log" "recipient\\.state id=$id to=$1 state=$2 word=$3\$"; }	# TO STATE WORD
# A refusal may be known when mc asks, even if it does not wait: 67.
send() {
	letter alice@a.test "$1" "what became" | as alice@a.test send --wait 0 "$@" >"$T/sent"
	case $? in 0 | 67) ;; *) return 1 ;; esac
	id=$(sed -n '1s/^\([0-9A-Z]\{4\}-[0-9A-Z]\{4\}\) .*/\1/p' "$T/sent")
}
wide() { awk 'length($0) > 76' "$T/queue"; }

long=recipient.with.a.local.part.that.needs.a.line.of.its.own@b.test
ok "a letter to three" send bob@b.test nobody@b.test "$long"
like "has an id for people" "$id" '^[0-9A-Z]{4}-[0-9A-Z]{4}$'
like "which the log gives for the whole one" "$(grep submit.letter "$log")" "id=[0-9A-Z]{26} as=$id .*recipients=3"
ok "bob's server was notified" eventually 60 became bob@b.test notified -
ok "an unknown recipient was refused" eventually 60 became nobody@b.test refused no-such-user
ok "oms queue" oms a.test queue
printf '%s\n' "$out" >"$T/queue"
like "names the letter" "$out" "^$id  from alice@a\.test"
like "has whose copy is not fetched" "$out" ' bob@b\.test +notified '
unlike "and nobody for whom it is over" "$out" nobody
is "in 76 columns" "$(wide)" ""
ok "oms queue --all" oms a.test queue --all
printf '%s\n' "$out" >"$T/queue"
like "has all" "$out" ' nobody@b\.test +refused '
like "and why" "$out" '\[no-such-user\]'
like "also an address too long for the column" "$out" "^ +$long\$"
is "in 76 columns" "$(wide)" ""
is "JSON alike" "$(oms a.test queue --json | wc -l) $(oms a.test queue --all --json | wc -l)" "1 3"

as bob@b.test show 1 >/dev/null
ok "it was handed out" eventually 60 became bob@b.test handed-out -
ok "it was fetched" eventually 60 became bob@b.test fetched -
like "then nothing is left in the queue" "$(oms a.test queue)" '^The queue is empty'
like "but with --all" "$(oms a.test queue --all)" 'bob@b\.test +fetched'
log_count_is "each once" "$log" "recipient\\.state id=$id to=bob@b.test" 3

status_is "a recipient refused before the letter is taken" 68 as alice@a.test send bob@none.invalid <tests/letters/barn.eml
ok "is in the log by the address" eventually 30 log_has "$log" \
    'submit\.refused sid=[0-9a-f]+ peer=[0-9.]+ user=alice@a\.test to=bob@none\.invalid word=no-such-domain text='

tests/world stop "$W" ims b.test
send carol@b.test
ok "whose server does not answer waits, and the log says why" eventually 60 became carol@b.test waiting unreachable
like "so does the queue, with when it is tried again" "$(oms a.test queue)" 'carol@b\.test +waiting +(now|in [0-9]+ s) +[0-9]+$'
