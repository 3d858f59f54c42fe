/* crc — the CRC-32 of zlib, several octets at a time where the processor has an instruction for it. */
#ifndef COMMON_STORE_CRC_H
#define COMMON_STORE_CRC_H

#include <stdint.h>

#include "common/base/span.h"

/* crc: 0, or that of the octets before. */
uint32_t crc_add(uint32_t crc, struct span octets);

#endif
