# One Makefile, no recursion into folders: make sees the whole graph.  `make help` lists the goals.

MODE	?= debug
CC	= gcc
B	:= build/$(MODE)
O	:= $B/obj
VERSION	:= 0.1

# -- what is built from what -------------------------------------------------------------------

PROGRAMS := oms ims mc
LIB	:= $(wildcard common/base/*.c common/svc/*.c proto/*.c)
UNIT	:= $(wildcard tests/unit/*.c)
TOOLS	:= $(wildcard tests/tools/*.c tests/bench/*.c) tests/replay.c
OBJ	= $(patsubst %.c,$O/%.o,$1)
ROLE	= $(filter-out $1/main.c,$(wildcard $1/*.c))
SOURCES	:= $(shell find common proto oms ims mc tests -name '*.[ch]')

# -- flags ---------------------------------------------------------------------------------------

WARN	= -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wmissing-prototypes -Wstrict-prototypes \
	  -Wvla -Wformat=2 -Wundef -Werror
HARDEN	= -fPIE -fstack-protector-strong -fstack-clash-protection -ftrivial-auto-var-init=zero \
	  -fcf-protection=full -fno-strict-overflow -fno-delete-null-pointer-checks
CFLAGS_debug	= -O1 -fno-omit-frame-pointer $(HARDEN)
CFLAGS_release	= -O2 -D_FORTIFY_SOURCE=3 $(HARDEN)
CFLAGS_asan	= -O1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
CFLAGS_tsan	= -O1 -fno-omit-frame-pointer -fsanitize=thread
CFLAGS_rules	= -O1 -DRULE_SWITCHES $(HARDEN)
LDFLAGS_debug	= -pie -Wl,-z,relro,-z,now,-z,noexecstack
LDFLAGS_release	= $(LDFLAGS_debug) -Wl,-z,separate-code
LDFLAGS_rules	= $(LDFLAGS_debug)
LDFLAGS_asan	= -fsanitize=address,undefined
LDFLAGS_tsan	= -fsanitize=thread

CPPFLAGS = -I. -D_GNU_SOURCE -DVERSION='"$(VERSION)"' -MMD -MP
CFLAGS	= -std=c11 -g -pthread $(CFLAGS_$(MODE)) $(WARN)
LDFLAGS	= -pthread $(LDFLAGS_$(MODE)) -Wl,--as-needed
LDLIBS	= -lssl -lcrypto -levent_core -levent_extra -levent_pthreads -llmdb -lspf2 -lunbound \
	  -lconfuse -lgsasl -ljansson -lidn2 -lpsl -lseccomp -lz
GMIME_CFLAGS = $(shell pkg-config --cflags gmime-3.0 | sed 's/-I/-isystem /g')
GMIME_LIBS = $(shell pkg-config --libs gmime-3.0)

# -- goals -----------------------------------------------------------------------------------------

all: $(PROGRAMS:%=build/%) tools	## build oms, ims and mc (MODE=debug|asan|tsan|release)

tools: $(TOOLS:%.c=$B/%) $(UNIT:%.c=$B/%)

lint:				## floors, one door per library, no cycles, no stray names
	@awk -f tests/lint/layers.awk $(SOURCES)
	@awk -f tests/lint/doors.awk $(SOURCES)
	@awk -f tests/lint/cycles.awk $(SOURCES)

map:				## one line per module, from the headers themselves
	@awk 'FNR==1 && /^\/\* / { sub(/^\/\* /, ""); sub(/ \*\/$$/, ""); printf "%-26s %s\n", FILENAME, $$0 }' \
	    $$(find common proto oms ims mc tests -name '*.h' | LC_ALL=C sort)

format:				## clang-format, where it is installed
	clang-format -i $(SOURCES)

help:				## this list
	@awk -F: '/^[a-z-]+:.*##/ { split($$0, d, "## "); printf "  %-16s %s\n", $$1, d[2] }' Makefile

clean:				## remove build/
	rm -rf build

# -- rules -----------------------------------------------------------------------------------------

build/%: $B/%
	@ln -sfn $(MODE)/$* $@

$O/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

$O/mc/%.o $O/tests/unit/mc_%.o: CFLAGS += $(GMIME_CFLAGS)

# Archives, so that each program links only what it uses; roles' archives leave out main.c.
$B/lib.a: $(call OBJ,$(LIB))
$B/lib-oms.a: $(call OBJ,$(call ROLE,oms))
$B/lib-ims.a: $(call OBJ,$(call ROLE,ims))
$B/lib-mc.a: $(call OBJ,$(call ROLE,mc))
$B/lib.a $(PROGRAMS:%=$B/lib-%.a):
	@rm -f $@
	ar rcs $@ $^

$(PROGRAMS:%=$B/%): $B/%: $O/%/main.o $B/lib-%.a $B/lib.a
	$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS) $(if $(filter mc,$*),$(GMIME_LIBS))

$B/tests/%: $O/tests/%.o $B/lib-oms.a $B/lib-ims.a $B/lib-mc.a $B/lib.a
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS) -lcmocka $(GMIME_LIBS)

-include $(shell find $O -name '*.d' 2>/dev/null)

.PHONY: all tools lint map format help clean
.SECONDARY:
.DELETE_ON_ERROR:
