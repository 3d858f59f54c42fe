# One Makefile, no recursion into folders: make sees the whole graph.  `make help` lists the goals.

MODE	?= debug
CC	= gcc
B	:= build/$(MODE)
O	:= $B/obj
VERSION	:= 0.1
T	?= 60
N	?= 300
V	?=
# A line a file; V=1 shows the whole commands.
say	= $(if $V,,@echo "  $1 $@";)
again	= @$(MAKE) --no-print-directory -j$$(nproc)

# -- what is built from what -------------------------------------------------------------------

PROGRAMS := oms ims mc
LIB	:= $(wildcard common/*/*.c proto/*.c proto/*/*.c)
UNIT	:= $(wildcard tests/unit/*.c)
PRELOAD	:= tests/tools/clock_shift tests/tools/verify_clock tests/tools/write_count
TOOLS	:= $(filter-out $(PRELOAD:%=%.c),$(wildcard tests/tools/*.c)) $(wildcard tests/bench/*.c) tests/replay.c
FUZZ	:= $(wildcard tests/fuzz/*.c)
OBJ	= $(patsubst %.c,$O/%.o,$1)
ROLE	= $(filter-out $1/main.c,$(wildcard $1/*.c $1/*/*.c))
TIDY	:= $(patsubst %.c,build/tidy/%,$(wildcard common/*/*.c $(foreach r,proto $(PROGRAMS),$r/*.c $r/*/*.c)))
SOURCES	:= $(shell find common proto oms ims mc tests -name '*.[ch]')
PROSE	:= README.md proto/SPEC.md mc/mc.1 Makefile $(shell find tests -type f '!' -name '*.[ch]' '!' -name '*.tgz' '!' -path 'tests/letters/*' '!' -path 'tests/spf/*' '!' -path 'tests/lint/*' '!' -name 000-tree.t)

# -- flags ---------------------------------------------------------------------------------------

WARN	= -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wmissing-prototypes -Wstrict-prototypes \
	  -Wvla -Wformat=2 -Wundef -Werror
HARDEN	= -fPIE -fstack-protector-strong -fstack-clash-protection \
	  -fcf-protection=full -fno-strict-overflow -fno-delete-null-pointer-checks
CFLAGS_debug	= -O1 -fno-omit-frame-pointer $(HARDEN)
# Zeroed by the compiler in what people run, not where tests could find what reads before it is set.
CFLAGS_release	= -O2 -D_FORTIFY_SOURCE=3 -ftrivial-auto-var-init=zero $(HARDEN)
CFLAGS_asan	= -O1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
CFLAGS_tsan	= -O1 -fno-omit-frame-pointer -fsanitize=thread
CFLAGS_fuzz	= -O1 -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined -Wno-error
CFLAGS_rules	= -O1 -DRULE_SWITCHES $(HARDEN)
LDFLAGS_debug	= -pie -Wl,-z,relro,-z,now,-z,noexecstack
LDFLAGS_release	= $(LDFLAGS_debug) -Wl,-z,separate-code
LDFLAGS_rules	= $(LDFLAGS_debug)
LDFLAGS_asan	= -fsanitize=address,undefined
LDFLAGS_tsan	= -fsanitize=thread
LDFLAGS_fuzz	= -fsanitize=fuzzer,address,undefined

CPPFLAGS = -I. -D_GNU_SOURCE -DVERSION='"$(VERSION)"' -MMD -MP
CFLAGS	= -std=c11 -g -pthread $(WARN) $(CFLAGS_$(MODE))
LDFLAGS	= -pthread $(LDFLAGS_$(MODE)) -Wl,--as-needed
LDLIBS	= -lssl -lcrypto -levent_core -levent_extra -levent_pthreads -llmdb -lspf2 -lunbound \
	  -lconfuse -lgsasl -ljansson -lidn2 -ldeflate -lcurl -lpsl
MC_CFLAGS = $(shell pkg-config --cflags gmime-3.0 gumbo | sed 's/-I/-isystem /g')
MC_LIBS	= $(shell pkg-config --libs gmime-3.0 gumbo)

# -- goals -----------------------------------------------------------------------------------------

all: $(PROGRAMS:%=$B/%) tools	## build oms, ims and mc (MODE=debug|asan|tsan|release)
	@for p in $(PROGRAMS); do ln -sfn $(MODE)/$$p build/$$p; done

tools: $(TOOLS:%.c=$B/%) $(UNIT:%.c=$B/%) $(PRELOAD:%=$B/%.so) $B/nosync/oms $B/nosync/ims

# On a new machine there is neither compiler nor pkg-config before `deps`; so the goals that need
# them run in a second make.
deps:				## install the Debian packages that are missing
	@tests/deps

demo: deps			## two domains, one letter, every step (FILE=letter.eml: your own)
	$(again) all
	@tests/demo $(if $(value FILE),'$(subst ','\'',$(value FILE))')

check: deps			## build, lint and run every test
	$(again) all lint
	@tests/run

check-asan: deps		## the same under AddressSanitizer and UBSan
check-tsan: deps		## the same under ThreadSanitizer
check-asan check-tsan:
	$(again) MODE=$(@:check-%=%) all
	@MODE=$(@:check-%=%) tests/run

check-rules: deps		## switch each rule that refuses off: does a test notice?
	$(again) MODE=rules all
	@tests/rules

check-valgrind:			## unit tests and the protocols under valgrind
	@tests/deps valgrind
	$(again) all
	@tests/run --valgrind unit replay

sim: deps			## the store on a simulated distributed engine, new seeds for T=60 seconds
	$(again) $B/tests/unit/kv_model
	@TILLCALLED_SIM_SECONDS=$(T) $B/tests/unit/kv_model

fuzz:				## each fuzz target for T=60 seconds (clang)
	@tests/deps fuzz
	$(again) MODE=fuzz CC=clang $(FUZZ:%.c=build/fuzz/%)
	@tests/fuzz/run $(T)

# BIN=FOLDER, another commit's build/release, and PEERS=postfix: in turn with it, in one run; ROW= takes
# the words of `tests/bench/run --list`.
option	= $(if $(value $2),--$1 '$(subst ','\'',$(value $2))')
bench: deps			## what this machine carries, beside its limits (BIN= PEERS= ROW= PAIRS= SECONDS= LETTERS= RUNS= JSON=)
	$(again) MODE=release all
	@MODE=release tests/bench/run $(call option,bin,BIN) $(call option,peers,PEERS) $(call option,row,ROW) \
	    $(call option,pairs,PAIRS) $(call option,seconds,SECONDS) $(call option,letters,LETTERS) $(call option,runs,RUNS) \
	    $(call option,json,JSON)

profile:			## where the time of a letter goes in row ROW=accept-50 of bench (perf)
	@tests/deps profile
	$(again) MODE=release all
	@MODE=release tests/bench/profile $(call option,row,ROW) $(call option,bin,BIN) $(call option,seconds,SECONDS)

attack: deps			## one domain by 1,000 connections for T=60 seconds against an ims
	$(again) MODE=release all
	@MODE=release ATTACK_SECONDS=$(T) ATTACK_CONNECTIONS=1000 ATTACK_MIB=64 tests/e2e/460-attack.t

fault: deps			## kill -9 oms and ims N=300 times under load: is anything lost? (SEED=)
	$(again) all
	@tests/fault --kills $(N) $(if $(SEED),--seed $(SEED))

# COUNT letters each way (100), LEGS=; STRICT=yes: what servers say that want a certificate; SMUGGLE=N hostile letters.
interop: deps			## letters to and from real Postfix, Exim and OpenSMTPD: does each arrive whole? (root)
	$(again) all
	@tests/interop/run $(call option,count,COUNT) $(call option,legs,LEGS) $(if $(STRICT),--strict) $(call option,smuggle,SMUGGLE)

million: deps			## a spool of 1,000,000 letters: how soon does an oms accept the next?
	$(again) MODE=release all
	@MODE=release tests/million

bare:				## demo and check in a fresh Debian root (debootstrap, root)
	@tests/bare

lint:				## levels of rooms, one door per library, no cycles, no stray names
	@awk -f tests/lint/layers.awk $(SOURCES)
	@awk -f tests/lint/doors.awk $(SOURCES)
	@awk -f tests/lint/stores.awk $(SOURCES)
	@awk -f tests/lint/cycles.awk $(SOURCES)
	@awk -v tree="$$(find common proto oms ims mc tests)" -f tests/lint/names.awk $(SOURCES) tests/lint/*.awk README.md proto/SPEC.md
	@awk -f tests/lint/events.awk $(SOURCES)
	@awk -f tests/lint/cures.awk $(SOURCES)
	@awk -f tests/lint/promises.awk proto/SPEC.md
	@awk -f tests/lint/english.awk $(SOURCES) $(PROSE)
	@tests/lint/format $(SOURCES)

tidy:				## clang-tidy and cppcheck over what has changed since they last ran
	@tests/deps tidy
	@$(MAKE) -s --no-print-directory -j2 $(TIDY)
	@awk '{ print } /^[^ ]+:[0-9]+:[0-9]+: (warning|error): / && !told[$$0]++ { n++ } \
	    END { print n + 0 " findings"; exit n > 0 }' $(TIDY)

map:				## rooms, their doors (used from other rooms) and what is inside
	@awk -f tests/lint/map.awk $(filter-out tests/%.c,$(SOURCES))

format:				## clang-format, where it is installed
	clang-format -i $(SOURCES)

help:				## this list
	@awk -F: '/^[a-z-]+:.*##/ { split($$0, d, "## "); printf "  %-16s %s\n", $$1, d[2] }' Makefile

clean:				## remove build/
	rm -rf build

# -- rules -----------------------------------------------------------------------------------------

$O/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(call say,cc)$(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

$O/mc/%.o $O/tests/unit/mc_%.o: CFLAGS += $(MC_CFLAGS)

# Holds what was found in its source, so it is also what tells that the source was looked at.
build/tidy/%: %.c .clang-tidy tests/tidy
	@mkdir -p $(@D)
	@echo "  tidy $<"
	@$(CC) $(filter-out -M%,$(CPPFLAGS)) -MM -MP -MT $@ -MF $@.d $<
	@tests/tidy $< $@ $(filter-out -M%,$(CPPFLAGS)) -std=c11

build/tidy/mc/%: CPPFLAGS += $(MC_CFLAGS)

# Archives, so that each program links only what it uses; roles' archives leave out main.c.
$B/lib.a: $(call OBJ,$(LIB))
$B/lib-oms.a: $(call OBJ,$(call ROLE,oms))
$B/lib-ims.a: $(call OBJ,$(call ROLE,ims))
$B/lib-mc.a: $(call OBJ,$(call ROLE,mc))
$B/lib-tests.a: $(call OBJ,$(filter-out tests/replay.c,$(wildcard tests/*.c)))
$B/lib.a $B/lib-tests.a $(PROGRAMS:%=$B/lib-%.a):
	@rm -f $@
	$(call say,ar)ar rcs $@ $^

define link-test
	@mkdir -p $(@D)
	$(call say,ld)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS) -lcmocka $(if $(findstring lib-mc,$^),$(MC_LIBS))
endef

$(PROGRAMS:%=$B/%): $B/%: $O/%/main.o $B/lib-%.a $B/lib.a
	$(call say,ld)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS) $(if $(filter mc,$*),$(MC_LIBS))

# Daemons that do not wait for the disk, for the test which must notice it (e2e/220).
$B/nosync/db_open.o: common/store/db_open.c Makefile
	@mkdir -p $(@D)
	@ln -sfn ../tests $(@D)/tests
	$(call say,cc)$(CC) $(CPPFLAGS) -DDB_NOSYNC_FOR_TESTS $(CFLAGS) -c -o $@ $<
$B/nosync/oms $B/nosync/ims: $B/nosync/%: $O/%/main.o $B/nosync/db_open.o $B/lib-%.a $B/lib.a
	$(call say,ld)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

# Into any process, so without any sanitizer of its own.
$B/tests/tools/%.so: tests/tools/%.c Makefile
	@mkdir -p $(@D)
	$(call say,cc)$(CC) -std=c11 $(WARN) -D_GNU_SOURCE -O1 -g -fPIC -shared -o $@ $<

# A unit's name begins with the role it looks into; one without sees no role.
$B/tests/unit/oms_%: $O/tests/unit/oms_%.o $B/lib-tests.a $B/lib-oms.a $B/lib.a
	$(link-test)
$B/tests/unit/ims_%: $O/tests/unit/ims_%.o $B/lib-tests.a $B/lib-ims.a $B/lib.a
	$(link-test)
$B/tests/unit/mc_%: $O/tests/unit/mc_%.o $B/lib-tests.a $B/lib-mc.a $B/lib.a
	$(link-test)
$B/tests/unit/%: $O/tests/unit/%.o $B/lib-tests.a $B/lib.a
	$(link-test)
$B/tests/replay: $O/tests/replay.o $B/lib-tests.a $B/lib.a
	$(link-test)
$B/tests/%: $O/tests/%.o $B/lib-tests.a $B/lib-oms.a $B/lib-ims.a $B/lib-mc.a $B/lib.a
	$(link-test)

-include $(shell find $O $B/nosync build/tidy -name '*.d' 2>/dev/null)

.PHONY: all tools deps demo check check-asan check-tsan check-rules check-valgrind sim fuzz bench profile attack fault interop million bare lint tidy map format help clean
.PRECIOUS: $O/%.o	# .SECONDARY would let a new source be missed by an archive that is newer
.DELETE_ON_ERROR:
