#!/usr/bin/perl
# slow_dns.pl ADDRESS PORT MS — a name server that answers each question MS milliseconds later: the name does
# not exist.  It never answers a question about silent.example, silent1.example ... or a name below one.
use strict;
use warnings;
use IO::Socket::INET ();
use Time::HiRes qw(time);

my ($address, $port, $ms) = @ARGV;
die "usage: slow_dns.pl ADDRESS PORT MS\n" if @ARGV != 3;
my $s = IO::Socket::INET->new(LocalAddr => $address, LocalPort => $port, Proto => "udp") or die "slow_dns: $!\n";
$| = 1;
print "ready\n";

my @late;	# [time, octets, to]
for (;;) {
	my $wait = @late ? $late[0][0] - time : undef;
	vec(my $r = "", fileno $s, 1) = 1;
	if (select $r, undef, undef, defined $wait && $wait < 0 ? 0 : $wait) {
		my $from = $s->recv(my $q, 4096) // next;
		my ($id, $flags, $n) = unpack "n3", $q;
		next if length $q < 17 || $n != 1 || $flags & 0x8000;
		my $at = 12;
		my $name = "";
		while (my $k = ord substr $q, $at, 1) { $name .= lc(substr $q, $at + 1, $k) . "."; $at += $k + 1 }
		next if $name =~ /(^|\.)silent\d*\.example\.$/;
		# QR, RD as asked, RA, NXDOMAIN; the question alone
		my $a = pack("n6", $id, 0x8080 | $flags & 0x0100 | 3, 1, 0, 0, 0) . substr $q, 12, $at + 5 - 12;
		push @late, [time + $ms / 1000, $a, $from];
	}
	while (@late && $late[0][0] <= time) {
		my $l = shift @late;
		$s->send($l->[1], 0, $l->[2]);
	}
}
