/* source — a payload's source over octets in memory. */
#ifndef BASE_SOURCE_H
#define BASE_SOURCE_H

#include "common/base/engine.h"

/* A copy of the octets; freed, like every source, by its `free`. */
struct source *source_bytes(struct span octets);

#endif
