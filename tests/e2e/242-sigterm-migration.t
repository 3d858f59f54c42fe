#!/bin/sh
# SIGTERM before an oms or an ims has made its store of an older version: a clean end, and the next start does it.
. tests/e2e/lib.sh
plan 12

world_up --domains a.test,b.test
spool=$W/a.test/var/oms
tests/world stop "$W" oms a.test
rm -rf "$spool"/*
gzip -dc tests/fixtures/oms.tgz | tar -xf - -C "$spool" --no-same-owner
chown -R --reference="$spool" "$spool"/*

# The signal has come before the daemon begins.
cat >"$T/ended" <<'PERL'
use POSIX;
sigprocmask(SIG_BLOCK, POSIX::SigSet->new(SIGTERM));
kill "TERM", $$;
exec @ARGV;
PERL
UNDER="perl $T/ended" tests/world start "$W" oms a.test >"$T/start" 2>&1
like "it stops in order" "$(tail -1 "$OMS_LOG_a_test")" 'daemon\.stopped status=0$'
like "and says why" "$(cat "$OMS_LOG_a_test")" 'store\.migrating letters=0 all=100 stopped=yes$'
ok "the older store is there" test -f "$spool/data.mdb"
ok "and no new one" test ! -e "$spool/store"
ok "the next start goes well" tests/world start "$W" oms a.test
like "and has all letters" "$(oms a.test status --json)" '"letters": ?100[,}]'

store=$W/b.test/var/ims
tests/world stop "$W" ims b.test
rm -rf "$store"/*
gzip -dc tests/fixtures/ims.tgz | tar -xf - -C "$store" --no-same-owner
chown -R --reference="$store" "$store"/*
UNDER="perl $T/ended" tests/world start "$W" ims b.test >"$T/start" 2>&1
like "an ims stops in order" "$(tail -1 "$IMS_LOG_b_test")" 'daemon\.stopped status=0$'
like "and says why" "$(cat "$IMS_LOG_b_test")" 'store\.migrating notices=0 all=[0-9]+ stopped=yes$'
ok "its older store is there" test -f "$store/data.mdb"
ok "and no new one" test ! -e "$store/store"
ok "the next start goes well" tests/world start "$W" ims b.test
like "and has notices" "$(ims b.test status --json)" '"notices": ?[1-9]'
