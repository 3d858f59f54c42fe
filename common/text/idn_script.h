/* idn_script — are each label's letters of one script, so that it can be shown as it is?
 *
 * Pure.  Latin, Greek, Cyrillic, Armenian, Hebrew, Arabic, Devanagari, Thai, Georgian, Hangul, and
 * Han with kana are shown; a label that mixes them (Han and kana apart), has a letter of another
 * script, or is made only of Cyrillic letters that look Latin is not.  ASCII digits and the hyphen
 * belong to every script.
 *
 * Spec:   Unicode UTS 39 5.1 (mixed scripts).
 */
#ifndef COMMON_TEXT_IDN_SCRIPT_H
#define COMMON_TEXT_IDN_SCRIPT_H

#include "common/base/span.h"

bool idn_script_single(struct span utf8_domain);

#endif
