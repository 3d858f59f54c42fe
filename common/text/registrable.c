/* registrable — by libpsl; see registrable.h. */
#include "common/text/registrable.h"

#include <pthread.h>
#include <stdlib.h>

#include <libpsl.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static const psl_ctx_t *list;

static void
read_list(void)
{
	if ((list = psl_latest(NULL)) == NULL && (list = psl_builtin()) == NULL)
		abort();
}

bool
registrable_domain(const char *domain, struct domain *out)
{
	const char *found;

	pthread_once(&once, read_list);
	found = psl_registrable_domain(list, domain);
	return domain_copy_span(out, span_str(found != NULL ? found : "")) && found != NULL;
}
