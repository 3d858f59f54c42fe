# smtp — hosts that speak SMTP, played by tests/tools/smtp_peer and smtp_talk.  For tests that use e2e/lib.sh.
#
#	outside DOMAIN ADDRESS [KIND...]	its records (MX mx.DOMAIN, address, SPF pass from there, PTR) and the host's
#						certificate ($T/DOMAIN.pem, .key; kinds: tests/lib/ca.sh)
#	mx_up NAME ADDRESS[:PORT] [WORD=VALUE]...	a server beside the test; what it says is in $T/NAME.log, the letters
#						it takes are $T/NAME/1.letter ...  Words: smtp_peer.c; on=DOMAIN: with
#						its certificate and name
#	mx_down NAME
#	talk ADDRESS[:PORT] [WORD=VALUE]...	a client; its script is standard input.  Words: smtp_talk.c; as=DOMAIN:
#						with its certificate
#	smtp_begin NAME				the lines of a script up to EHLO in TLS
#	letters_of NAME				how many letters that server has taken

outside() {
	_domain=$1 _at=$2
	shift 2
	set -- $(tests/world cert "$W" --domain "mx.$_domain" "$@")
	[ $# -eq 2 ] && cp "$1" "$T/$_domain.pem" && cp "$2" "$T/$_domain.key" || return 1
	tests/world zone "$W" "$_domain. 60 IN MX 10 mx.$_domain.
mx.$_domain. 60 IN A $_at
$(echo "$_at" | awk -F. '{ print $4 "." $3 "." $2 "." $1 }').in-addr.arpa. 60 IN PTR mx.$_domain.
$_domain. 60 IN TXT \"v=spf1 ip4:$_at -all\"
mx.$_domain. 60 IN TXT \"v=spf1 a -all\""
}

# The words on= and as= are replaced by what they mean.
smtp_words() {
	for _word in "$@"; do
		case $_word in
		on=*) printf '%s\n' "cert=$T/${_word#on=}.pem" "key=$T/${_word#on=}.key" "name=mx.${_word#on=}" ;;
		as=*) printf '%s\n' "cert=$T/${_word#as=}.pem" "key=$T/${_word#as=}.key" ;;
		*) printf '%s\n' "$_word" ;;
		esac
	done
}
smtp_at() { case $1 in *:*) echo "$1" ;; *) echo "$1:25" ;; esac; }

mx_up() {
	_name=$1 _at=$(smtp_at "$2")
	shift 2
	mkdir -p "$T/$_name"
	smtp_words "$@" >"$T/$_name.words"
	mx_serves "$_name" "$_at" &
	echo $! >"$T/$_name.pid"
	pids="$pids $!"
	eventually 10 grep -qx ready "$T/$_name.log"
}
mx_serves() {
	_name=$1 _at=$2
	set --
	while IFS= read -r _word; do set -- "$@" "$_word"; done <"$T/$_name.words"
	exec tests/world enter "$W" "build/$MODE/tests/tools/smtp_peer" "$_at" "folder=$T/$_name" "$@" >"$T/$_name.log" 2>&1
}
mx_down() {
	kill "$(cat "$T/$1.pid")"
	wait "$(cat "$T/$1.pid")" 2>/dev/null || :
}

talk() {
	_at=$(smtp_at "$1")
	shift
	smtp_words "$@" >"$T/talk.words"
	set --
	while IFS= read -r _word; do set -- "$@" "$_word"; done <"$T/talk.words"
	tests/world enter "$W" "build/$MODE/tests/tools/smtp_talk" "$_at" "$@" 2>&1
}

smtp_begin() { printf '%s\n' "EHLO $1" STARTTLS '!tls' "EHLO $1"; }

letters_of() { find "$T/$1" -name '*.letter' | wc -l; }
