/* smtp_stuffed — a letter's source as DATA sends it: a dot more before each line that begins with one.
 *
 * Flow:   smtp_client gives it to the mover as a payload of unknown length; the end's dot is not part of it, since it
 *         may leave only after the role has made that durable.
 * Owner:  takes the letter's source, and frees it with itself.
 * Memory: 24 KiB.
 */
#ifndef PROTO_SMTP_STUFFED_H
#define PROTO_SMTP_STUFFED_H

#include "common/base/engine.h"
#include "proto/smtp/smtp_data.h"

#define SMTP_STUFFED_PIECE 8192

/* `n` octets of the letter; *dots outlives the source, and says at its end which end is due. */
struct source *smtp_stuffed_take(struct source *letter, uint64_t n, struct smtp_dots *dots);

#endif
