/* planted — faults that a build with RULE_SWITCHES (make check-rules) can plant, to prove that a test notices.
 *
 * RULE() switches a refusal off; PLANTED() breaks a promise that refuses nothing:
 * `if (PLANTED(effect_lost)) return true;`.  In every build that people run it is a constant false.
 */
#ifndef BASE_PLANTED_H
#define BASE_PLANTED_H

#include <stdbool.h>

bool planted_now(const char *name, const char *file);

#ifdef RULE_SWITCHES
#define PLANTED(name) planted_now(#name, __FILE__)
#else
#define PLANTED(name) false
#endif

#endif
