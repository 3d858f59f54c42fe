# Mta — a real Postfix, Exim or OpenSMTPD in the network of a world: Debian's packages in a throw-away root
# (tests/interop/root), with a certificate of serverAuth alone for mx.NAME.test, which it shows as server and as client.
#
#	my $m = Mta->new("postfix", 81, $world, $folder);	# the host 192.0.2.81
#	$m->up(strict => 1);	# clients must show a certificate that it believes
#	$m->inject($script);	# for smtp_talk: from an address that may relay
#	$m->letters();		# the files of what it has delivered for NAME.test
#	$m->is_idle();		# nothing is in its queue
#	$m->down();
#
# It takes letters for NAME.test into a Maildir, and relays what comes from 192.0.2.1.  OpenSMTPD only sends, and without a
# certificate: on Debian 12 it cannot sign by a key, be it RSA or EC, TLS 1.2 or 1.3 (its engine does not fit OpenSSL 3).
package Mta;
use strict;
use warnings;
use File::Path qw(make_path);
use Time::HiRes qw(time sleep);

my $mode = $ENV{MODE} || "debug";
my %package = (postfix => "postfix", exim => "exim4-daemon-heavy", opensmtpd => "opensmtpd");
my %start = (
	postfix => "postfix -c /srv/etc start-fg",
	exim => "exim4 -C /srv/exim.conf -bdf -q2s",
	opensmtpd => "mkdir -p /var/spool/smtpd /run; smtpd -d -f /srv/smtpd.conf",
);
my %idle = (
	postfix => ["sh", "-c", 'postqueue -c /srv/etc -p | grep -q "queue is empty"'],
	exim => ["sh", "-c", '[ "$(exim4 -C /srv/exim.conf -bpc)" = 0 ]'],
	opensmtpd => ["sh", "-c", '[ -z "$(smtpctl show queue)" ]'],
);

sub new {
	my ($class, $name, $host, $world, $folder) = @_;
	return bless { name => $name, world => $world, folder => $folder, domain => "$name.test", at => "$world->{net}.$host" }, $class;
}

sub output {
	my (@command) = @_;
	open my $p, "-|", @command or die "interop: $command[0]: $!\n";
	local $/;
	my $said = <$p>;
	close $p;
	return $said // "";
}

sub write_file {
	my ($file, $text) = @_;
	open my $f, ">", $file or die "interop: $file: $!\n";
	print $f $text;
	close $f or die "interop: $file: $!\n";
}

# -- packages ----------------------------------------------------------------------------------------------------

# Fetched once, with what they need and this machine has not.
sub packages {
	my ($m) = @_;
	my $folder = "build/interop/$m->{name}";
	return "$ENV{PWD}/$folder" if -e "$folder/had";
	make_path($folder);
	my $want = $package{$m->{name}};
	my @names = output("sh", "-c", "apt-get -s install --no-install-recommends $want 2>&1") =~ /^Inst (\S+)/mg;
	push @names, $want if !grep { $_ eq $want } @names;
	system("sh", "-c", "cd $folder && apt-get download @names >apt.log 2>&1") == 0
	    or die "interop: apt-get does not give the packages of $m->{name}: " . output("tail", "-3", "$folder/apt.log");
	write_file("$folder/had", "");
	return "$ENV{PWD}/$folder";
}

# -- configuration -----------------------------------------------------------------------------------------------

sub postfix_conf {
	my ($m, %o) = @_;
	my $srv = "$m->{folder}/srv";
	make_path("$srv/etc");
	my %main = (
		compatibility_level => "3.6",
		myhostname => "mx.$m->{domain}", mydestination => "", mynetworks => "$m->{world}{net}.1/32",
		inet_interfaces => $m->{at}, inet_protocols => "ipv4", smtp_bind_address => $m->{at},
		maillog_file => "/srv/log", maillog_file_prefixes => "/srv",
		virtual_mailbox_domains => $m->{domain}, virtual_mailbox_base => "/srv/mail",
		virtual_mailbox_maps => "static:inbox/", virtual_uid_maps => "static:5000", virtual_gid_maps => "static:5000",
		virtual_mailbox_limit => 0, mailbox_size_limit => 0, message_size_limit => 0, alias_maps => "", alias_database => "",
		smtpd_relay_restrictions => "permit_mynetworks, reject_unauth_destination",
		smtpd_tls_security_level => "may", smtpd_tls_ask_ccert => "yes", smtpd_tls_loglevel => 1,
		smtpd_tls_cert_file => "/srv/cert.pem", smtpd_tls_key_file => "/srv/key.pem", smtpd_tls_CAfile => "/srv/trust.pem",
		smtp_tls_security_level => "encrypt", smtp_tls_loglevel => 1,
		smtp_tls_cert_file => "/srv/cert.pem", smtp_tls_key_file => "/srv/key.pem", smtp_tls_CAfile => "/srv/trust.pem",
		# Nothing is to be changed on the way.
		message_drop_headers => "", local_header_rewrite_clients => "", always_add_missing_headers => "no",
		smtputf8_enable => "yes", in_flow_delay => 0, biff => "no", smtpd_forbid_bare_newline => "no",
		queue_run_delay => "2s", minimal_backoff_time => "2s", maximal_backoff_time => "4s",
		smtpd_client_connection_count_limit => 0,
		$o{strict} ? (smtpd_tls_security_level => "encrypt", smtpd_tls_req_ccert => "yes") : (),
		%{$o{main} // {}},
	);
	write_file("$srv/etc/main.cf", join "", map { "$_ = $main{$_}\n" } sort keys %main);
	return <<END;
install -d -o root -g root /srv/etc /var/spool/postfix /srv/mail
install -d -o postfix -g root /var/lib/postfix
sed 's/^\\([^ ]*  *\\(unix\\|fifo\\|inet\\)  *[^ ]*  *[^ ]*  *\\)[^ ]*/\\1n/' /usr/share/postfix/master.cf.dist >/srv/etc/master.cf
grep -q ^postlog /srv/etc/master.cf || echo "postlog unix-dgram n - n - 1 postlogd" >>/srv/etc/master.cf
cp /etc/postfix/dynamicmaps.cf /etc/postfix/postfix-files /srv/etc/ 2>/dev/null || cp /usr/share/postfix/postfix-files /srv/etc/ || :
END
}

sub exim_conf {
	my ($m, %o) = @_;
	my $verify = $o{strict} ? "tls_verify_hosts" : "tls_try_verify_hosts";
	write_file("$m->{folder}/srv/exim.conf", <<END);
primary_hostname = mx.$m->{domain}
domainlist own = $m->{domain}
hostlist may_relay = $m->{world}{net}.1
local_interfaces = $m->{at}
daemon_smtp_ports = 25
log_file_path = /srv/exim-%slog
log_selector = +tls_peerdn +smtp_protocol_error +tls_certificate_verified
acl_smtp_rcpt = rcpt
acl_smtp_data = accept
tls_advertise_hosts = *
tls_certificate = /srv/cert.pem
tls_privatekey = /srv/key.pem
tls_verify_certificates = /srv/trust.pem
$verify = *
smtputf8_advertise_hosts = *
chunking_advertise_hosts =
message_size_limit = 1G
smtp_accept_max = 60
smtp_accept_max_per_connection = 0
smtp_accept_queue_per_connection = 0
bounce_message_file =
ignore_bounce_errors_after = 1s
return_path_remove = false
envelope_to_remove = false
delivery_date_remove = false
keep_environment =
begin acl
rcpt:
  accept hosts = +may_relay
         control = suppress_local_fixups
  accept domains = +own
  deny message = relay not permitted
begin routers
inward:
  driver = accept
  domains = +own
  transport = maildir
outward:
  driver = dnslookup
  transport = smtp
begin transports
smtp:
  driver = smtp
  interface = $m->{at}
  hosts_require_tls = *
  hosts_try_chunking =
  tls_certificate = /srv/cert.pem
  tls_privatekey = /srv/key.pem
  tls_verify_certificates = /srv/trust.pem
maildir:
  driver = appendfile
  directory = /srv/mail/inbox
  maildir_format
  create_directory
  user = 5000
  group = 5000
  return_path_add
  envelope_to_add
  delivery_date_add
begin retry
* * F,2h,2s
END
	return <<END;
chown root:root /srv/exim.conf
chmod 644 /srv/exim.conf
chown root:Debian-exim /srv/key.pem
chmod 640 /srv/key.pem
install -d -o Debian-exim -g Debian-exim /var/spool/exim4 /var/spool/exim4/db /var/spool/exim4/input /var/spool/exim4/msglog
touch /srv/exim-mainlog /srv/exim-paniclog /srv/exim-rejectlog
chown Debian-exim:Debian-exim /srv/exim-*log
echo /srv/exim.conf >/etc/exim4/trusted_configs 2>/dev/null || :
END
}

sub opensmtpd_conf {
	my ($m, %o) = @_;
	write_file("$m->{folder}/srv/smtpd.conf", <<END);
smtp max-message-size "1G"
queue ttl 2h
listen on $m->{at} hostname mx.$m->{domain}
action "out" relay helo mx.$m->{domain} src $m->{at} tls no-verify
match from any for any action "out"
END
	return <<END;
chown root:root /srv/smtpd.conf
install -d -m 711 -o root -g root /var/spool/smtpd
mkdir -p /var/lib/opensmtpd/empty /var/empty
chown root:opensmtpq /usr/sbin/smtpctl
chmod 2555 /usr/sbin/smtpctl
END
}

# -- its processes -----------------------------------------------------------------------------------------------

sub up {
	my ($m, %o) = @_;
	my ($w, $srv) = ($m->{world}, "$m->{folder}/srv");
	my $debs = $m->packages();
	make_path("$srv/mail/inbox");
	chown 5000, 5000, "$srv/mail", "$srv/mail/inbox";
	chmod 0755, $m->{folder};
	my ($cert, $key) = split " ", output("tests/world", "cert", $w->{W}, "--domain", "mx.$m->{domain}");
	system("cp", $cert, "$srv/cert.pem") == 0 && system("cp", $key, "$srv/key.pem") == 0 &&
	    system("cp", "$w->{W}/trust/root.pem", "$srv/trust.pem") == 0 or die "interop: no certificate for $m->{name}\n";
	chmod 0600, "$srv/key.pem";
	my $conf = "$m->{name}_conf";
	my $prepare = $m->$conf(%o);
	write_file("$srv/start", <<END);
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
rm -f /etc/resolv.conf
echo "nameserver $w->{resolver}" >/etc/resolv.conf
echo "mx.$m->{domain}" >/etc/mailname
cat >>/etc/passwd <<X
postfix:x:5001:5001::/var/spool/postfix:/usr/sbin/nologin
Debian-exim:x:5003:5003::/var/spool/exim4:/usr/sbin/nologin
opensmtpd:x:5004:5004::/var/lib/opensmtpd/empty:/usr/sbin/nologin
opensmtpq:x:5005:5005::/var/lib/opensmtpd/empty:/usr/sbin/nologin
inbox:x:5000:5000::/srv/mail:/usr/sbin/nologin
X
cat >>/etc/group <<X
postfix:x:5001:
postdrop:x:5002:
Debian-exim:x:5003:
opensmtpd:x:5004:
opensmtpq:x:5005:
inbox:x:5000:
X
$prepare
exec </dev/null
$start{$m->{name}} >>/srv/out 2>&1
END
	# Postfix wants its address at an interface.
	system("tests/world enter '$w->{W}' ip addr add $m->{at}/24 dev lo 2>/dev/null");
	$m->{pid} = fork // die "interop: $!\n";
	if ($m->{pid} == 0) {
		setpgrp;
		open STDOUT, ">", "$m->{folder}/root.log";
		open STDERR, ">&", \*STDOUT;
		exec "tests/world", "enter", $w->{W}, "unshare", "-m", "sh", "$ENV{PWD}/tests/interop/root", $m->{folder}, $debs,
		    "sh", "/srv/start";
	}
	for (my $until = time + 60; ;) {
		last if output("tests/world", "enter", $w->{W}, "ss", "-Hltn", "src", "$m->{at}:25") =~ /LISTEN/;
		die "interop: $m->{name} does not start: see $m->{folder}\n" if time > $until || waitpid($m->{pid}, 1) != 0;
		sleep 0.1;
	}
}

# A command in its root.
sub inside {
	my ($m, @command) = @_;
	my @pid = grep { (readlink "/proc/$_/root" // "") eq "$m->{folder}/layers/root" } map { m|(\d+)$| } glob "/proc/[0-9]*";
	return -1 if !@pid;
	return system("nsenter", "-t", $pid[0], "-m", "-n", "-r", "-w", "--", @command);
}

sub is_idle { my ($m) = @_; return $m->inside(@{$idle{$m->{name}}}) == 0 }

sub letters { my ($m) = @_; return glob "$m->{folder}/srv/mail/inbox/new/*" }

sub empty { my ($m) = @_; unlink $m->letters() }

# Its log, since it came up.
sub log { my ($m) = @_; return output("sh", "-c", "cat $m->{folder}/srv/log $m->{folder}/srv/exim-mainlog $m->{folder}/srv/out 2>/dev/null") }

sub down {
	my ($m) = @_;
	my $pid = delete $m->{pid} // return;
	$m->inside("postfix", "-c", "/srv/etc", "stop") if $m->{name} eq "postfix";
	my @all = grep { (readlink "/proc/$_/root" // "") eq "$m->{folder}/layers/root" } map { m|(\d+)$| } glob "/proc/[0-9]*";
	kill "TERM", $pid, @all;
	waitpid $pid, 0;
}

1;
