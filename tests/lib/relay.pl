#!/usr/bin/perl
# tests/lib/relay.pl LISTEN TARGET up|down OCTETS [FROM]
#
# A relay between a client and a server that loses interest: once OCTETS have passed in that
# direction (up: to the server) it takes no more of it, and all stays open.  TLS passes as it is.
# Addresses are A.B.C.D:PORT; FROM is the relay's own address towards the target.  Says "ready".
use strict;
use warnings;
use IO::Select;
use IO::Socket::INET;

my ($listen, $target, $way, $octets, $from) = @ARGV;
$octets // die "relay: LISTEN TARGET up|down OCTETS [FROM]\n";
$| = 1;
$SIG{CHLD} = "IGNORE";
my @children;
$SIG{TERM} = sub { kill TERM => @children; exit 0 };
$SIG{PIPE} = "IGNORE";

sub relay {
	my ($client) = @_;
	my $server = IO::Socket::INET->new(PeerAddr => $target, Proto => "tcp",
	    $from ? (LocalAddr => $from) : ()) or die "relay: $target: $!\n";
	my $ready = IO::Select->new($client, $server);
	while (my @from = $ready->can_read) {
		for my $in (@from) {
			my $up = $in == $client;
			my $counts = $up == ($way eq "up");
			my $n = sysread($in, my $piece, $counts && $octets < 4096 ? $octets : 4096);
			return if !$n;
			for (my $at = 0; $at < $n;) {
				$at += syswrite($up ? $server : $client, $piece, $n - $at, $at) // return;
			}
			next if !$counts || ($octets -= $n) > 0;
			$ready->remove($in);
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
