/* options_private — the options of every verb: options.c reads the table of options_help.c. */
#ifndef COMMON_CONF_OPTIONS_PRIVATE_H
#define COMMON_CONF_OPTIONS_PRIVATE_H

#include "common/conf/options.h"

extern const struct options_option options_common[]; /* ended by a row without a name */

#endif
