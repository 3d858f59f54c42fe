#!/bin/sh
# Whatever decides whom to believe is refused where others can change it: by check, at the start, and
# by a daemon that runs, which keeps what it had.
. tests/e2e/lib.sh
plan 37

world_up --domains a.test
ims=build/$MODE/ims
conf=$CONF_a_test
setting() { sed -n "s/^[[:space:]]*$1 = \"\(.*\)\"/\1/p" "$conf" | head -1; }
first() { find "$1" -maxdepth 1 -type f ! -name '.*' | sort | head -1; }

trust=$(setting trust) crls=$(setting crls) store=$(setting store)
cp "$(first "$crls")" "$crls/extra.pem"
chmod 644 "$crls/extra.pem"
starts() { tests/world stop "$W" ims a.test; tests/world start "$W" ims a.test; }
generations() { log_count "$IMS_LOG_a_test" 'tls\.generation'; }

ok "nothing is wrong" tests/world enter "$W" "$ims" -C "$conf" check
mode=$(stat -L -c %a "$(setting key)")
# What, and the mode that others may not have.
while read -r what file bad good; do
	[ -e "$file" ] || { skip "$what" "not here"; continue; }
	generation=$(generations)
	chmod "$bad" "$file"
	status_is "$what: check refuses" 78 tests/world enter "$W" "$ims" -C "$conf" check
	like "$what: and says the cure" "$err" "chmod (go-w|600|640|700) $file"
	case $what in
	CA | CRL)
		# seen without being told
		ok "$what: the running daemon keeps what it had" eventually 20 log_has "$IMS_LOG_a_test" "chmod go-w $file"
		is "$what: without a new generation" "$(generations)" "$generation" ;;
	esac
	status_is "$what: nothing starts" 1 starts
	chmod "$good" "$file"
	ok "$what: cured, it does" starts
done <<END
CA $(first "$trust") 664 644
CRL $crls/extra.pem 666 644
trust $trust 777 755
crls $crls 775 755
certificate $(setting certificate) 664 644
key $(setting key) 644 $mode
accounts $(setting accounts) 660 640
cache $store/crl-cache 755 700
END
