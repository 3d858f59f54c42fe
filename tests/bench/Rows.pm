# Rows — what is measured: a table of rows, each with its key, name and the work that makes its figure.
#
#	for my $row (Rows::chosen("accept-50,fetch")) { my $result = $row->{work}->($side, $seconds) }
#
# A result has `rate` (a second, the more the better), or `us` or `s` (the less the better), further figures by
# name, or `fault`: why there is none.  A row of the group `long` is measured only where it is named.
#
# No row may come to a bound of the daemons, however fast they are: letters come from as many users, and notices go
# to as many mailboxes, as its length asks for (Side.pm).
package Rows;
use strict;
use warnings;
use POSIX ();
use Time::HiRes qw(time sleep);

my @rows;

# More a second than a machine takes that is three times as fast as the fastest so far: 15,000 letters, by
# accept-50x8, and 100,000 notices, by notices-4x64.
my ($letters_a_second, $notices_a_second) = (50000, 300000);

# How many letters a full spool has, "{many}" in the name of a row; "{some}" are a fifth.
our $many = 1000000;
my %letters = (many => sub { $many }, some => sub { int($many / 5) });

# tool: a build that has none of that name has no such row.  peer: what Postfix does for the same row (tests/bench/Postfix.pm).
sub row {
	my ($group, $key, $name, $work, @peer) = @_;
	push @rows, { group => $group, key => $key, name => $name, work => $work, peer => @peer ? \@peer : undef };
	return $rows[-1];
}

# -- letters accepted ------------------------------------------------------------------------------------------

# accepts CONNECTIONS, OPTIONS..., { fresh options }: the time of each letter from MAIL to the 250 after fsync.
# The letters are kept: their destination does not answer.
sub accepts {
	my $fresh = ref $_[-1] ? pop : {};
	my ($connections, @options) = @_;
	return sub {
		my ($s, $seconds) = @_;
		my @senders = $s->senders($connections, $letters_a_second * $seconds);
		$s->fresh(%$fresh, $fresh->{letters} ? (letters => $letters{$fresh->{letters}}->()) : ());
		my $r = $s->under_load("letters", @senders, "--recipient", "bob\@away.test", "--seconds", $seconds, @options);
		my $kept = $s->kept();
		$r->{fault} //= "of $r->{count} letters $kept are kept" if $kept < ($r->{count} // 0);
		return $r;
	};
}

# The same, but there is no such domain: each letter is refused, which is its answer.
sub refuses {
	my ($s, $seconds) = @_;
	my @senders = $s->senders(50, $letters_a_second * $seconds);
	$s->fresh();
	return $s->under_load("letters", @senders, "--recipient", "bob\@nowhere.test", "--refused", "no-such-domain",
		"--seconds", $seconds);
}

row("accept", "accept-50", "letters of 4 KiB, 50 connections", accepts(50), "accept", 50);
row("accept", "accept-50x8", "the same, 8 under way on each", accepts(50, "--window", 8));
row("accept", "accept-10", "letters of 4 KiB, 10 connections", accepts(10), "accept", 10);
row("accept", "accept-1", "letters of 4 KiB, 1 connection", accepts(1), "accept", 1);
row("accept", "accept-1-at-200000", "the same, {some} letters in the spool", accepts(1, { letters => "some" }));
row("accept", "refused-50", "letters of 4 KiB, 50 connections, refused: there is no such domain", \&refuses);
row("accept", "accept-1mib", "letters of 1 MiB, 4 connections", accepts(4, "--size", 1 << 20));
row("accept", "accept-50-workers-1", "letters of 4 KiB, 50 connections, one worker", accepts(50, { workers => 1 }));
row("accept", "accept-50-workers-2", "the same, two workers", accepts(50, { workers => 2 }));

# Accepted and announced: until the last notice is in the store of the ims.
row("accept", "announced-50", "letters of 4 KiB, 50 connections, their notices sent as well", sub {
	my ($s, $seconds) = @_;
	my $n = 1500 * $seconds;
	my @options = ($s->senders(50, $n), $s->recipients($n));
	$s->fresh();
	my ($before, $began) = ($s->watch(), time);
	my $r = $s->load("letters", @options, "--count", $n);
	return $r if $r->{fault};
	return { fault => "not all of $n notices have come" } unless $s->wait_for_notices($n);
	my $took = time - $began;
	return { %$r, count => $n, seconds => $took, rate => $n / $took, accept_rate => $r->{rate}, $s->used_since($before, $n) };
}, "delivered", 50);

# With sessions that are signed in and say nothing, which cost memory.  A user has at most peer-connections, and an
# address 1,000 (common/net/listen.h).
row("long", "accept-50-idle-10000", "letters of 4 KiB, 50 of 10,000 connections, the others idle", sub {
	my ($s, $seconds) = @_;
	my $idle = 9950;
	my @senders = $s->senders(50, $letters_a_second * $seconds);
	$s->fresh();
	my $kib = $s->memory_kib("oms", "RssAnon");
	my $most = $s->highest("oms", "RssAnon");
	my $r = $s->load("letters", @senders, $s->addresses(50 + $idle), "--recipient", "bob\@away.test", "--idle", $idle,
		"--seconds", $seconds);
	return { %$r, idle_kib => ($most->() - $kib) / $idle };
});

# against_empty: by how much a full spool is slower, in the same minute.
sub accepts_at {
	my ($connections) = @_;
	return sub {
		my ($s, $seconds) = @_;
		my $empty = accepts($connections)->($s, $seconds);
		my $full = accepts($connections, { letters => "many" })->($s, $seconds);
		$full->{against_empty} = $full->{rate} / $empty->{rate} if $full->{rate} && $empty->{rate};
		return $full;
	};
}
row("long", "accept-50-at-1000000", "letters of 4 KiB, 50 connections, {many} letters in the spool", accepts_at(50));
row("long", "accept-10-at-1000000", "letters of 4 KiB, 10 connections, {many} letters in the spool", accepts_at(10));

# -- letters by SMTP -------------------------------------------------------------------------------------------

# Into mailboxes of the ims, by TLS with certificates on both sides: until the 250, when the letter is durable.  No mailbox
# may have more of a domain than IMS_MAILBOX_SENDER (25,000).
sub takes_smtp {
	my ($connections) = @_;
	return sub {
		my ($s, $seconds) = @_;
		return { fault => "its ims takes no letters by SMTP" } if !$s->speaks_smtp();
		$s->fresh();
		my $r = $s->smtp_in(1 + int($letters_a_second * $seconds / 20000), "--connections", $connections, "--seconds", $seconds);
		my $kept = $s->status("ims")->{notices} // 0;
		$r->{fault} //= "of $r->{count} letters $kept are in mailboxes" if $kept < ($r->{count} // 0);
		return $r;
	};
}
row("smtp", "smtp-in-50", "letters of 4 KiB by SMTP, mutual TLS, 50 connections", takes_smtp(50), "accept", 50);
row("smtp", "smtp-in-10", "letters of 4 KiB by SMTP, mutual TLS, 10 connections", takes_smtp(10), "accept", 10);

# -- starts ----------------------------------------------------------------------------------------------------

# From the start of the process, which the kernel knows, to the line in the client's journal.
sub restarts {
	my ($letters) = @_;
	return sub {
		my ($s) = @_;
		$s->fresh(letters => $letters{$letters}->());
		$s->stop("oms");
		my $journal = "$s->{dir}/journal";
		unlink $journal;
		my @command = $s->load_command("letters", "--recipient", "bob\@away.test", "--count", 1, "--connections", 1,
			"--again", "--journal", $journal);
		my $pid = fork // die "bench: $!\n";
		if ($pid == 0) {
			open STDOUT, ">", "/dev/null";
			open STDERR, ">&", \*STDOUT;
			{ exec @command }
			POSIX::_exit(127);
		}
		$s->start("oms");
		waitpid $pid, 0;
		return { fault => "no letter was accepted" } unless -s $journal;
		my $accepted = (Time::HiRes::stat($journal))[9];
		return { s => $accepted - started_at($s->pid("oms")) };
	};
}

sub started_at {
	my ($pid) = @_;
	open my $f, "<", "/proc/$pid/stat" or return 0;
	my ($rest) = <$f> =~ /.*\) (.*)/;
	open my $u, "<", "/proc/uptime" or return 0;
	return time - (split " ", <$u>)[0] + (split " ", $rest)[19] / 100;
}
row("start", "restart-200000", "from start to the first accepted letter, {some} letters", restarts("some"));
row("long", "restart-1000000", "from start to the first accepted letter, {many} letters", restarts("many"));

# -- notices ---------------------------------------------------------------------------------------------------

sub notices {
	my @options = @_;
	return sub {
		my ($s, $seconds) = @_;
		my @recipients = $s->recipients($notices_a_second * $seconds);
		$s->fresh();
		return $s->under_load("notices", @recipients, "--seconds", $seconds, @options);
	};
}
row("notices", "notices-4x16", "notifications, 4 connections, 16 to a seal, 4 seals each",
	notices("--connections", 4, "--window", 4));
row("notices", "notices-4x64", "notifications, 4 connections, 64 to a seal, 4 seals each",
	notices("--connections", 4, "--window", 4, "--per-seal", 64));
row("notices", "notices-4x1", "notifications, 4 connections, 1 to a seal, 4 seals each",
	notices("--connections", 4, "--window", 4, "--per-seal", 1));
row("notices", "notices-1x1", "notifications, 1 connection, 1 to a seal, 1 seal", notices("--connections", 1, "--per-seal", 1));

# CPU time of the ims for each statement; how much of it were signature checks, how much the kernel took, for the
# network and the log.  Without a recipient: for those that there are.
sub judged {
	my ($count, $recipient, $per_seal, @options) = @_;
	return sub {
		my ($s) = @_;
		my @recipients = defined $recipient ? ("--recipient", $recipient) : $s->recipients($count);
		$s->fresh();
		my $before = $s->watch();
		$s->load("notices", @recipients, "--per-seal", $per_seal, "--window", 4, "--seconds", 0, "--count", $count,
			@options);
		my %each = $s->used_since($before, $count);
		my $checks = sprintf "%.0f", $each{ims_checks} * $count;
		return { fault => "$checks signature checks, not " . $count / $per_seal } if $checks != $count / $per_seal;
		my $check = $each{ims_checks} * $each{ims_checks_ns} / $each{ims_checks_measured} / 1000;
		return { us => $each{ims_cpu_us}, count => $count, check_us => $check, rest_us => $each{ims_cpu_us} - $check,
			%each };
	};
}
row("judged", "judged-1", "judged and refused (no such user), 1 to a seal", judged(20000, 'nobody@b.test', 1, "--connections", 1));
row("judged", "judged-1-awake", "the same, its peer never sleeping", judged(20000, 'nobody@b.test', 1, "--connections", 1, "--poll"));
row("judged", "judged-1-by-8", "the same, 8 connections", judged(20000, 'nobody@b.test', 1, "--connections", 8, "--poll"));
row("judged", "judged-16", "judged and refused (no such user), 16 to a seal", judged(40000, 'nobody@b.test', 16, "--connections", 1));
row("judged", "stored-1", "judged and stored, 1 to a seal", judged(4000, undef, 1, "--connections", 1));
row("judged", "stored-1-by-8", "the same, 8 connections", judged(8000, undef, 1, "--connections", 8));
row("judged", "stored-16", "judged and stored, 16 to a seal", judged(20000, undef, 16, "--connections", 1));

# -- reading ---------------------------------------------------------------------------------------------------

# So many letters wait for so many readers.  False: *fault says why not.
sub announce {
	my ($s, $readers, $each, $size, $fault) = @_;
	my $n = $readers * $each;
	$s->add_readers($readers);
	my $r = $s->load("letters", $s->senders($size > 65536 ? 4 : 20, $n), "--recipient", "r%\@b.test", "--recipients",
		$readers, "--count", $n, "--size", $size);
	$$fault = $r->{fault} // ($s->wait_for_notices($n) ? undef : "not all of $n notices have come");
	return !defined $$fault;
}

# reads KIND, READERS, LETTERS, SIZE: letters for each reader; for show they are fetched first.
sub reads {
	my ($kind, $readers, $letters, $size) = @_;
	return sub {
		my ($s, $seconds) = @_;
		my $fault;
		$s->fresh();
		my $each = $kind eq "fetch" ? $letters * $seconds : $letters;
		return { fault => $fault } unless announce($s, $readers, $each, $size, \$fault);
		if ($kind eq "show") {
			my $fetched = $s->load("fetch", "--connections", $readers, "--count", $readers * $each);
			return $fetched if $fetched->{fault};
		}
		return $s->under_load($kind, "--connections", $readers, "--seconds", $seconds);
	};
}
row("fetch", "list-1", "a mailbox of 100 notices listed, 1 reader", reads("lists", 1, 100, 4096));
row("fetch", "list-20", "the same, 20 readers, each its own", reads("lists", 20, 100, 4096));
row("fetch", "show-1", "a letter of 4 KiB that is here shown, 1 reader", reads("show", 1, 50, 4096));
row("fetch", "show-20", "the same, 20 readers", reads("show", 20, 50, 4096));
row("fetch", "fetch-1", "letters of 4 KiB fetched, verified, durable, 1 reader in turn", reads("fetch", 1, 400, 4096));
row("fetch", "fetch-20", "the same, 20 readers", reads("fetch", 20, 100, 4096));
row("fetch", "fetch-4-1mib", "letters of 1 MiB fetched, verified, durable, 4 readers", reads("fetch", 4, 20, 1 << 20));

# The same while one more reader's letter of 1 GiB comes.
row("long", "fetch-20-beside-1gib", "letters of 4 KiB fetched, 20 readers, while a letter of 1 GiB comes", sub {
	my ($s, $seconds) = @_;
	my $fault;
	$s->fresh();
	my $letter = "$s->{dir}/large.eml";
	open my $f, ">", $letter or return { fault => "$letter: $!" };
	print $f "From: <alice\@a.test>\nTo: <carol\@b.test>\nSubject: large\n\n";
	print $f (("x" x 76 . "\n") x 13797) for 1 .. 1010;
	close $f;
	$s->quietly("sh", "-c", 'exec tests/world mc "$1" alice@a.test send carol@b.test <"$2"', "sh", $s->{W}, $letter);
	unlink $letter;
	return { fault => "the large letter was not announced" } unless $s->wait_for_notices(1);
	return { fault => $fault } unless announce($s, 20, 100 * $seconds, 4096, \$fault);
	my $pid = fork // die "bench: $!\n";
	if ($pid == 0) {
		my $r = $s->load("fetch", "--user", "carol\@b.test", "--password-file", "$s->{W}/home/carol\@b.test/password",
			"--connections", 1, "--count", 1);
		POSIX::_exit($r->{fault} ? 1 : 0);
	}
	my $r = $s->under_load("fetch", "--connections", 20, "--seconds", $seconds);
	$r->{large_is_under_way} = waitpid($pid, POSIX::WNOHANG()) == 0 ? 1 : 0;
	waitpid $pid, 0 if $r->{large_is_under_way};
	return $r;
});

# -- the store alone ---------------------------------------------------------------------------------------------

# A letter in the store, by kv; beside it the same as bare rows of one table and in ten tables.
sub stored {
	my ($under_way) = @_;
	return sub {
		my ($s, $seconds) = @_;
		my $said = $s->output("$s->{bin}/tests/bench/kv", $s->{dir}, $seconds < 3 ? 1 : int($seconds / 3), $under_way);
		my %r;
		while ($said =~ m{^(\w+) .*: +(\d+)/s, CPU ([\d.]+) us}mg) {
			my $of = $1 eq "kv" ? "" : "$1_";
			@r{"${of}rate", "${of}cpu_us"} = ($2, $3);
		}
		return %r ? \%r : { fault => "kv said nothing" };
	};
}
row("store", "store-1", "a letter in the store by kv, 1 under way", stored(1))->{tool} = "tests/bench/kv";
row("store", "store-64", "the same, 64 under way", stored(64))->{tool} = "tests/bench/kv";

# -- which -----------------------------------------------------------------------------------------------------

sub commas { my ($n) = @_; 1 while $n =~ s/^(\d+)(\d{3})/$1,$2/; return $n }

# By keys and groups; "": all but the long ones; all: each of them.
sub chosen {
	my ($words) = @_;
	my @all = map { { %$_, name => $_->{name} =~ s/\{(\w+)\}/commas($letters{$1}->())/er } } @rows;
	return grep { $_->{group} ne "long" } @all if $words eq "";
	return @all if $words eq "all";
	my @chosen;
	for my $word (split /[ ,]+/, $words) {
		my @some = grep { $_->{key} eq $word || $_->{group} eq $word } @all;
		die "bench: no row $word; there are: " . join(" ", map { $_->{key} } @all) . "\n" unless @some;
		push @chosen, @some;
	}
	return @chosen;
}

1;
