/* SPDX-License-Identifier: MIT */
/* What the metadata of Common Trace Format and its streams have in common. */
#ifndef CT_EXPORTER_CTF_H
#define CT_EXPORTER_CTF_H

#include "exporter/exporter.h"

/* Ids of events; those that begin or end a call have one of two names. */
enum ct_ctf_event {
	CT_CTF_ENTRY,
	CT_CTF_EXIT,
	CT_CTF_ENTRY_ARGUMENTS,
	CT_CTF_EXIT_RESULT,
	CT_CTF_EXIT_UNWOUND,
	CT_CTF_OPEN,
	CT_CTF_FILE,
	CT_CTF_BUILD_ID,
};

/* The first bytes of the metadata, and of each packet in a stream's file. */
#define CT_CTF_METADATA_HEAD "/* CTF 1.8 */\n"
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define CT_CTF_PACKET_HEAD "\xc1\x1f\xfc\xc1"
#else
#define CT_CTF_PACKET_HEAD "\xc1\xfc\x1f\xc1"
#endif
enum { CT_CTF_HEAD_BYTES = 4 };

/* Write the file `metadata` of the folder. */
struct ct_error *ct_ctf_put_metadata(const struct ct_export *export)
	__attribute__((warn_unused_result));

#endif
