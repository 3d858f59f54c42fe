#!/usr/bin/perl
# endless.pl SOCKET LINE [COUNT] — answers each request at a control socket with LINE, again and again: COUNT
# times and then "done", or until the client leaves.  Prints one line of how each client was served.
use strict;
use warnings;
use IO::Socket::UNIX;

my ($path, $line, $count) = @ARGV;
$SIG{PIPE} = "IGNORE";
$| = 1;
my $listening = IO::Socket::UNIX->new(Local => $path, Listen => 5) or die "$path: $!\n";
print "listening\n";
while (my $client = $listening->accept) {
	my $request = <$client>;
	my $left = 0;
	for (my $n = 0; !$left && (!defined $count || $n < $count); $n++) {
		$left = !print $client "$line\n";
	}
	$left ||= !(print $client qq({"done":true}\n)) || !$client->flush;
	print $left ? "left\n" : "heard to the end\n";
}
