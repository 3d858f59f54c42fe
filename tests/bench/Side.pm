# Side — one of the builds that are compared: its world, its daemons, and what these have used.
#
#	my $s = Side->new("this", "build/release", "$T/this");
#	$s->up();
#	$s->fresh();				# both stores are empty, the daemons new
#	$s->add_readers(20);			# at least so many
#	my $r = $s->under_load("letters", ...);	# rate, latencies, CPU time and writes a letter
#	$s->down();
#
# The mail of a.test goes out, that of b.test comes in.  nowhere.test has no server, that of away.test does not
# answer.  The readers are r1@b.test and so on, and have one password.
package Side;
use strict;
use warnings;
use IO::Socket::UNIX;
use Time::HiRes qw(time sleep);

our $mode = $ENV{MODE} || "release";
my @counts = qw(pwrite pwritev fdatasync fsync msync octets getrandom);	# tests/tools/write_count.c

sub new {
	my ($class, $name, $bin, $dir) = @_;
	return bless { name => $name, bin => $bin, dir => $dir, W => "$dir/world", letters => 0, workers => 0, readers => 0 }, $class;
}

sub quietly {
	my ($s, @command) = @_;
	my $log = "$s->{dir}/log";
	my $status = system("sh", "-c", 'exec "$@" >>"$0" 2>&1 </dev/null', $log, @command);
	die "bench: $s->{name}: @command: status " . ($status >> 8) . ", see $log\n" if $status != 0;
}

sub output {
	my ($s, @command) = @_;
	open my $p, "-|", @command or die "bench: $command[0]: $!\n";
	local $/;
	my $said = <$p>;
	close $p;
	return $said // "";
}

# -- the world -------------------------------------------------------------------------------------------------

# Keys that an earlier commit does not know are left out.
sub keys_for {
	my ($s, $option, $program, @lines) = @_;
	open my $f, "<", "$s->{bin}/$program" or die "bench: $s->{bin}/$program: $!\n";
	local $/;
	my $text = <$f>;
	return map { my ($key) = /^(\S+)/; index($text, $key) < 0 ? () : ($option, $_) } @lines;
}

sub up {
	my ($s) = @_;
	mkdir $s->{dir} or die "bench: $s->{dir}: $!\n";
	chmod 0755, $s->{dir};
	$s->quietly("tests/world", "up", $s->{W}, "--until", $$, "--bin", $s->{bin}, "--domains", "a.test,b.test",
	    $s->keys_for("--set", "oms", 'crl-refresh = "10 min"', "peer-connections = 10000", "workers = 0"),
	    $s->keys_for("--domain-set", "oms", 'message-limit = "2 GiB"'),
	    $s->keys_for("--oms-set", "oms", 'spool-size = "64 GiB"', "user-letters = 100000000", 'user-size = "32 GiB"'),
	    $s->keys_for("--ims-set", "ims", 'store-size = "64 GiB"', "sender-share = 100", "sender-mailbox-share = 100",
		"unknown-recipients = 100000"));
	$s->{W} = readlink $s->{W} if -l $s->{W};
	$s->read_env();
	my $away = "$s->{env}{WORLD_NET}.250";
	$s->world("zone", "c.test. IN TXT \"v=spf1 ip4:$s->{env}{WORLD_NET}.1 -all\"");
	$s->world("zone", $_) for "away.test. IN TXT \"v=spf1 ip4:$away -all\"", "ims.away.test. IN A $away",
	    "_ims._tcp.away.test. IN SRV 0 1 1471 ims.away.test.", "_oms._tcp.away.test. IN SRV 0 1 1470 ims.away.test.",
	    "away.test. IN MX 10 ims.away.test.";
	@$s{qw(certificate key)} = split " ", $s->output("tests/world", "cert", $s->{W}, "--domain", "c.test");
	$s->{password} = "$s->{W}/home/bob\@b.test/password";
}

sub read_env {
	my ($s) = @_;
	open my $f, "<", "$s->{W}/env" or die "bench: $s->{W}/env: $!\n";
	while (<$f>) { $s->{env}{$1} = $2 if /^(\w+)=(.*)/ }
}

sub add_readers {
	my ($s, $n) = @_;
	local $ENV{TILLCALLED_PASSWORD_FILE} = $s->{password};
	$s->world_of("oms", "b.test", "user", "add", "r" . ++$s->{readers} . "\@b.test") while $s->{readers} < $n;
}

sub down { my ($s) = @_; $s->quietly("tests/world", "down", $s->{W}) if -d "$s->{W}/run" }

sub world { my ($s, $verb, @more) = @_; $s->quietly("tests/world", $verb, $s->{W}, @more) }
sub world_of { my ($s, $program, @more) = @_; $s->quietly("tests/world", $program, $s->{W}, @more) }

# -- its daemons -----------------------------------------------------------------------------------------------

my %host = (oms => "a.test", ims => "b.test");

sub pid {
	my ($s, $program) = @_;
	open my $f, "<", "$s->{W}/run/$program-$host{$program}.pid" or return;
	return (split " ", <$f>)[0];
}

# A sanitizer's own library must come first.
sub sanitizer {
	return $mode eq "asan" || $mode eq "tsan" ? `gcc -print-file-name=lib$mode.so` =~ s/\n//r : ();
}

# Counted from the first instruction on, by what is preloaded.
sub start {
	my ($s, $program) = @_;
	my $tools = "$ENV{PWD}/build/$mode/tests/tools";
	for ("count", "checks") {
		my $file = "$s->{dir}/$_.$program";
		next if -e $file;
		open my $f, ">", $file or die "bench: $file: $!\n";
		close $f;
		chmod 0666, $file;
	}
	local $ENV{UNDER} = "env WRITE_COUNT=$s->{dir}/count.$program VERIFY_CLOCK=$s->{dir}/checks.$program " .
	    "LD_PRELOAD=" . join(":", sanitizer(), "$tools/write_count.so", "$tools/verify_clock.so");
	$s->world("start", $program, $host{$program});
}

sub stop { my ($s, $program) = @_; $s->world("stop", $program, $host{$program}) if defined $s->pid($program) }

sub folder { my ($s, $program) = @_; return "$s->{W}/$host{$program}/var/$program" }

sub empty {
	my ($s, $program) = @_;
	my $folder = $s->folder($program);
	$s->quietly("find", $folder, "-mindepth", 1, "-delete") if -d $folder;
}

# The store of a program that does not run, left out or put in place of another one.
sub set_aside { my ($s, $program, $name) = @_; rename $s->folder($program), $s->folder($program) . ".$name" }
sub put_back {
	my ($s, $program, $name) = @_;
	$s->quietly("rm", "-rf", $s->folder($program));
	rename $s->folder($program) . ".$name", $s->folder($program) or die "bench: no store $name\n";
}

# Options: letters => N: the spool has so many; workers => N.
sub fresh {
	my ($s, %o) = @_;
	my $letters = $o{letters} || 0;
	my $keep = $letters > 0 && $s->{letters} == $letters;
	$s->stop($_) for "oms", "ims";
	$s->set_workers($o{workers} || 0);
	$s->empty("ims");
	if (!$keep) {
		$s->leave_filled();
		$s->fill($letters) if $letters > 0;
	}
	$s->start($_) for "oms", "ims";
}

# A spool that took long to fill is kept for later.
sub leave_filled {
	my ($s) = @_;
	my $was = $s->{letters};
	$s->{letters} = 0;
	return $s->empty("oms") if $was == 0;
	my ($uid, $gid) = (stat $s->folder("oms"))[4, 5];
	$s->set_aside("oms", $was);
	mkdir $s->folder("oms"), 0700;
	chown $uid, $gid, $s->folder("oms");
}

sub fill {
	my ($s, $letters) = @_;
	my $folder = $s->folder("oms");
	if (-d "$folder.$letters") {
		$s->put_back("oms", $letters);
	} else {
		my $tool = "$s->{bin}/tests/tools/spool_fill";
		-x $tool or die "no spool of $letters letters: $tool is not there\n";
		my ($uid, $gid) = (stat $folder)[4, 5];
		$s->quietly($tool, $folder, 64 << 30, $letters);
		$s->quietly("chown", "-R", "$uid:$gid", $folder);
	}
	$s->{letters} = $letters;
}

sub set_workers {
	my ($s, $n) = @_;
	return if $s->{workers} == $n;
	for (values %host) { $s->quietly("sed", "-i", "s/^workers = .*/workers = $n/", "$s->{W}/$_/tillcalled.conf") }
	$s->{workers} = $n;
}

# Asks a daemon for its status.
sub status {
	my ($s, $program) = @_;
	my $socket = IO::Socket::UNIX->new(Peer => "$s->{W}/$host{$program}/var/$program.sock") or return {};
	print $socket "{\"verb\":\"status\"}\n";
	my $line = <$socket> // "";
	return { $line =~ /"(\w+)":\s*(\d+)/g };
}

# -- what they have used ---------------------------------------------------------------------------------------

# CPU time in microseconds, by thread.
sub threads {
	my ($pid) = @_;
	my %us;
	for my $task (glob "/proc/$pid/task/*") {
		open my $f, "<", "$task/schedstat" or next;
		$us{$task} = (split " ", <$f>)[0] / 1000;
	}
	return \%us;
}

# How much of a process's time was the kernel's, in microseconds, by ticks.
sub kernel_us {
	my ($pid) = @_;
	open my $f, "<", "/proc/$pid/stat" or return 0;
	my ($rest) = <$f> =~ /.*\) (.*)/;
	return (split " ", $rest)[12] * 1e6 / 100;
}

sub words {
	my ($file, $n) = @_;
	open my $f, "<:raw", $file or return (0) x $n;
	read $f, my $octets, 8 * $n;
	return map { $_ // 0 } (unpack "Q*", $octets)[0 .. $n - 1];
}

sub memory_kib {
	my ($s, $program, $key) = @_;
	open my $f, "<", "/proc/" . $s->pid($program) . "/status" or return 0;
	local $/;
	return <$f> =~ /^$key:\s*(\d+)/m ? $1 : 0;
}

# What both daemons have used until now: a flat list of names and numbers.
sub used {
	my ($s) = @_;
	my %u;
	for my $program ("oms", "ims") {
		my $pid = $s->pid($program) // next;
		my $threads = threads($pid);
		$u{"${program}_cpu_us"} = eval { my $all = 0; $all += $_ for values %$threads; $all };
		$u{"${program}_kernel_us"} = kernel_us($pid);
		my @n = words("$s->{dir}/count.$program", scalar @counts);
		$u{"${program}_$counts[$_]"} = $n[$_] for 0 .. $#counts;
		my $status = $s->status($program);
		$u{"${program}_commits"} = $status->{commits} // 0;
		@u{"${program}_checks", "${program}_checks_measured", "${program}_checks_ns"} =
		    words("$s->{dir}/checks.$program", 3);
	}
	return \%u;
}

# The work of a row begins: what has been used until now.  A profile (tests/bench/profile) is made from here to
# used_since.
sub watch {
	my ($s) = @_;
	$s->{begin}->($s) if $s->{begin};
	return $s->used();
}

# What each of `count` has used since.
sub used_since {
	my ($s, $before, $count) = @_;
	my $after = $s->used();
	$s->{end}->($s, $count) if $s->{end};
	my %each;
	for (keys %$after) { $each{$_} = ($after->{$_} - ($before->{$_} // 0)) / $count if $count > 0 }
	$each{"$_\_writes"} = ($each{"$_\_pwrite"} // 0) + ($each{"$_\_pwritev"} // 0) for "oms", "ims";
	$each{"$_\_syncs"} = ($each{"$_\_fdatasync"} // 0) + ($each{"$_\_fsync"} // 0) for "oms", "ims";
	return %each;
}

# -- load ------------------------------------------------------------------------------------------------------

sub load_command {
	my ($s, $kind, @more) = @_;
	my %to = (letters => $s->{env}{OMS_SUBMIT_a_test}, notices => $s->{env}{IMS_NOTIFY_b_test});
	my @own = $kind eq "letters"
	    ? ("--user", "alice\@a.test", "--password-file", "$s->{W}/home/alice\@a.test/password")
	    : $kind eq "notices"
	    ? ("--domain", "b.test", "--own", "c.test", "--certificate", $s->{certificate}, "--key", $s->{key},
		"--from", "$s->{env}{WORLD_NET}.1")
	    : ("--user", "r%\@b.test", "--password-file", $s->{password});
	return ("tests/world", "enter", $s->{W}, "build/$mode/tests/bench/load", $kind, "--trust", "$s->{W}/trust",
	    "--crls", "$s->{W}/crls", "--to", $to{$kind} // $s->{env}{IMS_MAILBOX_b_test}, @own, @more);
}

# What load prints: its count, seconds, rate, p50_ms and p99_ms.
sub load {
	my ($s, @options) = @_;
	my $errors = "$s->{dir}/load.err";
	my $said = $s->output("sh", "-c", 'exec "$@" 2>"$0"', $errors, $s->load_command(@options));
	open my $f, "<", $errors or die "bench: $errors: $!\n";
	my $fault = join " ", map { chomp; $_ } <$f>;
	$said =~ m{^(\d+) .* in ([\d.]+) s: (\d+)/s; p50 ([\d.]+) ms, p99 ([\d.]+) ms} or return { fault => $fault || "load: $said" };
	my %r = (count => $1, seconds => $2, rate => $3, p50_ms => $4, p99_ms => $5);
	$r{rate} = $r{count} / $r{seconds} if $r{rate} < 1000 && $r{seconds} > 0;
	$r{fault} = $fault if $fault ne "";
	return \%r;
}

sub under_load {
	my ($s, @options) = @_;
	my $before = $s->watch();
	my $r = $s->load(@options);
	return { %$r, $s->used_since($before, $r->{count} // 0) };
}

# Until the ims has so many notices; false where for 60 s none has come.
sub wait_for_notices {
	my ($s, $n) = @_;
	my ($had, $since) = (-1, time);
	for (;;) {
		my $has = $s->status("ims")->{notices} // 0;
		return 1 if $has >= $n;
		($had, $since) = ($has, time) if $has != $had;
		return 0 if time > $since + 60;
		sleep 0.02;
	}
}

1;
