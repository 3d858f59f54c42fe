/* idn_script — are each label's letters of one script, so that it can be shown as it is?
 *
 * Pure.  Shown are Latin, Greek, Cyrillic, Armenian, Hebrew, Arabic, Devanagari, Thai, Georgian,
 * Hangul, and Han with kana.  Not shown is a label that mixes scripts (other than Han with kana),
 * has a letter of another script, or consists of Cyrillic letters that all look Latin.  ASCII
 * digits and the hyphen belong to every script.
 *
 * Spec:   Unicode UTS 39 5.1 (mixed scripts).
 */
#ifndef COMMON_TEXT_IDN_SCRIPT_H
#define COMMON_TEXT_IDN_SCRIPT_H

#include "common/base/span.h"

bool idn_script_single(struct span utf8_domain);

#endif
