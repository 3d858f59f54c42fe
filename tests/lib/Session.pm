# Session — a user's session at an IMS (proto/SPEC.md 12, 15) or, with another ALPN, at an OMS; for tests.
#
#	my $s = Session->start("192.0.2.22:1473", 'bob@b.test', $password_file, "tillcalled-mailbox/1");
#	my $line = $s->ask("MARK 1 +seen");	# the first line of the answer
#	my $octets = $s->octets($1) if $line =~ /^250 \S+ \{(\d+)\}/;
#
# A session that ends early, or is refused, dies with the line or "closed".
package Session;
use strict;
use warnings;
use Digest::SHA qw(hmac_sha256 sha256);
use IPC::Open2 qw(open2);
use MIME::Base64 qw(decode_base64 encode_base64);

sub said { my $in = $_[0]{in}; my $line = <$in> // die "closed\n"; $line =~ s/\r?\n$//; return $line }

sub ask {
	my ($s, $request) = @_;
	my $out = $s->{out};
	print $out "$request\r\n" and $out->flush or die "closed\n";
	return $s->said();
}

sub octets {
	my ($s, $n) = @_;
	my $octets = "";
	while (length $octets < $n) { (read $s->{in}, $octets, $n - length $octets, length $octets) or die "closed\n" }
	return $octets;
}

# Until the server closes.
sub drain { my $in = $_[0]{in}; 1 while defined <$in> }

sub message { $_[0] =~ /^(334|235) 2\S+ (\S+)$/ or die "$_[0]\n"; return decode_base64($2) }

sub sign_in {
	my ($s, $user, $password) = @_;
	my $bare = "n=$user,r=mailbox$$" . time;
	my $first = message($s->ask("AUTH SCRAM-SHA-256 " . encode_base64("n,,$bare", "")));
	my ($nonce, $salt, $times) = $first =~ /^r=([^,]*),s=([^,]*),i=(\d+)$/ or die "$first\n";
	my $u = my $salted = hmac_sha256(decode_base64($salt) . pack("N", 1), $password);
	for (2 .. $times) { $u = hmac_sha256($u, $password); $salted ^= $u }
	my $key = hmac_sha256("Client Key", $salted);
	my $proof = $key ^ hmac_sha256("$bare,$first,c=biws,r=$nonce", sha256($key));
	message($s->ask(encode_base64("c=biws,r=$nonce,p=" . encode_base64($proof, ""), "")));
}

sub start {
	my ($class, $to, $user, $file, $alpn) = @_;
	open my $f, "<", $file or die "$file: $!\n";
	chomp(my $password = <$f>);
	my ($domain) = $user =~ /@(.*)/;
	my $s = bless {}, $class;
	$s->{pid} = open2($s->{in}, $s->{out}, qw(openssl s_client -quiet -connect), $to, "-servername", $domain,
	    "-alpn", $alpn);
	if (!eval { $s->sign_in($user, $password); 1 }) { my $why = $@; $s->end(); die $why }
	return $s;
}

sub quit { my $out = $_[0]{out}; print $out "QUIT\r\n"; $out->flush; $_[0]->end() }

sub end {
	my ($s) = @_;
	close $s->{out};
	close $s->{in};
	waitpid $s->{pid}, 0;
}

1;
