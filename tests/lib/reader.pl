#!/usr/bin/perl
# reader.pl ADDRESS:PORT USER PASSWORD-FILE SEED JOURNAL STOP-FILE I N — a user who reads, marks, drops and
# declines at random until the stop file is there, whatever becomes of the server.  For tests/fault.  The I-th of N
# such programs acts on every N-th notice.
#
# The journal has a line for each thing that this user learned or did:
#
#	seen NUMBER ID DIGEST           a row of LIST
#	try VERB NUMBER [FLAG]          asked for
#	done VERB NUMBER [FLAG]         the server said 250
#	no VERB NUMBER WORD             it refused
#	wrong NUMBER WHY                octets that are not what the row said
use strict;
use warnings;
use Digest::SHA qw(sha256_hex);
use FindBin qw($Bin);
use IO::Handle;
use Time::HiRes qw(sleep);
use lib $Bin;
use Session;

my ($to, $user, $file, $seed, $journal, $stop, $mine, $of) = @ARGV;
die "usage: reader.pl ADDRESS:PORT USER PASSWORD-FILE SEED JOURNAL STOP-FILE I N\n" if !$of;
srand $seed;
$SIG{PIPE} = "IGNORE";
open my $out, ">>", $journal or die "$journal: $!\n";
$out->autoflush(1);
open STDERR, ">", "/dev/null";		# of openssl, at each kill

my %digest;		# by number, of what may be asked for
my $last = 0;

sub list {
	my ($s) = @_;
	for (my $more = 1; $more;) {
		my $line = $s->ask("LIST $last");
		$line =~ /^250 \S+ \{(\d+)\}/ or return;
		$more = 0;
		for (split /\r?\n/, $s->octets($1)) {
			if (/^more/) { $more = 1; next }
			my %f = map { split /=/, $_, 2 } grep { /=/ } split / /;
			$last = $f{n};
			next if $f{n} % $of != $mine;
			$digest{$f{n}} = $f{digest} // "";
			print $out "seen $f{n} $f{id} $digest{$f{n}}\n";
		}
	}
}

sub act {
	my ($s) = @_;
	my @numbers = keys %digest or return;
	my $n = $numbers[rand @numbers];
	my $dice = rand;
	my ($verb, $flag) = $dice < 0.5 ? "READ" : $dice < 0.75 ? "MARK" : $dice < 0.95 ? "DROP" : "DECLINE";
	$flag = (qw(+seen -seen +answered +flagged -flagged))[rand 5] if $verb eq "MARK";
	my $what = join " ", $verb, $n, $flag // ();
	print $out "try $what\n";
	my $line = $s->ask($what);
	$line = $s->said() while $line =~ /^150 /;
	if ($line !~ /^250 /) {
		my ($word) = $line =~ /\[([a-z-]+)\]/;
		print $out "no $verb $n ", $word // "?", "\n";
		return;
	}
	if ($verb eq "READ") {
		$line =~ /\{(\d+)\}/ or die "closed\n";
		my $octets = $s->octets($1);
		if ($digest{$n} ne "" && sha256_hex($octets) ne $digest{$n}) { print $out "wrong $n digest\n"; return }
	}
	print $out "done $what\n";
	delete $digest{$n} if $verb eq "DROP" || $verb eq "DECLINE";
}

until (-e $stop) {
	eval {
		my $s = Session->start($to, $user, $file, "tillcalled-mailbox/1");
		my $good = eval {
			for (1 .. 40) { last if -e $stop; list($s) if $_ % 8 == 1; act($s); sleep 0.02 }
			1;
		};
		$good ? $s->quit() : $s->end();
		1;
	} or sleep 0.1;
}
