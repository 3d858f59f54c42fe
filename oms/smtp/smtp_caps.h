/* smtp_caps — how many connections each host of SMTP is given at a time.
 *
 * SMTP_CAP at first; halved when the host says 421, and one more again for each session that it served.
 *
 * Threads: one table for all workers, under a lock of its own.
 * Limits:  SMTP_CAPS_MAX hosts that have less than SMTP_CAP; of more, the oldest is forgotten.
 */
#ifndef OMS_SMTP_SMTP_CAPS_H
#define OMS_SMTP_SMTP_CAPS_H

#define SMTP_CAP      4
#define SMTP_CAPS_MAX 1024

struct smtp_caps;

struct smtp_caps *smtp_caps_new(void);
void smtp_caps_free(struct smtp_caps **c);

unsigned smtp_caps_of(struct smtp_caps *c, const char *host); /* 1 to SMTP_CAP */
void smtp_caps_halve(struct smtp_caps *c, const char *host);
void smtp_caps_served(struct smtp_caps *c, const char *host);

#endif
