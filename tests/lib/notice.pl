#!/usr/bin/perl
# notice.pl KEY FROM-DOMAIN FOR [!]ADDRESS... — a notification for each address under one seal, made
# without any of the system's own code: RCPT, STATEMENT and SEAL (proto/SPEC.md 8 to 10), on standard
# output.  All are from eve, but where SENDER in the environment says who it is.
#
# The letters that they announce do not exist, but where LETTER in the environment names a file: then each is
# that one.  Their ids are new at each call, but where ID in the environment is theirs.  KEY: P-256 or RSA.
# `!`: the salt that is told is not the one of the statement.
use strict;
use warnings;
use Digest::SHA qw(sha256 sha256_hex);
use IPC::Open2;

my ($key, $from, $for, @addresses) = @ARGV;
die "usage: notice.pl KEY FROM-DOMAIN FOR [!]ADDRESS...\n" if !@addresses;
binmode STDOUT;

sub date {
	my ($s, $m, $h, $day, $month, $year) = gmtime $_[0];
	return sprintf "%04d-%02d-%02dT%02d:%02d:%02dZ", $year + 1900, $month + 1, $day, $h, $m, $s;
}
sub octets { open my $f, "<:raw", "/dev/urandom" or die; read $f, my $o, $_[0]; return $o }

my ($size, $hash, $summary) = (1000, sha256_hex("nothing"), sha256_hex("nothing"));
if (defined $ENV{LETTER}) {
	open my $f, "<:raw", $ENV{LETTER} or die "$ENV{LETTER}: $!\n";
	local $/;
	my $letter = <$f>;
	($size, $hash, $summary) = (length $letter, sha256_hex($letter), sha256_hex(substr $letter, 0, 100));
}
my @digit = split //, "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
my $sender = $ENV{SENDER} // "eve\@$from";
my $ms = time * 1000;
my ($lines, $digests) = ("", "");
for (@addresses) {
	my ($other, $address) = /^(!?)(.*)/;
	my $id = $ENV{ID} // join "", map({ $digit[($ms >> 5 * $_) & 31] } reverse 0 .. 9), map({ $digit[ord($_) & 31] } split //, octets(16));
	my $salt = octets(16);
	my $recipient = sha256_hex("tillcalled recipient\0$salt$address");
	my $statement = join "", map { "$_\r\n" } "Tillcalled-Notification: 1", "Id: $id", "From: <$sender>",
	    "Recipient-Domain: $for", "Recipient: sha256:$recipient", "Date: " . date(time),
	    "Hold-Until: " . date(time + 864000), "Size: $size", "Digest: sha256:$hash", "Summary-Size: 100",
	    "Summary-Digest: sha256:$summary";

	$lines .= sprintf "RCPT <%s> %s\r\nSTATEMENT %d\r\n%s", $address, unpack("H*", $other ? octets(16) : $salt),
	    length $statement, $statement;
	$digests .= "Statement: sha256:" . sha256_hex($statement) . "\r\n";
}
my $seal = join("", map { "$_\r\n" } "Tillcalled-Seal: 1", "Signer: $from", "For: $for", "Date: " . date(time)) . $digests;

my $pid = open2(my $signed, my $text, "openssl", "dgst", "-sha256", "-sign", $key);
binmode $_ for $signed, $text;
print $text $seal;
close $text;
my $signature = do { local $/; <$signed> };
waitpid $pid, 0;
exit 1 if $? != 0;
my $alg = length $signature >= 256 ? "rsa-sha256" : "ecdsa-sha256";	# P-256: at most 72
printf "%sSEAL %d %s %d\r\n%s%s", $lines, length $seal, $alg, length $signature, $seal, $signature;
