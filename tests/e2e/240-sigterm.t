#!/bin/sh
# SIGTERM in the middle of work: a clean end, nothing lost over the restart; and what operators see.
. tests/e2e/lib.sh
plan 44

LETTERS=120
world_up --domains a.test,b.test
: >"$T/journal"

load() {
	_kind=$1
	shift
	enter "build/$MODE/tests/bench/load" "$_kind" --trust "$W/trust" --crls "$W/crls" "$@"
}
list() { load list --to "$IMS_MAILBOX_b_test" --user bob@b.test --password-file "$W/home/bob@b.test/password"; }
# member NAME: of the JSON object on standard input.
member() { perl -MJSON::PP -e '$v = decode_json(scalar <STDIN>)->{$ARGV[0]}; print defined $v ? $v : "null", "\n"' "$1"; }
there() { list >"$T/list" 2>/dev/null && [ "$(wc -l <"$T/list")" -ge $LETTERS ]; }
pairs() { awk -v id="$1" -v digest="$2" '{ print $id, $digest }' "$3" | LC_ALL=C sort; }

# -- nothing yet ----------------------------------------------------------------------------------

status_is "an empty queue" 0 oms a.test queue
like "says so in words" "$out" 'queue is empty'
status_is "an ims without notices" 0 ims b.test list
like "says so in words" "$out" 'No mailbox has a notice'
is "status in JSON: no letters" "$(oms a.test status --json | member letters)" 0
is "and no notices" "$(ims b.test status --json | member notices)" 0
oms a.test status >/dev/full 2>"$T/err"
is "what nobody could read was not said" "$? $(head -1 "$T/err")" "73 oms: standard output [cannot-write, status 73]"

# A reader that is gone before anything is written.
silent() {	# PROGRAM DOMAIN ARGS...
	perl -e 'pipe R, W; close R; open STDOUT, ">&W"; close W; $SIG{PIPE} = "DEFAULT"; exec @ARGV' \
	    tests/world "$1" "$W" "$2" $3 2>"$T/err"
	is "$1 $3: a reader that has had enough is no error" "$? $(cat "$T/err")" "0 "
}
silent oms a.test status
silent oms a.test "queue --all"
silent oms a.test "user list --json"
silent oms a.test "check -v"
silent oms a.test --help
silent oms a.test "help queue"
silent ims b.test "status --json"
silent ims b.test list
silent ims b.test "mailbox list"
silent ims b.test --version

# -- ended while letters come ---------------------------------------------------------------------

load letters --to "$OMS_SUBMIT_a_test" --user alice@a.test --password-file "$W/home/alice@a.test/password" \
    --recipient bob@b.test --count $LETTERS --connections 6 --pause 150 --again \
    --journal "$T/journal" >"$T/load" 2>&1 &
load_pid=$!
pids="$pids $load_pid"
# As much as the machine bears beside it: at each end something is under way.
load letters --to "$OMS_SUBMIT_a_test" --user alice@a.test --password-file "$W/home/alice@a.test/password" \
    --recipient carol@b.test --seconds 4 --connections 8 --again >"$T/more" 2>&1 &
more_pid=$!
pids="$pids $more_pid"
ok "letters are being taken" eventually 20 [ -s "$T/journal" ]
grown() { [ "$(wc -l <"$T/journal")" -gt "$had" ] || [ "$had" -ge $LETTERS ]; }
for daemon in "oms a.test" "ims b.test" "oms a.test"; do
	had=$(wc -l <"$T/journal")
	eventually 30 grown
	set -- $daemon
	eval "log=\$$(echo "$1" | tr a-z A-Z)_LOG_$(echo "$2" | tr . _)"
	before=$(log_count "$log" 'daemon\.stopped status=0')
	from=$(date +%s)
	ok "$1: ended by SIGTERM" tests/world stop "$W" "$@"
	log_count_is "in order" "$log" 'daemon\.stopped status=0' $((before + 1))
	is "within seconds" "$([ $(($(date +%s) - from)) -le 8 ] && echo yes)" yes
	status_is "whoever asks it is told that it does not run" 69 "$1" "$2" status
	ok "and it starts again" tests/world start "$W" "$@"
done
wait $more_pid
wait $load_pid
is "every letter was taken in the end" "$?, $(wc -l <"$T/journal")" "0, $LETTERS"
ok "and all are in bob's list" eventually 60 there
taken=$(sed -n 's/ letters acknowledged.*//p' "$T/more")
diag "and $taken letters to carol beside them"
pairs 1 2 "$T/journal" >"$T/wanted"
pairs 3 4 "$T/list" >"$T/got"
same "the same, with their digests, once each" "$T/got" "$T/wanted"

# -- ended at rest ----------------------------------------------------------------------------------

settled() { [ "$(oms a.test queue --json | grep -c '"state":"notified"')" -ge $((LETTERS + taken)) ]; }
all_letters() { oms a.test queue --json | wc -l; }
ok "the queue has them all as notified" eventually 30 settled
oms a.test queue --json | LC_ALL=C sort >"$T/queue"
for daemon in "oms a.test" "ims b.test"; do
	tests/world stop "$W" $daemon
	tests/world start "$W" $daemon
done
oms a.test queue --json | LC_ALL=C sort >"$T/queue.after"
same "the queue is the same after a restart" "$T/queue.after" "$T/queue"
list >"$T/list.after" 2>/dev/null
same "so is bob's list" "$T/list.after" "$T/list"
is "status counts the letters" "$(oms a.test status --json | member letters)" "$(all_letters)"
is "and the notices" "$(ims b.test status --json | member notices)" "$(all_letters)"
like "list names bob" "$(ims b.test list)" "bob@b\.test.*$LETTERS"
is "nothing half written is left" "$(ls -d "$W"/*/var/oms/bodies "$W"/*/var/ims/store/bodies >"$T/bodies" && find $(cat "$T/bodies") -name '*.tmp' | wc -l)" 0
status_is "a second oms in the same place does not start" 71 enter "build/$MODE/oms" -C "$CONF_a_test" run
