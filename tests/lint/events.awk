# events — who causes each line of the log.  What a peer or a user can cause is logged by log_fact_of, which
# counts it against a share (common/share/share_log.h).  log_fact, which nothing limits, is for the events
# below and no others: of the daemon's own life, of an operator, or bounded where it is logged.
BEGIN {
	# the daemon's start, end and reload; its files
	own("daemon.ready daemon.closing daemon.stopped daemon.signal daemon.reloaded daemon.reload_failed")
	own("daemon.restart_wanted daemon.out_of_reach dns.no-anchor dns.zone body.swept body.counted loop.wait")
	own("tls.file-skipped tls.trust-empty tls.crl-skipped tls.crl-endless tls.reload tls.identity")
	own("tls.own-certificate tls.generation accounts.damaged accounts.missing store.upgrade store.migrating store.migrated")
	own("dkim.keys_kept")		# at a reload
	own("db.died")			# once: the daemon ends
	own("store.sweep")		# one a sweep, each minute
	own("listen.pause")		# one a second
	own("log.missed")		# 100 each few seconds
	# an operator's verbs
	own("mailbox.removed user.forgotten store.purged mailbox.export")
}
function own(list,    names, i, n) { n = split(list, names, " "); for (i = 1; i <= n; i++) allowed[names[i]] = 1 }
FILENAME ~ /^(tests|mc)\// || FILENAME ~ /^common\/base\/log\./ { next }
/(^|[^a-z_])log_fact\(/ { call = ""; from = FNR; inside = 1 }
inside {
	call = call $0
	if ($0 !~ /;/) next
	inside = 0; found = 0
	while (match(call, /"[a-z]+\.[a-z_-]+"/)) {
		event = substr(call, RSTART + 1, RLENGTH - 2); call = substr(call, RSTART + RLENGTH); found = 1
		if (event in allowed) continue
		printf "%s:%d: log_fact of %s: a peer's line goes through log_fact_of\n", FILENAME, from, event; bad = 1
	}
	if (!found) { printf "%s:%d: log_fact of an event that is no literal\n", FILENAME, from; bad = 1 }
}
END { exit bad }
