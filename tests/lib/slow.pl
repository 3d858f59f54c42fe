#!/usr/bin/perl
# slow.pl ADDRESS:PORT N NET OVER — N connections from 150 addresses of NET (three octets), each of which sends
# one octet of a TLS record in ten seconds and takes nothing.  Says `open N`.  Until the file OVER exists, opens
# another for each that the other side has closed; after that says `gone` when all are closed.
use strict;
use warnings;
use Errno qw(EAGAIN EINPROGRESS EINTR);
use Fcntl qw(F_SETFL O_NONBLOCK);
use Socket;
use Time::HiRes qw(sleep time);

my ($to, $n, $net, $over) = @ARGV;
my ($host, $port) = split /:/, $to;
my $there = pack_sockaddr_in($port, inet_aton($host));
my @record = split //, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";
my @open;
my $next = time;

$SIG{PIPE} = "IGNORE";
$| = 1;

my $made = 0;

sub dial {
	socket my $s, PF_INET, SOCK_STREAM, 0 or die "socket: $!\n";
	setsockopt $s, SOL_SOCKET, SO_REUSEADDR, 1;
	bind $s, pack_sockaddr_in(0, inet_aton("$net." . (100 + $made++ % 150))) or die "bind: $!\n";
	fcntl $s, F_SETFL, O_NONBLOCK;
	connect $s, $there or $! == EINPROGRESS or die "connect: $!\n";
	push @open, $s;
	sleep 0.05 if $made % 200 == 0;		# the backlog is as long as that
}

dial() for 1 .. $n;
print "open ", scalar @open, "\n";
while (@open or !-e $over) {
	if (time >= $next) {
		$next = time + 10;
		my $octet = shift(@record) // "x";
		syswrite $_, $octet for @open;
	}
	@open = grep {
		my $got = sysread $_, my $octets, 100;
		!defined $got && ($! == EAGAIN || $! == EINTR) || $got;
	} @open;
	dial() while @open < $n && !-e $over;
	sleep 0.2;
}
print "gone\n";
