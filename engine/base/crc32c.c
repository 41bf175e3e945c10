/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * crc32c.c - Castagnoli's CRC, the one of iSCSI, ext4 and btrfs.
 */
#include "base/crc32c.h"

/*
 * What four bits do to a sum of nothing else.  The polynomial is 0x82f63b78,
 * its bits reversed; a table of bytes would be twice as fast, but as large as
 * all else that a commit touches.
 */
static const uint32_t crc32c_nibble[16] = {
	0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1,
	0x417b1dbc, 0x5125dad3, 0x61c69362, 0x7198540d,
	0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
	0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
};

/*
 * crc32c_word - the checksum of what crc is the checksum of and of the eight
 * bytes of word, the lowest first.  The first crc is 0; a sum goes on where
 * another ended.
 *
 * Locks: none.  Sleeps: no.
 */
uint32_t crc32c_word(uint32_t crc, uint64_t word)
{
	crc = ~crc;
	for (int i = 0; i < 16; i++)
		crc = crc >> 4 ^ crc32c_nibble[(crc ^ word >> 4 * i) & 15];
	return ~crc;
}
