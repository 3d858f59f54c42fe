# sender — a domain that sends, and whose OMS is played.  For tests that use e2e/lib.sh and lib/peers.sh, in
# a world with b.test; the domain's certificate is in $T/NAME.pem and $T/NAME.key (peers_take).
#
#	announced NAME DOMAIN ADDRESS [RECIPIENT]	its records, a letter of that name ($T/NAME.letter, where there
#							is none yet), and the notice
#	noticed NAME DOMAIN ADDRESS [RECIPIENT]		one more notice of it; ID: by the id it has
#	moved DOMAIN PORT				where its OMS listens from now on
#	host_up NAME HOW ADDRESS:PORT [CERTIFICATE]	beside the test an OMS, for one connection: what HOW NAME
#							prints is sent; the requests are in $T/NAME.heard
#	number_of ADDRESS				the last notice from there in $T/list

announced() {
	tests/world zone "$W" "$2. 60 IN TXT \"v=spf1 ip4:$3 -all\"
host.$2. 1 IN A $3
_oms._tcp.$2. 1 IN SRV 0 1 1470 host.$2."
	[ -e "$T/$1.letter" ] || letter "eve@$2" bob@b.test "$1" "$(seq 100)" >"$T/$1.letter"
	noticed "$@"
}

noticed() {
	LETTER=$T/$1.letter tests/lib/notice.pl "$T/$1.key" "$2" b.test "${4:-bob@b.test}" >"$T/$1.batch"
	printf '%s\n' "HELLO $2" "@$T/$1.batch" | enter "$peer" talk "$IMS_NOTIFY_b_test" "from=$3" sni=b.test \
	    alpn=tillcalled-notify/1 "cert=$T/$1.pem" "key=$T/$1.key" >"$T/$1.notice" 2>&1
}

moved() {
	tests/world zone "$W" --remove "_oms._tcp.$1" SRV
	tests/world zone "$W" "_oms._tcp.$1. 1 IN SRV 0 1 $2 host.$1."
}

host_up() {
	background sender_serves "$@"
	eventually 10 enter sh -c "ss -ltn | grep -q '$3 '"
}
sender_serves() {
	"$2" "$1" | enter timeout 300 openssl s_server -quiet -naccept 1 -accept "$3" -alpn tillcalled-fetch/1 \
	    -cert "$T/${4:-$1}.pem" -key "$T/${4:-$1}.key" >"$T/$1.heard" 2>"$T/$1.err"
}

number_of() { perl -MJSON::PP -e 'while (<STDIN>) { $o = decode_json($_);
    $n = $o->{number} if $o->{from} eq $ARGV[0] } print "$n\n"' "$1" <"$T/list"; }
