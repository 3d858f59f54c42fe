#!/usr/bin/perl
# screen.pl — what a terminal shows in the end of what was written to it: a carriage return goes back to the start
# of the line, and what follows overwrites it.  The lines, without blanks at their ends.
use strict;
use warnings;

local $/;
for my $line (split /\n/, <STDIN>) {
	my $shown = "";
	for my $part (split /\r/, $line) {
		substr($shown, 0, length($part) < length($shown) ? length($part) : length($shown)) = $part;
	}
	$shown =~ s/\s+$//;
	print "$shown\n";
}
