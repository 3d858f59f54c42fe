/* source — payloads' sources over octets in memory, and one after another. */
#ifndef BASE_SOURCE_H
#define BASE_SOURCE_H

#include "common/base/engine.h"

/* A copy of the octets; freed, like every source, by its `free`. */
struct source *source_bytes(struct span octets);

/* The octets of *head, which it takes and leaves empty, and then those of `rest`, which it takes too.  `rest` is read
 * at its own offsets: its first octet is the one after head. */
struct source *source_joined_take(struct buf *head, struct source *rest);

#endif
