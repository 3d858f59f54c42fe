# Side — one of the builds that are compared: its world, its daemons, and what these have used.
#
#	my $s = Side->new("this", "build/release", "$T/this");
#	$s->up();
#	$s->fresh();				# both stores are empty, the daemons new
#	my @who = $s->senders(50, 400000);	# options of load: users for 50 connections and so many letters
#	$s->add_readers(20);			# at least so many
#	my $r = $s->under_load("letters", ...);	# rate, latencies, CPU time and writes a letter
#	$s->down();
#
# The mail of a.test goes out, that of b.test comes in.  There is no domain nowhere.test; the server of away.test
# does not answer.  The senders are s1@a.test and so on, the readers r1@b.test; those of a domain have one password.
package Side;
use strict;
use warnings;
use IO::Socket::UNIX;
use POSIX ();
use Time::HiRes qw(time sleep);

our $mode = $ENV{MODE} || "release";
my @counts = qw(pwrite pwritev fdatasync fsync msync octets getrandom);	# tests/tools/write_count.c

sub new {
	my ($class, $name, $bin, $dir) = @_;
	return bless { name => $name, bin => $bin, dir => $dir, W => "$dir/world", workers => 0, users => {} }, $class;
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

# An earlier commit's ims takes no letters by SMTP.
sub speaks_smtp { my ($s) = @_; return scalar $s->keys_for("", "ims", "listen-smtp") }

sub up {
	my ($s) = @_;
	mkdir $s->{dir} or die "bench: $s->{dir}: $!\n";
	chmod 0755, $s->{dir};
	$s->quietly("tests/world", "up", $s->{W}, "--until", $$, "--bin", $s->{bin}, "--domains", "a.test,b.test",
	    $s->speaks_smtp() ? ("--smtp", "mx", "--ims-set", 'listen-smtp = { "%IMS%" }') : (),
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
	my $old = "$s->{env}{WORLD_NET}.70";
	$s->world("zone", $_) for "old.test. IN TXT \"v=spf1 ip4:$old -all\"", "old.test. IN MX 10 mx.old.test.", "mx.old.test. IN A $old";
	@{$s->{old}}{qw(from certificate key)} = ($old, split " ", $s->output("tests/world", "cert", $s->{W}, "--domain", "mx.old.test"));
}

sub read_env {
	my ($s) = @_;
	open my $f, "<", "$s->{W}/env" or die "bench: $s->{W}/env: $!\n";
	while (<$f>) { $s->{env}{$1} = $2 if /^(\w+)=(.*)/ }
}

# At least n users NAME1@DOMAIN ..., with the password of LIKE@DOMAIN.  Its line is copied (common/auth/accounts.h):
# neither the file nor a client then has to make keys for each of them, which takes longer than a row does.
sub add_users {
	my ($s, $name, $domain, $like, $n) = @_;
	my $had = $s->{users}{$name} // 0;
	my $file = "$s->{W}/$domain/accounts";
	return if $had >= $n;
	$s->{users}{$name} = $n;
	open my $f, "<", $file or die "bench: $file: $!\n";
	my @lines = <$f>;
	my ($keys) = map { /^user \Q$like\E\@\Q$domain\E (.*)/ ? $1 : () } @lines;
	my ($gid, $mode) = ((stat $f)[5], (stat _)[2] & 07777);
	open my $new, ">", "$file.bench" or die "bench: $file.bench: $!\n";
	print $new @lines, map { "user $name$_\@$domain $keys\n" } $had + 1 .. $n;
	close $new or die "bench: $file.bench: $!\n";
	chown -1, $gid, "$file.bench";
	chmod $mode, "$file.bench";
	rename "$file.bench", $file or die "bench: $file: $!\n";
}

sub add_readers { my ($s, $n) = @_; $s->add_users("r", "b.test", "bob", $n) }

# A user may have OMS_OUTBOX_MAX letters (30,000) in the outbox, and a sender's domain IMS_MAILBOX_SENDER notices
# (25,000) in a mailbox.  What a row gives to one user is less than both.
our $user_letters = 20000;

# For so many letters by so many connections: each has a user of its own, and goes on as another one.
sub senders {
	my ($s, $connections, $letters, $name) = @_;
	my $n = $connections + int($letters / $user_letters);
	$name //= "s";
	$s->add_users($name, "a.test", "alice", $n);
	return ("--user", "$name%\@a.test", "--connections", $connections, "--users", $n, "--per-user", $user_letters);
}

# For so many connections at once: an address may have PER_ADDRESS of them (1,000; common/net/listen.c).
sub addresses {
	my ($s, $connections) = @_;
	return ("--from", "$s->{env}{WORLD_NET}.%", "--addresses", 1 + int($connections / 900));
}

# For so many notices, evenly divided.
sub recipients {
	my ($s, $notices) = @_;
	my $n = 1 + int($notices / $user_letters);
	$s->add_readers($n);
	return ("--recipient", "r%\@b.test", "--recipients", $n);
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

# Options: letters => N: the spool has so many; workers => N.
sub fresh {
	my ($s, %o) = @_;
	$s->stop($_) for "oms", "ims";
	$s->set_workers($o{workers} || 0);
	$s->empty($_) for "oms", "ims";
	$s->fill($o{letters}) if $o{letters};
	$s->start($_) for "oms", "ims";
}

# A spool takes long to fill, so each measurement has a copy of the first one.
sub fill {
	my ($s, $letters) = @_;
	my $folder = $s->folder("oms");
	my $filled = "$folder.$letters";
	if (!-d $filled) {
		$s->can_fill() && !$s->{fill_by_load} ? $s->fill_by_tool($letters) : $s->fill_by_load($letters);
		rename $folder, $filled or die "bench: $filled: $!\n";
	}
	$s->quietly("rm", "-rf", $folder);
	$s->quietly("cp", "-a", $filled, $folder);
	$s->quietly("sync", "-f", $folder);
}

sub fill_tool { my ($s) = @_; return "$s->{bin}/tests/tools/spool_fill" }
sub can_fill { my ($s) = @_; return -x $s->fill_tool() }

sub fill_by_tool {
	my ($s, $letters) = @_;
	my $folder = $s->folder("oms");
	my ($uid, $gid) = (stat $folder)[4, 5];
	$s->quietly($s->fill_tool(), $folder, 64 << 30, $letters);
	$s->quietly("chown", "-R", "$uid:$gid", $folder);
}

# What each build can do: its oms takes the letters, which all wait for away.test.
sub fill_by_load {
	my ($s, $letters) = @_;
	$s->start("oms");
	my $r = $s->load("letters", $s->senders(50, $letters, "f"), "--recipient", "bob\@away.test", "--size", 200,
		"--window", 8, "--count", $letters);
	$s->stop("oms");
	die "no spool of $letters letters: $r->{fault}\n" if $r->{fault};
}

sub set_workers {
	my ($s, $n) = @_;
	return if $s->{workers} == $n;
	for (values %host) { $s->quietly("sed", "-i", "s/^workers = .*/workers = $n/", "$s->{W}/$_/tillcalled.conf") }
	$s->{workers} = $n;
}

# Asks a daemon: the lines of its answer but for the last one, each {KEY => NUMBER or TEXT}.
sub ask {
	my ($s, $program, $verb) = @_;
	my $socket = IO::Socket::UNIX->new(Peer => "$s->{W}/$host{$program}/var/$program.sock") or return;
	my @lines;
	print $socket "{\"verb\":\"$verb\"}\n";
	while (defined(my $line = <$socket>)) {
		last if $line =~ /^{"(done|error)"/;
		push @lines, { $line =~ /"(\w+)":\s*"?([^",}]*)/g };
	}
	return @lines;
}

sub status { my ($s, $program) = @_; return ($s->ask($program, "status"))[0] // {} }

# How many letters of the senders the oms keeps.  (The count in its status may be a minute old.)
sub kept {
	my ($s) = @_;
	my $sum = 0;
	$sum += $_->{letters} for grep { ($_->{address} // "") =~ /^s\d/ } $s->ask("oms", "users");
	return $sum;
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

# Watches a figure of /proc/PID/status from now on; the function that it returns ends that and says the highest one.
sub highest {
	my ($s, $program, $key) = @_;
	pipe my $read, my $write or die "bench: $!\n";
	my $self = $$;
	my $pid = fork // die "bench: $!\n";
	if ($pid == 0) {
		my ($most, $ended) = (0, 0);
		$SIG{TERM} = sub { $ended = 1 };
		until ($ended || getppid() != $self) {
			my $now = $s->memory_kib($program, $key);
			$most = $now if $now > $most;
			sleep 0.05;
		}
		syswrite $write, "$most\n";
		POSIX::_exit(0);
	}
	close $write;
	return sub { kill "TERM", $pid; my $most = <$read>; waitpid $pid, 0; return $most };
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

# Letters by SMTP from mx.old.test to r1@b.test and so on, as load says it.
sub smtp_in {
	my ($s, $recipients, @options) = @_;
	my $errors = "$s->{dir}/smtp.err";
	$s->add_readers($recipients);
	my $before = $s->watch();
	my $said = $s->output("sh", "-c", 'exec "$@" 2>"$0"', $errors, "tests/world", "enter", $s->{W}, "build/$mode/tests/bench/smtp",
	    "--to", $s->{env}{SMTP_b_test}, "--starttls", "--hello", "mx.old.test", "--from", $s->{old}{from}, "--certificate",
	    $s->{old}{certificate}, "--key", $s->{old}{key}, "--trust", $s->{env}{CA}, "--name", "mx.b.test", "--sender",
	    "eve\@old.test", "--recipient", "r%\@b.test", "--recipients", $recipients, @options);
	open my $f, "<", $errors or die "bench: $errors: $!\n";
	my $fault = join " ", map { chomp; $_ } <$f>;
	$said =~ m{^(\d+) .* in ([\d.]+) s: (\d+)/s; p50 ([\d.]+) ms, p99 ([\d.]+) ms} or return { fault => $fault || "smtp: $said" };
	my %r = (count => $1, seconds => $2, rate => $3, p50_ms => $4, p99_ms => $5, $fault ne "" ? (fault => substr $fault, 0, 200) : ());
	return { %r, $s->used_since($before, $r{count}) };
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
