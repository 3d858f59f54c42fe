/* evidence — a sender's promise, as a file that a third party can verify.
 *
 *	ims evidence show MAILBOX NUMBER	by the notice's number in that mailbox
 *	ims evidence show ID			by the letter's id
 *	ims evidence verify FILE [--trust PEM]...	needs no daemon; one line for each check, status 0 or 1
 *
 * Spec:   SPEC.md "Evidence"; the form is proto/evidence.
 */
#ifndef IMS_EVIDENCE_EVIDENCE_H
#define IMS_EVIDENCE_EVIDENCE_H

#include "common/conf/options.h"
#include "common/daemon/control.h"
#include "ims/store/store.h"

extern const struct options_option ims_evidence_options[]; /* of `evidence verify` */

/* Appends the file to out.  False: storage (the kept records do not make one); no_such_number (by SMTP: nobody has
 * promised it, so there is nothing that a third party could verify). */
bool ims_evidence_write(struct buf *out, const struct ims_kept *k, struct err *e);

void ims_control_evidence(void *role, struct control_request *r, const struct json *request);
int ims_verb_evidence_show(struct options *o);
int ims_verb_evidence_verify(struct options *o);

#endif
