#!/bin/sh
# A session that brings letters takes no more of them once too little of its hour is left for an answer, however much
# it is used; the next one brings them.
. tests/e2e/lib.sh
plan 6

clock_movable
world_up --domains b.test,c.test --set 'workers = 1'

step_s=20		# less than FETCH_IDLE_MS
young=156	# letters until 52 min, and until 56
old=168

readies() { log_count "$IMS_LOG_b_test" 'fetch\.ready .*from=c\.test'; }
failures() { log_count "$IMS_LOG_b_test" 'fetch\.failed'; }
# read_them FROM TO: one after the other, in one session of the reader's, with a step of time after each.  An unanswered
# request ends the session after FETCH_TURN_MS, too, so the clock goes on in small steps.  A NOOP after each makes the one
# loop look at its timers; the first step sends the DONE of the letter.
read_them() {
	enter timeout 120 perl -Itests/lib -MSession -e '
		my ($to, $user, $file, $clock, $log, $step, $first, $last) = @ARGV;
		my $s = Session->start($to, $user, $file, "tillcalled-mailbox/1");
		my ($settled, $line) = (0);
		open my $oms, "<", $log or die "$log: $!\n";
		sub move {
			my ($by) = @_;
			open my $f, "+<", $clock or die "$clock: $!\n";
			my $moved = <$f>;
			seek $f, 0, 0;
			print $f $moved + $by, "\n";
			close $f;
			$s->ask("NOOP");
		}
		sub settle {
			while ($settled < $_[0]) {
				seek $oms, 0, 1;
				while (<$oms>) { $settled++ if /fetch\.settled .*word=ok/ }
				select undef, undef, undef, 0.001;
			}
		}
		for my $n ($first .. $last) {
			$line = $s->ask("READ $n");
			while ($line =~ /^150 /) { $line = $s->said() }
			print "$line\n";
			$s->octets($1) if $line =~ /^250 \S+ \{(\d+)\}/;
			move(2);
			settle($n);
			move($_) for (3) x (($step - 2) / 3);
		}
		$s->quit();' "$IMS_MAILBOX_b_test" bob@b.test "$W/home/bob@b.test/password" "$T/moved" "$OMS_LOG_c_test" "$step_s" \
	    "$@" 2>/dev/null | grep -ac '^250 .*{'
}

enter "build/$MODE/tests/bench/load" letters --trust "$W/trust" --crls "$W/crls" --to "$OMS_SUBMIT_c_test" --connections 1 \
    --user alice@c.test --password-file "$W/home/alice@c.test/password" --recipient bob@b.test --count "$old" >/dev/null 2>&1
are_listed() { [ "$(as bob@b.test list --json | wc -l)" = "$old" ]; }
ok "all letters are announced" eventually 60 are_listed
is "the letters of 52 minutes are read" "$(read_them 1 "$young")" "$young"
is "over one session" "$(readies)" 1
is "so are those of four minutes more" "$(read_them $((young + 1)) "$old")" $((old - young))
is "over one session more" "$(readies)" 2
is "none failed" "$(failures)" 0
