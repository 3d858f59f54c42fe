# Letters — the matrix of letters that must pass whole: a kind for each thing that a server on the way may be tempted
# to change.
#
#	for my $kind (Letters::kinds()) { my $octets = Letters::make($kind, "ID", "alice\@a.test", "bob\@b.test") }
#	Letters::kind($i)	the kind of letter i, where i counts from 0: all kinds in turn, the large ones once in a hundred
#
# Each has the field X-Matrix with its id.  Lines end in CR LF, none is longer than 998 octets, and there is no NUL, no
# bare CR and no bare LF.
package Letters;
use strict;
use warnings;

# Sub: ($header, $body) more, from the id.
my @kinds = (
	plain => sub { ("", "Hello.\r\n") },
	"empty body" => sub { ("", "") },
	"one empty line" => sub { ("", "\r\n") },
	"dot lines" => sub { ("", ".\r\n..\r\n.a\r\n...\r\n. \r\n.\r\n") },
	"a dot at the end" => sub { ("", "text\r\n\r\n.\r\n") },
	"dots and commands" => sub { ("", ".\r\nMAIL FROM:<a\@b.test>\r\nRCPT TO:<c\@d.test>\r\nDATA\r\nRSET\r\nQUIT\r\n.\r\n") },
	"lines of 998" => sub { ("", "x" x 998 . "\r\n" . "." . "y" x 997 . "\r\n" . "z" x 997 . ".\r\n") },
	"a field of 998" => sub { ("X-Long: " . "x" x 990 . "\r\n", "long field\r\n") },
	"lines around a block" => sub { ("", join "", map { "b" x (4094 - 998 * 4 + $_) . "\r\n" . ("c" x 996 . "\r\n") x 3 } 0 .. 8) },
	"8-bit" => sub { ("MIME-Version: 1.0\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: 8bit\r\n",
	    "Gr\xfc\xdfe \xe4\xf6\xfc\r\n" . join "", map { chr } 128 .. 255, 13, 10) },
	"UTF-8" => sub { ("MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n",
	    "Gr\xc3\xbc\xc3\x9fe \xe2\x82\xac \xf0\x9f\x93\xac\r\n") },
	"UTF-8 header" => sub { ("MIME-Version: 1.0\r\nX-Text: Gr\xc3\xbc\xc3\x9fe \xe2\x82\xac\r\n", "utf-8 in a field\r\n") },
	"folded fields" => sub { ("X-Folded: one\r\n two\r\n\tthree\r\n    four\r\nX-Tab:\tfive\r\nX-First:\r\n six\r\n", "folded\r\n") },
	"doubled fields" => sub { ("Comments: a\r\nX-Twice: 1\r\nComments: a\r\nX-Twice: 1\r\nKeywords: k\r\nx-twice: 2\r\n", "doubled\r\n") },
	"empty fields" => sub { ("X-Empty:\r\nX-Blank: \r\nX-Colon:::\r\n", "empty\r\n") },
	"a header of 200 fields" => sub { (join("", map { "X-Field-$_: value $_\r\n" } 1 .. 200), "many\r\n") },
	"blanks at line ends" => sub { ("X-Blanks: at the end  \t \r\n", "two  \r\ntab\t\r\n \r\n\t\r\n  x\r\n") },
	"empty lines" => sub { ("", "\r\n\r\n\r\nmiddle\r\n\r\n\r\n\r\n") },
	"From lines" => sub { ("", "From alice Mon Nov 30\r\n>From bob\r\n\r\nFrom here\r\n") },
	"control characters" => sub { ("", join("", map { chr } 1 .. 9, 11, 12, 14 .. 31, 127) . "\r\n\x1a\r\n\x04\r\n") },
	"a multipart" => sub { ("MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"=_b\"\r\n",
	    "preamble\r\n--=_b\r\nContent-Type: text/plain\r\n\r\n.\r\n--=_b\r\nContent-Type: application/octet-stream\r\n" .
	    "Content-Transfer-Encoding: base64\r\n\r\nAAEC\r\n--=_b\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\ninner\r\n--=_b--\r\nepilogue\r\n") },
	"soft breaks" => sub { ("MIME-Version: 1.0\r\nContent-Transfer-Encoding: quoted-printable\r\n", "a=\r\n=2E=\r\n.\r\n=0D=0A.=0D=0A\r\n=\r\n") },
	"no subject of MIME" => sub { ("Content-Type: text/plain\r\nMime-Version: 1.0 (a (nested) comment)\r\n", "comment\r\n") },
	"a smuggler's quote" => sub { ("", "=0D.\r\n\\r\\n.\\r\\n\r\n&#13;.\r\n.\x0b\r\n\x0b.\r\n") },
);
my %large = (
	"100,000 short lines" => sub { ("", join "", map { "$_\r\n" } 1 .. 100000) },
	"10 MB" => sub { ("", join "", map { sprintf("%06d", $_) . "m" x 990 . "\r\n" } 1 .. 10500) },
	"1 MB of dots" => sub { ("", ".\r\n" x 350000) },
);
my %make = (@kinds, %large);
my @names = map { $kinds[2 * $_] } 0 .. $#kinds / 2;

sub kinds { return (@names, sort keys %large) }

sub kind {
	my ($i) = @_;
	my @big = sort keys %large;
	return $i % 100 < @big && $i >= @names ? $big[$i % 100] : $i % 100 >= 97 ? $big[$i % 100 - 97] : $names[$i % @names];
}

sub make {
	my ($kind, $id, $from, $to) = @_;
	my ($header, $body) = $make{$kind}->();
	return "From: <$from>\r\nTo: <$to>\r\nSubject: $kind\r\nDate: Mon, 30 Nov 2026 12:00:00 +0000\r\n" .
	    "Message-ID: <$id\@matrix.test>\r\nX-Matrix: $id\r\n$header\r\n$body";
}

# -- smuggling -----------------------------------------------------------------------------------------------------

# What some server has taken for the end of a message.
my @ends = ("\n.\n", "\n.\r\n", "\r.\r\n", "\r.\r", "\r\n.\n", "\r\n.\r", "\r\n\0.\r\n", "\r\n.\0\r\n", "\n\n.\r\n", "\r\r\n.\r\r\n", "\n.\r",
    "\r.\n", "\n\r.\n\r", "\r\n.\r\n", "\r\n..\r\n", "\r\n.\x0b\r\n", "\0\r\n.\r\n", "\r\n\r.\r\n", "\x85.\x85", "\r\n.\r\r\n");

# Of octets that matter; `fair`: with whole line ends, so that the letter may go out.
sub random_end {
	my ($fair) = @_;
	my @pieces = $fair ? ("\r\n", ".", "\r\n.", "..", ".\r\n", "a", " ") : ("\r", "\n", ".", "\0", "\r\n", "\n.", "\r\n.");
	return join "", map { $pieces[rand @pieces] } 1 .. 3 + int rand 6;
}

# Letter i, which holds another one, after what may be an end.
sub hostile {
	my ($i, $id, $from, $to) = @_;
	my $fair = $i >= 4 * @ends && $i % 2;
	my $end = $i < 4 * @ends ? $ends[$i % @ends] : random_end($fair);
	my $line = $fair ? "\r\n" : ("\r\n", "\n", "\r", "\r\n")[int($i / @ends) % 4];
	my $body = join($line, "MAIL FROM:<$from>", "RCPT TO:<$to>", "DATA", "From: <$from>", "X-Matrix: smuggled.$id", "", "smuggled", ".", "QUIT", "");
	return "From: <$from>\r\nTo: <$to>\r\nSubject: hostile\r\nMessage-ID: <$id\@matrix.test>\r\nX-Matrix: $id\r\n\r\nbefore" . $end . $body;
}

# -- what has come -------------------------------------------------------------------------------------------------

# What a server may put before a letter.
my $trace = qr/^(?:Return-Path|Received|Delivered-To|X-Original-To|Envelope-To|Delivery-Date|Authentication-Results|
    Received-SPF|DKIM-Signature|Tillcalled-[A-Za-z-]+):.*$/xi;

# "" where `got` is `sent` after trace fields; else what is wrong with it.
sub differs {
	my ($sent, $got) = @_;
	return "it is shorter" if length $got < length $sent;
	my $before = substr $got, 0, length($got) - length $sent;
	if (substr($got, length $before) ne $sent) {
		my $at = index $got, "From: <";
		$at = 0 if $at < 0;
		my $end = substr $got, $at;
		my $same = 0;
		$same++ while $same < length $sent && $same < length $end && substr($sent, $same, 1) eq substr($end, $same, 1);
		return sprintf "from octet %d of %d on: sent %s, got %s", $same, length $sent, shown(substr $sent, $same, 30),
		    shown(substr $end, $same, 30);
	}
	$before =~ s/\r\n[ \t]+/ /g;
	for (split /\r\n/, $before) { return "there is more before it than trace: " . shown($_) if !/$trace/ }
	return "";
}

sub shown { my ($t) = @_; $t =~ s/([^ -~])/sprintf "\\x%02x", ord $1/ge; return "\"$t\"" }

1;
