/* body_orphans — after the start: counts the files of earlier processes, and removes those that no record
 * names.
 *
 * A crash between file and record, or between the record's end and the file's, leaves a file that no record
 * names.  The folder is read in pages of BODY_PAGE names, on an offload thread.  The store is asked about each
 * name: its key leads to the one record that can name it.  So no letter is read that has no file, and no
 * start waits for it.
 *
 * Order:   a file that this process makes is not looked at: its record may still be to come.  A file of an
 *          earlier process that is to be removed meanwhile goes when all are counted.
 * Count:   until then bodies_used is what the last process knew of them (body_used.c), or what is counted if that is
 *          more.  A crash leaves a number that is a little old, and the first start after an upgrade has none: then the
 *          limit may be exceeded, and a disk that is full refuses all the same.
 * Old:     a file with a name of an earlier version (32 hexadecimal digits) has no key.  It is counted, but
 *          not asked about.  A migration gives it a new name (body_adopt); the files that it does not name go with
 *          the old folder.
 * Threads: `ask` is called on an offload thread; the answer may come from any thread, also inside the call.
 */
#ifndef COMMON_STORE_BODY_ORPHANS_H
#define COMMON_STORE_BODY_ORPHANS_H

#include "common/store/body.h"

#define BODY_PAGE 64

struct body_page {
	struct bodies *bodies;
	size_t n;
	char name[BODY_PAGE][BODY_NAME_BYTES];
	/* Set by the asked: does a record name it, or is its record unreadable?  Begins as false. */
	bool named[BODY_PAGE];
};

struct body_asker {
	/* body_page_answered(p) follows, once. */
	void (*ask)(void *arg, struct body_page *p);
	/* All are counted.  On an offload thread; not after body_orphans_stop.  May be NULL. */
	void (*over)(void *arg);
	void *arg;
};

/* Before the first body_begin. */
void body_orphans_start(struct bodies *b, const struct body_asker *asker);
void body_page_answered(struct body_page *p);
/* Whoever started it calls this before it gives its reference up.  `ask` is not called any more, and the folder is
 * closed, except for a page that is not answered yet.  Waits for an offload thread.  Nothing, if it was never
 * started. */
void body_orphans_stop(struct bodies *b);
bool body_orphans_over(struct bodies *b); /* all are counted, or it was stopped */

#endif
