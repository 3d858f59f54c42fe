/* options_common — the options of every verb; between options.c and options_help.c only. */
#ifndef SVC_OPTIONS_COMMON_H
#define SVC_OPTIONS_COMMON_H

#include "common/svc/options.h"

extern const struct options_option	options_common[];	/* ended by a row without a name */

#endif
