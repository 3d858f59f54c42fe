/* sasl_scene — one SCRAM-SHA-256 exchange, word for word (RFC 7677 section 3): what a fake role of a
 * server or client engine says in it. */
#ifndef TESTS_SASL_SCENE_H
#define TESTS_SASL_SCENE_H

#include "common/base/base64.h"
#include "proto/sasl_client.h"
#include "proto/sasl_server.h"

#define SCENE_MECHANISM "SCRAM-SHA-256"

static const char *const sasl_scene_client[] = {
	"n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
	"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
	"p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
};
static const char *const sasl_scene_server[] = {
	"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
	"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
};

static inline bool
sasl_scene_is(struct span message, const char *text)
{
	struct buf octets = BUF_INIT;
	bool same = base64_parse(message, &octets) && span_eq(buf_span(&octets), span_str(text));

	buf_clear(&octets);
	return same;
}

/* The server's half: knows the exchange and no other. */
static inline enum outcome
sasl_scene_auth(int *step, struct span mechanism, struct span message, struct sasl_said *said,
    struct err *e)
{
	if (mechanism.n > 0 && !span_eq(mechanism, SPAN_LIT(SCENE_MECHANISM)))
		return err_word(e, REFUSAL_auth_mechanism), REFUSED;
	if (mechanism.n > 0)
		*step = 0;
	if (*step > 1 || !sasl_scene_is(message, sasl_scene_client[*step]))
		return err_word(e, REFUSAL_auth_failed), REFUSED;
	base64_add(&said->message, sasl_scene_server[*step], span_str(sasl_scene_server[*step]).n);
	said->signed_in = ++*step == 2;
	return DONE;
}

/* The client's half: believes no other server. */
static inline enum outcome
sasl_scene_step(int *step, struct span message, bool last, struct buf *out, struct err *e)
{
	bool good = *step == 0 ? message.n == 0
			       : sasl_scene_is(message, sasl_scene_server[*step - 1]);

	if (!good || last != (*step == 2))
		return err_set(e, REFUSAL_auth_failed, "the server does not know the user"),
		       REFUSED;
	if (!last)
		base64_add(out, sasl_scene_client[*step], span_str(sasl_scene_client[*step]).n);
	++*step;
	return DONE;
}

#endif
