#!/usr/bin/perl
# altered.pl KEY BATCH OTHER DIR — what an attacker could make of two good batches of one notice each
# (tests/lib/notice.pl): a file in DIR for each, none of which must be taken.
#
#	bit-N	one bit of an octet is another: of the statement, the seal, the signature
#	line-N	the same of the RCPT line, which may end the session
#	field-N	something of BATCH in place of OTHER's: a line of statement or seal, or a whole part
#	type-N	what the same key signed elsewhere, in the place of the seal
#
# The lines that count octets stay true, so that the content is the reason of the refusal.
use strict;
use warnings;

my ($key, @files) = @ARGV;
my $dir = pop @files;
my $n = 0;

sub parts {
	open my $f, "<:raw", $_[0] or die "$_[0]: $!\n";
	local $/;
	my $all = <$f>;
	my ($rcpt, $s) = $all =~ /\A(RCPT [^\n]*\n)STATEMENT (\d+)\r\n/ or die;
	my $at = $+[0];
	my $statement = substr $all, $at, $s;
	my ($seal, $alg, $sig) = substr($all, $at + $s) =~ /\ASEAL (\d+) (\S+) (\d+)\r\n/ or die;
	$at += $s + $+[0];
	return { rcpt => $rcpt, statement => $statement, seal => substr($all, $at, $seal),
	    signature => substr($all, $at + $seal, $sig) };
}

sub put {
	my ($name, $p) = @_;
	open my $f, ">:raw", sprintf("%s/%s-%04d", $dir, $name, $n++) or die;
	printf $f "%sSTATEMENT %d\r\n%sSEAL %d ecdsa-sha256 %d\r\n%s%s", $p->{rcpt}, length $p->{statement},
	    $p->{statement}, length $p->{seal}, length $p->{signature}, $p->{seal}, $p->{signature};
	close $f or die;
}

sub sign {
	open my $f, ">:raw", "$dir/.text" or die;
	print $f $_[0];
	close $f or die;
	return scalar `openssl dgst -sha256 -sign '$key' '$dir/.text'`;
}

my ($p, $q) = map { parts($_) } @files;
for my $part (qw(rcpt statement seal signature)) {
	# "RCPT" in other letters is RCPT, and without its CR LF it is no line.
	my ($from, $to) = $part eq "rcpt" ? (5, length($p->{rcpt}) - 2) : (0, length $p->{$part});
	for my $i ($from .. $to - 1) {
		my %o = %$p;
		substr($o{$part}, $i, 1) ^= chr(1 << $i % 8);
		put($part eq "rcpt" ? "line" : "bit", \%o);
	}
	put("field", { %$p, $part => $q->{$part} });
}
for my $part (qw(statement seal)) {
	my @mine = $p->{$part} =~ /[^\n]*\n/g;
	my @other = $q->{$part} =~ /[^\n]*\n/g;
	for my $i (0 .. $#mine) {
		next if !defined $other[$i] || $mine[$i] eq $other[$i];
		my @l = @mine;
		$l[$i] = $other[$i];
		put("field", { %$p, $part => join("", @l) });
	}
}
# TLS 1.3's CertificateVerify of a server (RFC 8446 4.4.3), a statement, nothing, and a seal of the next form.
for my $text (" " x 64 . "TLS 1.3, server CertificateVerify\0" . "h" x 32, $p->{statement}, "",
    $p->{seal} =~ s/Tillcalled-Seal: 1/Tillcalled-Seal: 2/r) {
	put("type", { %$p, seal => $text, signature => sign($text) });
}
