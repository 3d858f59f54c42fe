#!/usr/bin/perl
# tests/lib/matrix.pl make FOLDER ID FROM TO — writes a letter of each kind of tests/interop/Letters.pm, but for the
# largest, and says its name, which is ID.NUMBER.
# tests/lib/matrix.pl judge FOLDER FILE... — holds files against those letters: says what is lost, changed or there twice,
# and at last how many came.
use strict;
use warnings;
use lib "tests/interop";
use Letters;

my ($verb, $folder, @more) = @ARGV;

sub read_file { my ($file) = @_; open my $f, "<:raw", $file or die "matrix: $file: $!\n"; local $/; return <$f> // "" }

if ($verb eq "make") {
	my ($id, $from, $to) = @more;
	my $n = 0;
	for my $kind (grep { !/10 MB/ } Letters::kinds()) {
		my $name = "$id." . ++$n;
		open my $f, ">:raw", "$folder/$name" or die "matrix: $folder/$name: $!\n";
		print $f Letters::make($kind, $name, $from, $to);
		close $f;
		print "$name\n";
	}
	exit 0;
}
my %came;
for my $file (@more) {
	my $text = read_file($file);
	my ($id) = $text =~ /^X-Matrix: (\S+)\r$/m;
	if (!defined $id || !-e "$folder/$id") { print "nobody sent $file\n"; next }
	my $why = Letters::differs(read_file("$folder/$id"), $text);
	print "$id: $why\n" if $why ne "";
	print "$id came twice\n" if $came{$id}++;
}
print map { "$_ is lost\n" } grep { !$came{$_} } map { m|([^/]+)$| } glob "$folder/*";
print scalar keys %came, " letters\n";
