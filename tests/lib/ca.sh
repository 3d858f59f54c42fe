# ca — certificate authorities, certificates of every kind and CRLs, by the openssl command.
#
# Everything of authority NAME lies in DIR/ca/NAME; `root` is the one that the world trusts.  CRLs
# are served as NAME.crl from DIR/www, and those of trusted authorities lie in DIR/crls as well.
# A certificate lies in DIR/certs as N.pem (leaf, then intermediates) with N.key and N.ca (who
# issued it).  Wants: $dir, $crl_url (where DIR/www is served), $daemon_group.

ca_time() { date -u -d "@$(($(date +%s) + $1))" +%Y%m%d%H%M%SZ; }

ca_conf() {
	cat <<END
[ca]
default_ca = this
[this]
dir = $1
database = \$dir/index.txt
new_certs_dir = \$dir/issued
certificate = \$dir/cert.pem
private_key = \$dir/key.pem
crlnumber = \$dir/crlnumber
rand_serial = yes
unique_subject = no
email_in_dn = no
default_md = sha256
policy = any
copy_extensions = none
crl_extensions = crl
[any]
commonName = optional
[crl]
authorityKeyIdentifier = keyid:always
[req]
distinguished_name = any
[root]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[intermediate]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid:always
crlDistributionPoints = URI:$crl_url/$2.crl
$3
END
}

# What openssl says is shown only where it fails.
quietly() {
	if ! "$@" >"$dir/ca/openssl.out" 2>&1; then
		cat "$dir/ca/openssl.out" >&2
		echo "world: failed: $*" >&2
		return 1
	fi
}

key_new() {	# FILE KIND
	case $2 in
	p256) set -- "$1" EC ec_paramgen_curve:P-256 ;;
	p384) set -- "$1" EC ec_paramgen_curve:P-384 ;;
	p521) set -- "$1" EC ec_paramgen_curve:P-521 ;;
	rsa*) set -- "$1" RSA "rsa_keygen_bits:${2#rsa}" ;;
	ed25519 | ed448) set -- "$1" "$2" "" ;;
	*) echo "world: no kind of key: $2" >&2; return 64 ;;
	esac
	(umask 077 && quietly openssl genpkey -algorithm "$2" ${3:+-pkeyopt "$3"} -out "$1")
}

# ca_new NAME [ISSUER [CONSTRAINT]]: a root of its own, or an intermediate of ISSUER.
ca_new() {
	_ca=$dir/ca/$1
	[ ! -f "$_ca/crl.pem" ] || return 0
	mkdir -p "$_ca/issued"
	: >"$_ca/index.txt"
	echo 01 >"$_ca/crlnumber"
	ca_conf "$_ca" "${2:-$1}" "${3:+nameConstraints = $3}" >"$_ca/openssl.cnf"
	key_new "$_ca/key.pem" p256 || return 1
	if [ -z "${2:-}" ]; then
		quietly openssl req -x509 -new -config "$_ca/openssl.cnf" -extensions root -sha256 \
		    -key "$_ca/key.pem" -subj "/CN=World $1" -days 3650 -out "$_ca/cert.pem" || return 1
		: >"$_ca/chain.pem"
	else
		quietly openssl req -new -config "$_ca/openssl.cnf" -key "$_ca/key.pem" \
		    -subj "/CN=World $1" -out "$_ca/request.pem" || return 1
		quietly openssl ca -batch -notext -config "$dir/ca/$2/openssl.cnf" \
		    -extfile "$_ca/openssl.cnf" -extensions intermediate -days 3000 \
		    -in "$_ca/request.pem" -out "$_ca/cert.pem" || return 1
		cat "$_ca/cert.pem" "$dir/ca/$2/chain.pem" >"$_ca/chain.pem"
		: >"$_ca/trusted"
	fi
	[ "$1" != root ] || : >"$_ca/trusted"
	crl_new "$1" 0 604800
}

# crl_new NAME FROM TO (seconds from now): in both places, each replaced in one step.
crl_new() {
	_ca=$dir/ca/$1
	quietly openssl ca -gencrl -config "$_ca/openssl.cnf" -crl_lastupdate "$(ca_time "$2")" \
	    -crl_nextupdate "$(ca_time "$3")" -out "$_ca/crl.pem" || return 1
	quietly openssl crl -in "$_ca/crl.pem" -outform DER -out "$dir/www/.new" || return 1
	chmod 644 "$dir/www/.new"
	mv "$dir/www/.new" "$dir/www/$1.crl"
	[ -f "$_ca/trusted" ] || return 0
	cp "$_ca/crl.pem" "$dir/crls/.new"
	chmod 644 "$dir/crls/.new"
	mv "$dir/crls/.new" "$dir/crls/$1.pem"
}

# The kinds: each option changes one of the properties below.
cert_option() {
	case $1 in
	--domain) used=2 ;;				# taken before all others
	--names) san=$2; used=2 ;;			# DNS:x,DNS:y,IP:z
	--label) san="DNS:tillcalled.$domain" ;;
	--wildcard) san="DNS:*.${domain#*.}, DNS:*.$domain" ;;
	--cn-only) san= ;;
	--expired) from=-3456000 to=-864000 ;;
	--future) from=172800 ;;
	--days) to=$(($2 * 86400)); used=2 ;;
	--seconds) to=$2; used=2 ;;			# valid for this long from now
	--short) to=518400 cdp= ;;
	--no-cdp) cdp= ;;
	--cdp) cdp=$2; used=2 ;;			# URL,URL: distribution points of one's own
	--no-rev-avail) cdp= extra="2.5.29.56 = DER:0500" ;;
	--critical) extra="1.3.6.1.4.1.99999.1 = critical, DER:0500" ;;
	--client-auth) eku=clientAuth ;;
	--both-auth) eku="serverAuth, clientAuth" ;;
	--any-eku) eku=anyExtendedKeyUsage ;;
	--no-eku) eku= ;;
	--no-key-usage) ku= ;;
	--no-aki) aki=none ;;
	--as-ca) bc="critical, CA:TRUE" ku="critical, digitalSignature, keyCertSign" ;;
	--sha1) md=sha1 ;;
	--rsa) key=rsa2048 ;;
	--rsa1024 | --rsa3072 | --p384 | --p521 | --ed25519 | --ed448) key=${1#--} ;;
	--v1) v1=yes ;;
	--serial) serial=$2; used=2 ;;			# 0xHEX
	--selfsigned | --self-signed) issuer= ;;
	--ca) issuer=$2; ca_new "$2" || return; used=2 ;;
	--intermediate) issuer=intermediate; ca_new intermediate root || return ;;
	--under) issuer=$2; ca_new "$2" root || return; used=2 ;;	# an intermediate of that name
	--name-constraint) issuer=constrained
		ca_new constrained root "critical, permitted;DNS:elsewhere.test" || return ;;
	--revoked) revoked=yes ;;			# by whoever has asked for it
	*) echo "world: no kind of certificate: $1" >&2; return 64 ;;
	esac
}

cert_ext() {
	echo "[leaf]"
	[ -z "$bc" ] || echo "basicConstraints = $bc"
	[ -z "$ku" ] || echo "keyUsage = $ku"
	[ -z "$eku" ] || echo "extendedKeyUsage = $eku"
	[ -z "$san" ] || echo "subjectAltName = $san"
	echo "subjectKeyIdentifier = hash"
	[ -z "$issuer" ] || echo "authorityKeyIdentifier = $aki"
	[ "$cdp" != yes ] || cdp=$crl_url/$issuer.crl
	[ -z "$cdp" ] || [ -z "$issuer" ] || echo "crlDistributionPoints = URI:$cdp" | sed 's/,/,URI:/g'
	[ -z "$extra" ] || echo "$extra"
}

cert_sign() {	# BASE
	_ca=$dir/ca/$issuer
	quietly openssl req -new -config "$dir/ca/root/openssl.cnf" -key "$1.key" -subj "/CN=$domain" \
	    -out "$1.request" || return 1
	if [ -z "$issuer" ] && [ "$from $to" != "-3600 7776000" ]; then
		quietly openssl ca -batch -notext -config "$dir/ca/root/openssl.cnf" -selfsign -keyfile "$1.key" \
		    -extfile "$1.ext" -extensions leaf -md $md -startdate "$(ca_time $from)" \
		    -enddate "$(ca_time $to)" -in "$1.request" -out "$1.leaf"
	elif [ -z "$issuer" ]; then
		quietly openssl x509 -req -in "$1.request" -signkey "$1.key" -days $((to / 86400)) \
		    -"$md" -extfile "$1.ext" -extensions leaf -out "$1.leaf"
	elif [ -n "$v1$serial" ]; then
		quietly openssl x509 -req -in "$1.request" -CA "$_ca/cert.pem" -CAkey "$_ca/key.pem" \
		    -days $((to / 86400)) -"$md" -set_serial "${serial:-4711}" \
		    $([ -n "$v1" ] || echo "-extensions leaf -extfile $1.ext") -out "$1.leaf"
	else
		quietly openssl ca -batch -notext -config "$_ca/openssl.cnf" -extfile "$1.ext" \
		    -extensions leaf -md $md -startdate "$(ca_time $from)" -enddate "$(ca_time $to)" \
		    -in "$1.request" -out "$1.leaf"
	fi
}

# cert_new OPTIONS...: sets $cert to the base of the new files' names.
cert_new() {
	domain= from=-3600 to=7776000 md=sha256 key=p256 issuer=root revoked= v1= serial=
	bc="critical, CA:FALSE" ku="critical, digitalSignature" eku=serverAuth aki=keyid:always
	cdp=yes extra= san=default
	_was=
	for _word in "$@"; do
		case $_was$_word in --domain=*) domain=${_word#*=} ;; esac
		[ "$_was" != --domain ] || domain=$_word
		_was=$_word
	done
	[ -n "$domain" ] || { echo "world: cert wants --domain D" >&2; return 64; }
	while [ $# -gt 0 ]; do
		used=1
		case $1 in --domain=*) shift; continue ;; --*) [ $# -gt 1 ] || set -- "$1" "" ;; esac
		cert_option "$1" "${2:-}" || return
		shift $used
		[ "${1-x}" != "" ] || shift
	done
	[ "$san" != default ] || san="DNS:$domain"
	_n=1
	while ! mkdir "$dir/certs/.$domain-$_n" 2>/dev/null; do _n=$((_n + 1)); done
	_base=$dir/certs/$domain-$_n
	cert_ext >"$_base.ext"
	key_new "$_base.key" "$key" && cert_sign "$_base" || return 1
	if [ -n "$issuer" ]; then
		cat "$_base.leaf" "$dir/ca/$issuer/chain.pem" >"$_base.pem"
	else
		cp "$_base.leaf" "$_base.pem"
	fi
	echo "$issuer" >"$_base.ca"
	rm -f "$_base.request" "$_base.ext"
	[ -z "$daemon_group" ] || { chgrp "$daemon_group" "$_base.key" && chmod 640 "$_base.key"; }
	cert=$_base
}

cert_revoke() {	# BASE
	_issuer=$(cat "$1.ca") || return 1
	_serial=$(openssl x509 -in "$1.leaf" -noout -serial) || return 1
	grep -q "^R.*	${_serial#*=}	" "$dir/ca/$_issuer/index.txt" ||
	    quietly openssl ca -config "$dir/ca/$_issuer/openssl.cnf" -revoke "$1.leaf" || return 1
	crl_new "$_issuer" 0 604800
}
