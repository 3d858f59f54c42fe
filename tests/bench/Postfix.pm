# Postfix — a real Postfix that does the same work, for comparison: two instances of Debian's package, in a
# throw-away root by debootstrap, each with certificates on both sides of every connection.
#
#	my $p = Postfix->new("$T/postfix", $side);	# in the network of that side's world
#	$p->up();
#	my $r = $p->measure(["accept", 50], $seconds);
#	$p->down();
#
# accept: out.test takes letters by TLS and keeps them: what is to go on is deferred.  delivered: it sends them to
# in.test, which delivers into a Maildir; until the last letter is there.  Both fsync as Postfix does: the queue
# file before its 250, the Maildir's file before the queue file goes.  Their settings are Debian's, but for what
# would slow it down here: no DNS, no limits on one client's rate, no delay where letters come faster than they go,
# connections between the two used again, no log.
#
# The root is made once (build/postfix/root.tar, needs root and a mirror of Debian).
package Postfix;
use strict;
use warnings;
use File::Path qw(make_path remove_tree);
use Time::HiRes qw(time sleep);

our $mode = $ENV{MODE} || "release";
my %at = (out => 241, in => 242);
my $tar = "build/postfix/root.tar";

sub new {
	my ($class, $dir, $side) = @_;
	return bless { dir => $dir, side => $side, root => "$dir/root", bin => "postfix" }, $class;
}

sub quietly {
	my ($p, @command) = @_;
	system("sh", "-c", 'exec "$@" >>"$0" 2>&1 </dev/null', "$p->{dir}/log", @command) == 0
	    or die "bench: postfix: @command: see $p->{dir}/log:\n" . `tail -5 '$p->{dir}/log'`;
}

# -- its root --------------------------------------------------------------------------------------------------

sub make_root {
	my ($p) = @_;
	die "bench: to make a root folder for Postfix needs root\n" if $> != 0;
	die "bench: debootstrap is missing: apt-get install debootstrap\n" if system("sh", "-c", "command -v debootstrap >/dev/null") != 0;
	my $new = "build/postfix/new";
	my ($mirror) = `apt-get indextargets --format '\$(SITE) \$(RELEASE) \$(COMPONENT)' 'Created-By: Packages'` =~
	    m{^(\S+) bookworm main}m or die "bench: apt knows no mirror of bookworm\n";
	make_path("build/postfix");
	remove_tree($new);
	print STDERR "bench: debootstrap, once, for Postfix\n";
	$p->quietly("debootstrap", "--variant=minbase", "--include=postfix", "bookworm", $new, $mirror);
	$p->quietly("sh", "-c", "rm -f $new/var/cache/apt/archives/*.deb");
	$p->quietly("tar", "-C", $new, "--one-file-system", "-cf", "$tar.new", ".");
	rename "$tar.new", $tar or die "bench: $tar: $!\n";
	remove_tree($new);
}

sub write_file {
	my ($p, $file, $text) = @_;
	open my $f, ">", "$p->{root}$file" or die "bench: $p->{root}$file: $!\n";
	print $f $text;
	close $f or die "bench: $p->{root}$file: $!\n";
}

sub read_file { my ($file) = @_; open my $f, "<", $file or die "bench: $file: $!\n"; local $/; return <$f> }

# master.cf is the package's, without chroot (it is in one), and with the one port that takes letters.
sub instance {
	my ($p, $name, %own) = @_;
	my ($root, $net) = ($p->{root}, $p->{side}{env}{WORLD_NET});
	my $etc = "/etc/postfix-$name";
	make_path("$root$etc", "$root/var/spool/postfix-$name", "$root/var/lib/postfix-$name");
	$p->quietly("chroot", $root, "chown", "postfix:postfix", "/var/lib/postfix-$name");
	for my $kind ("certificate", "key") { $p->write_file("$etc/$kind.pem", read_file($p->{$name}{$kind})); chmod 0600, "$root$etc/$kind.pem" }
	$p->write_file("$etc/trust.pem", read_file($p->{side}{env}{CA}));
	my $master = read_file("$root/usr/share/postfix/master.cf.dist");
	$master =~ s/^(\S+\s+(?:unix|fifo|inet)\s+\S+\s+\S+\s+)\S+/$1n/mg;
	$master =~ s/^smtp\s+inet.*$/$net.$at{$name}:465 inet n - n - 200 smtpd/m;
	$p->write_file("$etc/master.cf", "$master\ntlsproxy unix - - n - 0 tlsproxy\n");
	my %main = (
		compatibility_level => "3.6",
		queue_directory => "/var/spool/postfix-$name",
		data_directory => "/var/lib/postfix-$name",
		multi_instance_name => "postfix-$name",
		myhostname => "$name.test",
		mydestination => "",
		mynetworks => "$net.0/24",
		inet_interfaces => "$net.$at{$name}",
		inet_protocols => "ipv4",
		smtp_bind_address => "$net.$at{$name}",
		alias_maps => "", alias_database => "",
		biff => "no",
		disable_dns_lookups => "yes",
		smtpd_peername_lookup => "no",
		default_process_limit => 200,
		smtpd_client_connection_count_limit => 0,
		smtpd_client_connection_rate_limit => 0,
		smtpd_client_message_rate_limit => 0,
		in_flow_delay => 0,
		smtpd_relay_restrictions => "permit_mynetworks, reject",
		smtpd_tls_wrappermode => "yes",
		smtpd_tls_security_level => "encrypt",
		smtpd_tls_req_ccert => "yes",
		smtpd_tls_ask_ccert => "yes",
		smtpd_tls_cert_file => "$etc/certificate.pem",
		smtpd_tls_key_file => "$etc/key.pem",
		smtpd_tls_CAfile => "$etc/trust.pem",
		smtp_tls_cert_file => "$etc/certificate.pem",
		smtp_tls_key_file => "$etc/key.pem",
		smtp_tls_CAfile => "$etc/trust.pem",
		smtp_tls_wrappermode => "yes",
		smtp_tls_security_level => "secure",
		smtp_tls_secure_cert_match => "in.test",
		tls_random_source => "dev:/dev/urandom",
		%own,
	);
	$p->write_file("$etc/main.cf", join "", map { "$_ = $main{$_}\n" } sort keys %main);
}

sub up {
	my ($p) = @_;
	my $net = $p->{side}{env}{WORLD_NET};
	mkdir $p->{dir} or die "bench: $p->{dir}: $!\n";
	chmod 0755, $p->{dir};
	$p->make_root() unless -e $tar;
	mkdir $p->{root};
	# Postfix wants its addresses at an interface.
	$p->quietly("tests/world", "enter", $p->{side}{W}, "ip", "addr", "add", "$net.$_/24", "dev", "lo") for values %at;
	$p->quietly("tar", "-C", $p->{root}, "-xf", $tar);
	for my $name ("out", "in", "load") {
		my @files = split " ", $p->{side}->output("tests/world", "cert", $p->{side}{W}, "--domain", "$name.test", "--both-auth");
		@{$p->{$name}}{qw(certificate key)} = @files;
	}
	$p->instance("out", relayhost => "[$net.$at{in}]:465", smtp_destination_concurrency_limit => 50,
	    smtp_tls_connection_reuse => "yes", smtp_connection_cache_destinations => "[$net.$at{in}]:465");
	$p->instance("in", virtual_mailbox_domains => "b.test", virtual_mailbox_base => "/var/mail/in",
	    virtual_mailbox_maps => "static:bob/", virtual_uid_maps => "static:5000", virtual_gid_maps => "static:5000",
	    virtual_destination_concurrency_limit => 20);
}

# -- its processes ---------------------------------------------------------------------------------------------

sub postfix {
	my ($p, $name, @words) = @_;
	$p->quietly("tests/world", "enter", $p->{side}{W}, "chroot", $p->{root}, "postfix", "-c", "/etc/postfix-$name", @words);
}

# Empty queues and an empty Maildir.  defers: out.test keeps what it takes.
sub fresh {
	my ($p, $defers) = @_;
	$p->stop();
	for (glob("$p->{root}/var/spool/postfix-*/{active,bounce,corrupt,defer,deferred,hold,incoming,maildrop,trace}"), "$p->{root}/var/mail/in") {
		$p->quietly("rm", "-rf", $_);
	}
	make_path("$p->{root}/var/mail/in");
	$p->quietly("chown", "5000:5000", "$p->{root}/var/mail/in");
	$p->quietly("sed", "-i", "/^defer_transports/d", "$p->{root}/etc/postfix-out/main.cf");
	$p->quietly("sh", "-c", "echo 'defer_transports = smtp, relay' >>'$p->{root}/etc/postfix-out/main.cf'") if $defers;
	for my $name ("in", "out") {
		$p->postfix($name, "start");
		$p->{running}{$name} = 1;
	}
}

sub stop {
	my ($p) = @_;
	for my $name (keys %{$p->{running} // {}}) {
		eval { $p->postfix($name, "stop") };
		delete $p->{running}{$name};
	}
}

sub down {
	my ($p) = @_;
	$p->stop();
	remove_tree($p->{root}) if -d $p->{root};
}

# All whose root is ours: microseconds of CPU time, with that of their children that have ended.
sub cpu_us {
	my ($p) = @_;
	my $ticks = 0;
	for my $process (glob "/proc/[0-9]*") {
		next unless (readlink "$process/root" // "") eq $p->{root};
		open my $f, "<", "$process/stat" or next;
		my ($rest) = (<$f> // next) =~ /.*\) (.*)/;
		$ticks += $_ for (split " ", $rest)[11 .. 14];
	}
	return $ticks * 1e6 / 100;
}

sub delivered {
	my ($p) = @_;
	opendir my $d, "$p->{root}/var/mail/in/bob/new" or return 0;
	return (grep { !/^\./ } readdir $d) + 0;
}

sub give {
	my ($p, @options) = @_;
	my $net = $p->{side}{env}{WORLD_NET};
	my $errors = "$p->{dir}/smtp.err";
	my $said = $p->{side}->output("sh", "-c", 'exec "$@" 2>"$0"', $errors, "tests/world", "enter", $p->{side}{W},
	    "build/$mode/tests/bench/smtp", "--to", "$net.$at{out}:465", "--certificate", $p->{load}{certificate},
	    "--key", $p->{load}{key}, "--trust", $p->{side}{env}{CA}, "--name", "out.test", "--sender", "alice\@a.test",
	    "--recipient", "bob\@b.test", @options);
	my ($fault) = (read_file($errors) =~ s/\s+$//r) =~ /([^\n]*)$/;
	$said =~ m{^(\d+) letters .* in ([\d.]+) s: (\d+)/s; p50 ([\d.]+) ms, p99 ([\d.]+) ms} && $1 > 0
	    or return { fault => $fault || "smtp: $said" };
	return { count => $1, seconds => $2, rate => $3, p50_ms => $4, p99_ms => $5, $fault ne "" ? (fault => $fault) : () };
}

sub measure {
	my ($p, $what, $seconds) = @_;
	my ($kind, $connections) = @$what;
	$p->fresh($kind eq "accept");
	my $before = $p->cpu_us();
	if ($kind eq "accept") {
		my $r = $p->give("--connections", $connections, "--seconds", $seconds);
		$r->{cpu_us} = ($p->cpu_us() - $before) / $r->{count} if $r->{count};
		return $r;
	}
	my ($n, $began) = (150 * $seconds, time);
	my $r = $p->give("--connections", $connections, "--count", $n);
	return $r if $r->{fault};
	my ($had, $since) = (-1, time);
	while ((my $has = $p->delivered()) < $n) {
		($had, $since) = ($has, time) if $has != $had;
		return { fault => "$has of $n letters have come" } if time > $since + 60;
		sleep 0.05;
	}
	my $took = time - $began;
	return { %$r, count => $n, seconds => $took, rate => $n / $took, accept_rate => $r->{rate},
		cpu_us => ($p->cpu_us() - $before) / $n };
}

1;
