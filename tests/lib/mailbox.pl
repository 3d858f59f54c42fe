#!/usr/bin/perl
# mailbox.pl ADDRESS:PORT USER PASSWORD-FILE REQUEST... — signs in at an IMS (proto/SPEC.md 12, 15), or with
# ALPN=tillcalled-submit/1 at an OMS.  Sends one request after the other and prints what answers each: lines as
# they come, and octets.  For what mc has no command for.  The request `!closed` waits until the server closes,
# and says so.
use strict;
use warnings;
use Digest::SHA qw(hmac_sha256 sha256);
use IPC::Open2 qw(open2);
use MIME::Base64 qw(decode_base64 encode_base64);

my ($to, $user, $file, @requests) = @ARGV;
die "usage: mailbox.pl ADDRESS:PORT USER PASSWORD-FILE REQUEST...\n" if !@requests;
$| = 1;
open my $f, "<", $file or die "$file: $!\n";
chomp(my $password = <$f>);
my ($domain) = $user =~ /@(.*)/;
my $pid = open2(my $in, my $out, qw(openssl s_client -quiet -connect), $to, "-servername", $domain,
    "-alpn", $ENV{ALPN} // "tillcalled-mailbox/1");

sub said { my $line = <$in> // die "closed\n"; $line =~ s/\r?\n$//; return $line }
sub ask { print $out "$_[0]\r\n"; $out->flush; return said() }
sub message { $_[0] =~ /^(334|235) 2\S+ (\S+)$/ or die "$_[0]\n"; return decode_base64($2) }

my $bare = "n=$user,r=mailbox$$" . time;
my $first = message(ask("AUTH SCRAM-SHA-256 " . encode_base64("n,,$bare", "")));
my ($nonce, $salt, $times) = $first =~ /^r=([^,]*),s=([^,]*),i=(\d+)$/ or die "$first\n";
my $u = my $salted = hmac_sha256(decode_base64($salt) . pack("N", 1), $password);
for (2 .. $times) { $u = hmac_sha256($u, $password); $salted ^= $u }
my $key = hmac_sha256("Client Key", $salted);
my $proof = $key ^ hmac_sha256("$bare,$first,c=biws,r=$nonce", sha256($key));
message(ask(encode_base64("c=biws,r=$nonce,p=" . encode_base64($proof, ""), "")));

for (@requests) {
	if ($_ eq "!closed") {
		1 while defined <$in>;
		print "closed by the server\n";
		exit 0;
	}
	my $line = ask($_);
	for (; $line =~ /^150 /; $line = said()) { print "$line\n" }
	print "$line\n";
	next if $line !~ /^250 \S+ \{(\d+)\}/;
	read($in, my $octets, $1) == $1 or die "closed\n";
	print $octets;
}
print $out "QUIT\r\n";
$out->flush;
waitpid $pid, 0;
