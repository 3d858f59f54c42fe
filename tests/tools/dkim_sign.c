/* dkim_sign — signs the letter on standard input by the keys of a folder, as the oms does, and prints the whole.
 *
 *	dkim_sign FOLDER DOMAIN <LETTER
 *
 * The letter's lines end in CRLF.  Status 0: signed.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/dkim/dkim_sign.h"
#include "common/loop/loop.h"
#include "common/loop/offload.h"

struct run {
	struct loop *loop;
	struct buf letter;
	int status;
};

static void
signed_it(void *arg, struct span fields, const struct err *e)
{
	struct run *r = arg;

	if (e != NULL)
		fprintf(stderr, "dkim_sign: %s\n", e->text);
	else
		printf("%.*s%.*s", SPAN_FMT(fields), SPAN_FMT(buf_span(&r->letter)));
	r->status = e != NULL;
	loop_stop(r->loop);
}

static int
fails(const char *why)
{
	fprintf(stderr, "dkim_sign: %s\n", why);
	return 1;
}

int
main(int argc, char **argv)
{
	struct run r = { .status = 1 };
	struct offload *pool;
	struct dkim_keys *keys;
	struct dkim_signer *s;
	size_t header;
	ssize_t n;
	struct err e;

	if (argc != 3)
		return fails("FOLDER DOMAIN");
	if (!loop_new(&r.loop, &e) || !offload_new(&pool, 1, &e) || !offload_start(pool, &e) ||
	    !dkim_keys_load(argv[1], &keys, &e))
		return fails(e.text);
	while ((n = read(0, buf_room(&r.letter, 65536), 65536)) > 0)
		r.letter.len += (size_t)n;
	if ((s = dkim_signer_new(keys, argv[2], (int64_t)time(NULL))) == NULL)
		return fails("the domain has no keys");
	buf_add(&r.letter, "", 1);
	r.letter.len--;
	header = strstr(r.letter.data, "\r\n\r\n") == NULL
	    ? r.letter.len
	    : (size_t)(strstr(r.letter.data, "\r\n\r\n") - r.letter.data) + 4;
	dkim_signer_header(s, span_of(r.letter.data, header));
	dkim_signer_body(s, span_of(r.letter.data + header, r.letter.len - header));
	dkim_signer_end(s, pool, r.loop, signed_it, &r);
	loop_run(r.loop);
	dkim_signer_free(&s);
	dkim_keys_unref(&keys);
	offload_free(&pool);
	loop_free(&r.loop);
	buf_clear(&r.letter);
	return r.status;
}
