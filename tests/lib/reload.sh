# reload — one key of a configuration is changed, reloaded, and set back; after tests/e2e/lib.sh.
#
#	row ROLE HOST SECTION KEY VALUE HOW     HOW: late, or the command that proves that the value counts
#	row_cases FILE...                       "SECTION.KEY" of each row in these tests
#
# In HOW: $key, $section, $log (of the daemon), $conf.

# with SECTION KEY VALUE <FILE: the file with that value.
with() {
	awk -v section="$1" -v key="$2" -v value="$3" '
	    function put() { if (!done) print (section == "-" ? "" : "\t") key " = " value; done = 1 }
	    BEGIN { now = "-" }
	    $NF == "{" && $2 != "=" { now = $1 }
	    /^}/ { if (now == section) put(); now = "-" }
	    $1 == key && $2 == "=" && now == section { put(); next }
	    { print }
	    END { if (section == "-") put() }'
}
reloads() {
	_before=$(log_count "$log" 'daemon\.reload')
	tests/world reload "$W" "$role" "$host"
	more() { [ "$(log_count "$log" 'daemon\.reload')" -gt "$_before" ]; }
	eventually 10 more
}
in_force() { tests/world enter "$W" "build/$MODE/$role" -C "$T/before" check --running | awk -v section="$section" -v key="$key" '
	BEGIN { now = "-" } $NF == "{" && $2 != "=" { now = $1 } /^}/ { now = "-" }
	$1 == key && now == section { sub(/^[^=]*= /, ""); print }'; }
row() {
	role=$1 host=$2 section=$3 key=$4 value=$5 how=$6
	conf=$W/$host/tillcalled.conf
	case $role$host in omsa.test) log=$OMS_LOG_a_test ;; imsa.test) log=$IMS_LOG_a_test ;;
	omsb.test) log=$OMS_LOG_b_test ;; imsb.test) log=$IMS_LOG_b_test ;; esac
	cp "$conf" "$T/before"
	old=$(in_force)
	with "$section" "$key" "$value" <"$T/before" >"$conf"
	_said=$(log_count "$log" 'restart_wanted')
	reloads
	_now=$(in_force) _after=$(log_count "$log" 'restart_wanted')
	if [ "$how" = late ]; then
		is "$key of $section: is not in force" "$_now" "$old"
		like "$key of $section: and said" "$(grep restart_wanted "$log" | tail -1) $((_after - _said))" "changed=$key 1\$"
	else
		isnt_old() { [ "$_now" != "$old" ] && [ "$_after" -eq "$_said" ]; }
		ok "$key of $section: is in force" isnt_old
		$how
	fi
	cat "$T/before" >"$conf"
	reloads
}
row_cases() { sed -n 's/^row [a-z]* [a-z.]* \([a-z-]*\) \([a-z-]*\) .*/\1.\2/p' "$@" | sort; }
# A session that is open goes on as it is, so it ends first.
logged() {	# WORD TO
	tests/world stop "$W" ims b.test
	tests/world start "$W" ims b.test
	as alice@a.test send "$2" <"$T/letter" >/dev/null
	ok "$key of $section: and counts" eventually 20 log_has "$log" "$1"
}
