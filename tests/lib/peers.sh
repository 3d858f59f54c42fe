# peers — rows of tests/peers.txt made real.  For tests that use e2e/lib.sh, in a world with b.test.
#
#	peers_make WHERE    for each row of that kind (n, f, s): domain pN.test at NET.1NN, its
#	                    certificate, its records; for s also good.pem, which everybody takes: by
#	                    it a domain gets where its server's bad one is tried
#	peers_each FN...    FN for each row; then $row $name $kind $how $where $word $at_fetch $only_log
#	                    and $domain $address $cert $key, and the words for peer in $shown
#	peers_words notify  the words for peer to speak that protocol as the row has it

peer=build/$MODE/tests/tools/peer

peers_each() {
	fn=$* row=0
	while IFS='|' read -r name kind how where word; do
		case $name in '#'* | '') continue ;; esac
		row=$((row + 1))
		name=$(echo $name) kind=$(echo $kind) how=$(echo $how) where=$(echo $where)
		domain=p$row.test address=$WORLD_NET.$((100 + row)) base=$T/peers/$row
		cert=$base.pem key=$base.key
		set -- $word
		word=$1 at_fetch=${2:-$1} only_log=
		case $word in '('*) only_log=yes word=${word#?} word=${word%?} at_fetch=$word ;; esac
		peers_how
		$fn </dev/null
	done <tests/peers.txt
}

peers_how() {
	hello=$domain sni=b.test spf= srv=both leaf= shown= from=$address alpn=
	for _w in $how; do
		case $_w in
		hello=*) hello=$(echo "${_w#*=}" | sed "s/D\$/$domain/") ;;
		sni=*) sni=${_w#*=} ;;
		alpn=*) alpn=${_w#*=} ;;
		spf=*) spf=${_w#*=} ;;
		srv=*) srv=${_w#*=} ;;
		from=elsewhere) from=$WORLD_NET.99 ;;
		leaf) leaf=yes ;;
		*) shown="$shown $_w" ;;
		esac
	done
	[ "$kind" = - ] || shown="$shown cert=$cert key=$key"
}

peers_words() {
	echo "from=$from $shown"
	[ "$sni" = - ] || echo "sni=$sni"
	case $alpn in '') echo "alpn=tillcalled-$1/1" ;; -) ;; *) echo "alpn=$alpn" ;; esac
}

# dead.test is a domain whose name server does not answer.
peers_make() {
	mkdir "$T/peers"
	cat >"$T/zone" <<END
dead.test. 60 IN NS ns.dead.test.
ns.dead.test. 60 IN A $WORLD_NET.250
END
	peers_each peers_one "$1"
	tests/world zone "$W" "$(cat "$T/zone")"
	rm "$W/crls/lost.pem" "$W/www/lost.crl"
	tests/world crl "$W" stale -7200 -3600
	peers_forge forged
}

peers_one() {
	case $where in *"$1"*) ;; *) return ;; esac
	if [ "$kind" != - ]; then
		_kind=$(echo "$kind" | sed "s/:D\$/:$domain/; s/\\.D\$/.$domain/; s/@D\$/@$domain/; s,/D/,/$domain/,; s/:N\$/:$address/")
		peers_take "$base" $(tests/world cert "$W" --domain "$domain" $_kind)
		[ -z "$leaf" ] || openssl x509 -in "$cert" -out "$cert.leaf"
		[ -z "$leaf" ] || mv "$cert.leaf" "$cert"
	fi
	case $1 in s) peers_take "$base.good" $(tests/world cert "$W" --domain "$domain") ;; esac
	cat >>"$T/zone" <<END
$domain. 60 IN MX 10 host.$domain.
host.$domain. 60 IN A $address
END
	peers_srv
	[ "$spf" = - ] || echo "$domain. 60 IN TXT \"v=spf1 ${spf:-ip4:$address -all}\"" >>"$T/zone"
}

peers_srv() {
	case $srv in both | _ims) echo "_ims._tcp.$domain. 60 IN SRV 0 1 1471 host.$domain." >>"$T/zone" ;; esac
	case $srv in both | _oms) echo "_oms._tcp.$domain. 60 IN SRV 0 1 1470 host.$domain." >>"$T/zone" ;; esac
	case $srv in .) echo "_ims._tcp.$domain. 60 IN SRV 0 0 0 ." >>"$T/zone" ;; esac
	case $srv in lost) echo "_oms._tcp.$domain. 60 IN CNAME _oms._tcp.$domain." >>"$T/zone" ;; esac
}

peers_take() { [ $# -eq 3 ] && cp "$2" "$1.pem" && cp "$3" "$1.key"; }

# A CRL that bears the CA's name and is signed by somebody else's key.
peers_forge() {
	_ca=$W/ca/$1
	openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$T/forger.key" 2>/dev/null &&
	    openssl req -x509 -new -config "$_ca/openssl.cnf" -extensions root -key "$T/forger.key" \
		-subj "/CN=World $1" -out "$T/forger.pem" &&
	    openssl ca -gencrl -config "$_ca/openssl.cnf" -keyfile "$T/forger.key" -cert "$T/forger.pem" \
		-crldays 7 -out "$T/forger.crl" 2>/dev/null &&
	    openssl crl -in "$T/forger.crl" -outform DER -out "$W/www/$1.crl" &&
	    cp "$T/forger.crl" "$W/crls/$1.pem" && chmod 644 "$W/crls/$1.pem" "$W/www/$1.crl"
}
