#!/usr/bin/perl
# mailbox.pl ADDRESS:PORT USER PASSWORD-FILE REQUEST... — signs in at an IMS (proto/SPEC.md 12, 15), or with
# ALPN=tillcalled-submit/1 at an OMS.  Sends one request after the other and prints what answers each: lines as
# they come, and octets.  For what mc has no command for.  The request `!closed` waits until the server closes,
# and says so.
use strict;
use warnings;
use FindBin qw($Bin);
use lib $Bin;
use Session;

my ($to, $user, $file, @requests) = @ARGV;
die "usage: mailbox.pl ADDRESS:PORT USER PASSWORD-FILE REQUEST...\n" if !@requests;
$| = 1;
my $s = Session->start($to, $user, $file, $ENV{ALPN} // "tillcalled-mailbox/1");
for (@requests) {
	if ($_ eq "!closed") {
		$s->drain();
		print "closed by the server\n";
		exit 0;
	}
	my $line = $s->ask($_);
	for (; $line =~ /^150 /; $line = $s->said()) { print "$line\n" }
	print "$line\n";
	print $s->octets($1) if $line =~ /^250 \S+ \{(\d+)\}/;
}
$s->quit();
