/* spf_evaluate — the one door to libspf2; see spf_evaluate.h. */
#include "common/spf/spf_evaluate.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <spf2/spf.h>
#include <spf2/spf_dns_rr.h>

#include "common/base/memory.h"

struct spf_evaluator {
	SPF_server_t *server;
	SPF_dns_server_t door;   /* the only DNS that libspf2 sees */
	struct spf_guard *guard; /* answers libspf2's questions */
	bool pending;            /* an answer is missing */
};

/* name = 1*DIGIT ".g", which only our canonical text holds */
static bool
read_number(const char *name, size_t *out)
{
	struct span s = span_str(name), number = span_cut(&s, '.');
	uint64_t n;

	if (!span_eq(s, SPAN_LIT("g")) || !span_u64(number, &n) || n > UINT32_MAX)
		return false;
	*out = (size_t)n;
	return true;
}

/* libspf2 would abort on NULL, so we abort here when memory runs out. */
static SPF_dns_rr_t *
reply(SPF_dns_server_t *door, const char *name, ns_type type, SPF_dns_stat_t status)
{
	SPF_dns_rr_t *rr = SPF_dns_rr_new_init(door, name, type, 0, status);

	if (rr == NULL)
		abort();
	return rr;
}

static SPF_dns_rr_t *
reply_record(SPF_dns_server_t *door, const char *name, struct span text)
{
	SPF_dns_rr_t *rr = reply(door, name, ns_t_txt, NETDB_SUCCESS);

	if (SPF_dns_rr_buf_realloc(rr, 0, text.n + 1) != SPF_E_SUCCESS)
		abort();
	memcpy(rr->rr[0]->txt, text.p, text.n);
	rr->rr[0]->txt[text.n] = '\0';
	rr->num_rr = 1;
	return rr;
}

static SPF_dns_rr_t *
reply_match(SPF_dns_server_t *door, const char *name)
{
	SPF_dns_rr_t *rr = reply(door, name, ns_t_a, NETDB_SUCCESS);

	if (SPF_dns_rr_buf_realloc(rr, 0, sizeof(struct in_addr)) != SPF_E_SUCCESS)
		abort();
	rr->rr[0]->a.s_addr = htonl(INADDR_LOOPBACK);
	rr->num_rr = 1;
	return rr;
}

/* Once an answer is missing or the evaluation is over, nothing more is judged: the result of this run
 * is not used. */
static SPF_dns_rr_t *
asked_at_door(SPF_dns_server_t *door, const char *name, ns_type type, int should_cache)
{
	struct spf_evaluator *s = door->hook;
	struct span text = { "", 0 };
	enum spf_guard_answer got = SPF_GUARD_OVER;
	size_t n;

	(void)should_cache;
	if ((type != ns_t_txt && type != ns_t_a) || !read_number(name, &n))
		return reply(door, name, type, HOST_NOT_FOUND);
	if (!s->pending && type == ns_t_txt)
		got = spf_guard_record(s->guard, n, &text);
	else if (!s->pending)
		got = spf_guard_term(s->guard, n);
	switch (got) {
	case SPF_GUARD_YES:
		return type == ns_t_txt ? reply_record(door, name, text) : reply_match(door, name);
	case SPF_GUARD_NO:
		return reply(door, name, type, HOST_NOT_FOUND);
	case SPF_GUARD_PENDING:
		s->pending = true;
		break;
	case SPF_GUARD_OVER:
		break;
	}
	return reply(door, name, type, TRY_AGAIN);
}

static enum spf_result
result_of(SPF_result_t r)
{
	switch (r) {
	case SPF_RESULT_PASS:
		return SPF_PASS;
	case SPF_RESULT_FAIL:
		return SPF_FAIL;
	case SPF_RESULT_SOFTFAIL:
		return SPF_SOFTFAIL;
	case SPF_RESULT_NEUTRAL:
		return SPF_NEUTRAL;
	case SPF_RESULT_NONE:
		return SPF_NONE;
	case SPF_RESULT_TEMPERROR:
		return SPF_TEMPERROR;
	default:
		return SPF_PERMERROR;
	}
}

bool
spf_evaluate(struct spf_evaluator *s, struct spf_guard *g)
{
	SPF_request_t *request;
	SPF_response_t *response = NULL;
	struct span text;

	s->guard = g;
	s->pending = false;
	/* Without the domain's own record libspf2 has nothing to evaluate. */
	if (spf_guard_record(g, 0, &text) != SPF_GUARD_YES)
		return g->over;
	request = SPF_request_new(s->server);
	if (request == NULL)
		abort();
	if (SPF_request_set_ipv4_str(request, "192.0.2.1") != SPF_E_SUCCESS ||
	    SPF_request_set_env_from(request, "x@0.g") != 0)
		abort();
	SPF_request_query_mailfrom(request, &response);
	if (response == NULL)
		abort();
	if (!s->pending)
		spf_guard_end(g, result_of(SPF_response_result(response)), "");
	SPF_response_free(response);
	SPF_request_free(request);
	return g->over;
}

void
spf_evaluator_new(struct spf_evaluator **out)
{
	struct spf_evaluator *s = memory_new(sizeof(*s));

	s->door.lookup = asked_at_door;
	s->door.name = "guard";
	s->door.hook = s;
	s->server = SPF_server_new_dns(&s->door, 0);
	if (s->server == NULL)
		abort();
	s->server->max_dns_mech = 1000; /* the guard counts */
	*out = s;
}

void
spf_evaluator_free(struct spf_evaluator **s)
{
	if (*s != NULL)
		SPF_server_free((*s)->server);
	free(*s);
	*s = NULL;
}
