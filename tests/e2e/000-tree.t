#!/bin/sh
# The shape of the tree: its top, its goals, its map, and that lint sees what it is there for.
. tests/e2e/lib.sh
plan 58

named="README.md LICENSE Makefile oms ims mc common proto tests"
stray=$(ls | grep -vx build | grep -vxF "$(printf '%s\n' $named)")
is "nothing else at the top" "$stray" ""
is "all of it is there" "$(ls -d $named 2>"$T/missing" | wc -l)" "$(echo $named | wc -w)"

goals="all deps demo check check-asan check-tsan check-valgrind fuzz bare lint map format help clean"
help=$(make -s help)
lost=
for goal in $goals; do printf '%s\n' "$help" | grep -q "^  $goal  *[a-z]" || lost="$lost $goal"; done
is "make help lists each goal and what it is for" "$lost" ""
unset_goals=$(awk '/^\.PHONY:/ { sub(/.*:/, ""); print }' Makefile)
extra=
for goal in $unset_goals; do
	[ "$goal" = tools ] || printf '%s\n' "$help" | grep -q "^  $goal " || extra="$extra $goal"
done
is "no goal is missing from it" "$extra" ""

modules=$(find common proto oms ims mc -name '*.h' | wc -l)
is "make map has a line for each header" "$(make -s map | grep -c '^\(common\|proto\|oms\|ims\|mc\)/.*\.h ')" "$modules"
is "which says what it is for" "$(make -s map | grep '\.h ' | grep -vE '^[a-z0-9_/.]+ +[a-z0-9_./ ,]+ — .{10,}')" ""

ok "make lint passes" make -s lint

# A copy of the tree with one line planted in it; lint must name the file.
planted() {	# NAME FILE LINE PATTERN
	rm -rf "$T/tree"
	mkdir "$T/tree"
	cp -Rp Makefile README.md .clang-format common proto oms ims mc tests "$T/tree/"
	mkdir "$T/tree/build"
	[ ! -e build/format ] || cp -p build/format "$T/tree/build/"
	mkdir -p "$(dirname "$T/tree/$2")"
	printf '%s\n' "$3" >>"$T/tree/$2"
	found=$(make -s -C "$T/tree" lint 2>&1) && found="nothing; $found"
	like "$1" "$found" "$4"
}
planted "lint sees an upward include" proto/line.c '#include "oms/store/store.h"' "^proto/line\.c:[0-9]+: proto may not include oms/store/store\.h"
planted "and one between the two middle floors" proto/line.c '#include "common/store/db.h"' \
    "^proto/line\.c:[0-9]+: proto may not include common/store/db\.h"
planted "and one between two rooms of a level" common/spf/spf.c '#include "common/tls/tls.h"' \
    "^common/spf/spf\.c:[0-9]+: common/spf may not include common/tls/tls\.h"
planted "and one from another role" oms/run.c '#include "ims/run.h"' "^oms/run\.c:[0-9]+: oms may not include ims/run\.h"
planted "and a private header used from elsewhere" common/net/conn.c '#include "common/tls/tls_private.h"' \
    "^common/net/conn\.c:[0-9]+: common/tls/tls_private\.h is private to common/tls"
planted "and one from base" common/base/buf.c '#include "proto/line.h"' "^common/base/buf\.c:[0-9]+: .* may not include proto/line\.h"
planted "and a second door" oms/main.c '#include <lmdb.h>' "^oms/main\.c:[0-9]+: <lmdb\.h> is included only in common/store/db_private\.h"
planted "and a library in proto" proto/line.c '#include <openssl/evp.h>' "^proto/line\.c:[0-9]+: <openssl/evp\.h> is included only in"
planted "and a cycle" common/base/span.h '#include "common/base/buf.h"' "common/base/(buf|span)\.h: includes itself"
planted "and a circle between two rooms" common/tls/tls.h '#include "common/net/dial.h"' \
    "^common/tls/tls\.h:[0-9]+: common/tls may not include common/net/dial\.h"
planted "and a circle of three files in one room" common/net/listen.h '#include "common/net/dial.h"' \
    "^common/net/(conn|dial|listen)\.h: includes itself"
planted "and a private header that a test includes" tests/unit/tls.c '#include "common/tls/tls_private.h"' \
    "^tests/unit/tls\.c:[0-9]+: common/tls/tls_private\.h is private to common/tls"
planted "and one of the same role" oms/run.c '#include "oms/store/store_private.h"' \
    "^oms/run\.c:[0-9]+: oms/store/store_private\.h is private to oms/store"
planted "and a library beside its one door" common/store/body.c '#include <lmdb.h>' \
    "^common/store/body\.c:[0-9]+: <lmdb\.h> is included only in common/store/db_private\.h"
planted "and an include without its blank" common/store/body.c '  #include<lmdb.h>' \
    "^common/store/body\.c:[0-9]+: <lmdb\.h> is included only in common/store/db_private\.h"
planted "and a table in a store on kv" oms/store/store_letter.c '#include "common/store/db.h"' \
    "^oms/store/store_letter\.c:[0-9]+: a store is on kv, and may not include common/store/db\.h"
planted "and the keys of one" oms/run.c '#include "common/store/db_key.h"' \
    "^oms/run\.c:[0-9]+: a store is on kv, and may not include common/store/db_key\.h"
planted "also of the ims" ims/store/part_mailbox.c '#include "common/store/db.h"' \
    "^ims/store/part_mailbox\.c:[0-9]+: a store is on kv, and may not include common/store/db\.h"
planted "and a transaction that it only names" ims/store/store_private.h 'struct db_txn;' \
    "^ims/store/store_private\.h:[0-9]+: a store is on kv, and may not name db_txn"
planted "and a name without a subject" common/base/util.c '/* nothing */' "^common/base/util\.c: a file without a subject"
planted "and a function that a header names and nobody has" common/base/span.h '/* See span_of_nothing(). */' \
    "^common/base/span\.h:[0-9]+: span_of_nothing\( is named, and there is none"
planted "and one that only a string contains" common/base/span.h '/* See frobnicate(). */' \
    "^common/base/span\.h:[0-9]+: frobnicate\( is named, and there is none"
planted "and one that a header declares and nobody calls" common/base/span.h 'bool span_of_nobody(struct span s);' \
    "^common/base/span\.h:[0-9]+: span_of_nobody\( is declared, and nobody calls it"
planted "and a file that a comment names and nobody has" proto/line.c '/* As in proto/lines.h. */' \
    "^proto/line\.c:[0-9]+: proto/lines\.h is named, and there is none"
planted "and one that lint names" tests/lint/doors.awk '# common/store/nothing.c' \
    "^tests/lint/doors\.awk:[0-9]+: common/store/nothing\.c is named, and there is none"
planted "and a document that is not in the tree" proto/line.c '/* See DECISIONS 2. */' \
    "^proto/line\.c:[0-9]+: cites a document that is not in the tree"
planted "and a peer's line that nothing limits" oms/run.c 'void f(void) { log_fact(LOG_INFO, "notify.ready", "x=1"); }' \
    "^oms/run\.c:[0-9]+: log_fact of notify\.ready"
planted "and a cure that nobody can paste" oms/run.c '#define CURE "try again:  %s user add ADDRESS"' \
    "^oms/run\.c:[0-9]+: a cure that cannot be pasted"
# The planted line is the last of the file, in a section of promises once more.
promise='## 99 Promises
'
planted "and a promise whose reply no transcript has" proto/SPEC.md \
    "$promise"'| fetch | `DONE` | `250 2.0.1` | the delivery: it is fetched | nothing | STATUS MUST show it |' \
    "^proto/SPEC\.md:[0-9]+: no transcript has the reply 250 2\.0\.1 to DONE after it is durable"
planted "and one of a request that is not in the grammar" proto/SPEC.md \
    "$promise"'| fetch | `AGAIN` | - | the delivery: it is fetched | nothing | STATUS MUST show it |' \
    "^proto/SPEC\.md:[0-9]+: section fetch has no request AGAIN"
planted "and one that no partition makes" proto/SPEC.md \
    "$promise"'| fetch | `DONE` | `250 2.0.0` | whoever is first | nothing | STATUS MUST show it |' "^proto/SPEC\.md:[0-9]+: no partition makes this promise"
planted "and one that requires nothing" proto/SPEC.md \
    "$promise"'| fetch | `DONE` | `250 2.0.0` | the delivery: it is fetched | nothing | STATUS shows it |' "^proto/SPEC\.md:[0-9]+: nothing is required from then on"
planted "and a file that stands" proto/line.c '/* It stands in the table. */' "^proto/line\.c:[0-9]+: stands"
planted "and one that stands alone" proto/line.c '/* It stands alone. */' "^proto/line\.c:[0-9]+: stands"
planted "and one that stood back" proto/line.c '/* Those that stood back. */' "^proto/line\.c:[0-9]+: stands"
planted "and what comes behind" proto/line.c '/* What comes behind it. */' "^proto/line\.c:[0-9]+: behind"
planted "and what lasts so long" proto/line.c '/* It lasts so long. */' "^proto/line\.c:[0-9]+: so long"
planted "and a bare who" proto/line.c '/* Who asks waits for it. */' "^proto/line\.c:[0-9]+: who"
planted "and one within a sentence" proto/line.c '/* It stays as long as who reads it has it. */' "^proto/line\.c:[0-9]+: who"
planted "and one after a comma" proto/line.c '/* The rest, who asks now is not refused. */' "^proto/line\.c:[0-9]+: who"
planted "and one at the start of a clause" proto/line.c '/* later: who waits, waits in the queue */' "^proto/line\.c:[0-9]+: who"
planted "and one for a test's title" tests/e2e/020-demo.t 'ok "who goes, too" true' "^tests/e2e/020-demo\.t:[0-9]+: who"
planted "and what is had" proto/line.c '/* The answer is had from DNS. */' "^proto/line\.c:[0-9]+: had"
planted "and what is not of its form" proto/line.c '/* The line is not of its form. */' "^proto/line\.c:[0-9]+: of its form"
planted "and a chain of passives" proto/line.c '/* What was said is told. */' "^proto/line\.c:[0-9]+: a chain of passives"
planted "and one of other verbs" proto/line.c '/* and what was heard is believed */' "^proto/line\.c:[0-9]+: a chain of passives"
planted "and a verb at the end" proto/line.c '/* It is by us answered. */' "^proto/line\.c:[0-9]+: a verb at the end"
planted "and at the end of a chain" proto/line.c '/* What is asked by the peer is by us answered. */' \
    "^proto/line\.c:[0-9]+: a verb at the end"
planted "and one in a message" proto/line.c 'static const char planted[] = "it is had from DNS";' "^proto/line\.c:[0-9]+: had"
planted "and one in a manual" mc/mc.1 'It lasts so long.' "^mc/mc\.1:[0-9]+: so long"
if command -v clang-format >/dev/null; then
	planted "and a line that is not of the format" proto/line.c 'static  int x ;' "^proto/line\.c:[0-9]+:.*code should be clang-formatted"
else
	skip "and a line that is not of the format" "clang-format is not installed"
fi
