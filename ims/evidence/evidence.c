/* evidence — writes evidence and shows it to operators; see evidence.h. */
#include "ims/evidence/evidence.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/base/memory.h"
#include "common/daemon/ask.h"
#include "common/pki/chain.h"
#include "common/pki/sign.h"
#include "ims/ims.h"
#include "proto/evidence.h"

#define PIECE 16384 /* octets in one line of the control socket */

bool
ims_evidence_write(struct buf *out, const struct ims_kept *k, struct err *e)
{
	struct sign_evidence sealed = { .alg = k->alg,
		.text = buf_span(&k->seal),
		.signature = buf_span(&k->signature),
		.crls = buf_span(&k->crls) };
	struct buf cms = BUF_INIT;
	struct chain *chain;
	bool good;

	if (k->by_smtp)
		return err_set(e, REFUSAL_no_such_number,
		    "the letter came by SMTP: no sender has promised it");
	if (!chain_parse(buf_span(&k->chain), &chain, e))
		return false;
	sealed.chain = chain;
	if ((good = sign_export_cms(&cms, &sealed, e))) {
		struct evidence v = { .received_s = k->received_s,
			.address = span_str(k->host),
			.spf = buf_span(&k->spf),
			.statement = buf_span(&k->statement),
			.cms = buf_span(&cms) };

		evidence_write(out, &v, digest_sha256);
	}
	buf_clear(&cms);
	chain_unref(&chain);
	return good;
}

/* -- the daemon's side -------------------------------------------------------------------------- */

struct showing {
	struct control_request *request;
	struct buf text;
	size_t at;
};

static void
show_on(struct control_request *r, void *arg)
{
	struct showing *s = arg;

	while (s->at < s->text.len && !control_gone(r)) {
		struct span piece = span_sub(buf_span(&s->text), s->at, PIECE);
		struct json *line;

		if (control_full(r)) {
			control_again(r, show_on, s);
			return;
		}
		line = json_new();
		json_put_span(line, "text", piece);
		control_line_take(r, line);
		s->at += piece.n;
	}
	control_end(r, NULL);
	buf_clear(&s->text);
	free(s);
}

static void
found(void *arg, const struct ims_kept *k, const struct err *e)
{
	struct showing *s = arg;
	struct err why;

	if (e == NULL && !ims_evidence_write(&s->text, k, &why))
		e = &why;
	if (e == NULL) {
		show_on(s->request, s);
		return;
	}
	control_end(s->request, e);
	buf_clear(&s->text);
	free(s);
}

/* Looks for it by mailbox and number, or by id.  False: the request names none. */
static bool
find(struct ims *i, const struct json *request, struct showing *s, struct err *e)
{
	struct loop *loop = daemon_loop(i->daemon);
	const char *mailbox = json_get_str(request, "mailbox");
	const char *id = json_get_str(request, "id");
	struct accounts_set *set;
	const struct account *a;
	struct ulid ulid;
	int64_t number = 0;

	if (id != NULL && ulid_parse(span_str(id), &ulid)) {
		ims_store_evidence_of(i->store, &ulid, loop, found, s);
		return true;
	}
	if (mailbox == NULL || !json_get_int(request, "number", &number) || number < 1)
		return err_set(e, REFUSAL_bad_syntax, "name a mailbox and a number, or an id");
	set = accounts_set_get(i->accounts);
	a = accounts_find(set, span_str(mailbox));
	if (a != NULL)
		ims_store_evidence(i->store, a->owner, (uint64_t)number, loop, found, s);
	accounts_set_put(&set);
	return a != NULL || err_word(e, REFUSAL_no_such_user);
}

void
ims_control_evidence(void *role, struct control_request *r, const struct json *request)
{
	struct showing *s = memory_new(sizeof *s);
	struct err e;

	s->request = r;
	if (find(role, request, s, &e))
		return;
	control_end(r, &e);
	free(s);
}

/* -- the command's side --------------------------------------------------------------------------- */

static void
show_piece(void *arg, const struct json *line)
{
	const char *text = json_get_str(line, "text");

	(void)arg;
	if (text != NULL)
		fputs(text, stdout);
}

int
ims_verb_evidence_show(struct options *o)
{
	struct ask a = { "evidence", CONF_ROLE_IMS, show_piece, NULL, false };
	struct json *request;
	uint64_t number = 0;

	if (o->n_args == 2 &&
	    (!span_u64(span_str(o->args[1]), &number) || number == 0 || number > INT64_MAX))
		return options_usage(o, "%s is no notice's number", o->args[1]);
	request = json_new();
	if (o->n_args == 2) {
		json_put_str(request, "mailbox", o->args[0]);
		json_put_int(request, "number", (int64_t)number);
	} else {
		json_put_str(request, "id", o->args[0]);
	}
	return ask_daemon(o, &a, request);
}
