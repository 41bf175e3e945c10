/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * crc32c.h - the checksum of what is on the medium.
 *
 * Interface
 *   crc32c_word()	one more word
 */
#ifndef BASE_CRC32C_H
#define BASE_CRC32C_H

#include "base/types.h"

uint32_t crc32c_word(uint32_t crc, uint64_t word);

#endif /* BASE_CRC32C_H */
