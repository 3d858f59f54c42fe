#!/usr/bin/perl
# tests/lib/relay.pl LISTEN TARGET up|down OCTETS [FROM]
# RELAY_MORE="FILE OCTETS" tests/lib/relay.pl ...
#
# A relay between a client and a server that loses interest: once OCTETS have passed in that
# direction (up: to the server) it takes no more of it, and all stays open.  TLS passes as it is, and whole
# records of it: a client may wait for the rest of one, and do nothing else.
# Addresses are A.B.C.D:PORT; FROM is the relay's own address towards the target.  Says "ready", and "full" when
# the last of the OCTETS is on its way.  RELAY_MORE: when FILE is there, it goes, and so many more pass; "full"
# again.
use strict;
use warnings;
use IO::Select;
use IO::Socket::INET;

my ($listen, $target, $way, $octets, $from) = @ARGV;
$octets // die "relay: LISTEN TARGET up|down OCTETS [FROM]\n";
$| = 1;
$SIG{CHLD} = "IGNORE";
my ($gate, $more) = split / /, $ENV{RELAY_MORE} // "";
my @children;
$SIG{TERM} = sub { kill TERM => @children; exit 0 };
$SIG{PIPE} = "IGNORE";

sub all {
	my ($out, $octets) = @_;
	for (my $at = 0; $at < length $octets;) { $at += syswrite($out, $octets, length($octets) - $at, $at) // return 0 }
	return 1;
}

sub relay {
	my ($client) = @_;
	my $server = IO::Socket::INET->new(PeerAddr => $target, Proto => "tcp",
	    $from ? (LocalAddr => $from) : ()) or die "relay: $target: $!\n";
	my $ready = IO::Select->new($client, $server);
	my $record = "";		# the beginning of a TLS record of the counted way
	while ($ready->count) {
		if ($gate && $octets <= 0 && unlink $gate) {
			$octets = $more;
			$ready->add($client, $server);
		}
		for my $in ($ready->can_read($gate ? 0.1 : undef)) {
			my $up = $in == $client;
			my $out = $up ? $server : $client;
			my $n = sysread($in, my $piece, 4096);
			return if !$n;
			if ($up != ($way eq "up")) { all($out, $piece) or return; next }
			$record .= $piece;
			while ($octets > 0 && length $record >= 5) {
				my $whole = 5 + unpack "x3n", $record;
				last if length $record < $whole;
				all($out, substr $record, 0, $whole, "") or return;
				$octets -= $whole;
			}
			next if $octets > 0;
			$ready->remove($in);
			print "full\n";
		}
	}
}

my $door = IO::Socket::INET->new(LocalAddr => $listen, Proto => "tcp", Listen => 8, ReuseAddr => 1)
    or die "relay: $listen: $!\n";
print "ready\n";
while (my $client = $door->accept) {
	my $pid = fork // die "relay: fork: $!\n";
	if ($pid == 0) {
		$SIG{TERM} = "DEFAULT";
		close $door;
		relay($client);
		exit 0;
	}
	push @children, $pid;
	close $client;
}
