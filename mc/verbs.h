/* verbs — what mc can be told to do; each is the whole of a command.
 *
 * Each returns the exit status, has said on standard error what went wrong, and is run at most
 * once in a process.  What they print, for people and as JSON, is described in mc/mc.1.
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

#endif
