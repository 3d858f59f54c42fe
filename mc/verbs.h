/* verbs — the commands of mc.
 *
 * Each returns the exit status, has reported faults on standard error, and runs at most once in a
 * process.  mc/mc.1 describes what they print, for people and as JSON.
 */
#ifndef MC_VERBS_H
#define MC_VERBS_H

struct options;

int verb_setup(struct options *o);
int verb_send(struct options *o);
int verb_list(struct options *o);
int verb_show(struct options *o);
int verb_fetch(struct options *o);
int verb_outbox(struct options *o);
int verb_sendmail(struct options *o);
int verb_flush(struct options *o);
int verb_mailq(struct options *o);

#endif
