/* SPDX-License-Identifier: MIT */
/*
 * Names of results whose extensions have two parts, or are of folders: what
 * the runtime puts into a name goes before both parts. The command's formats
 * (exporter/exporter.h) decide what an extension means.
 */
#ifndef CT_FORMAT_OUTPUT_NAME_H
#define CT_FORMAT_OUTPUT_NAME_H

#define CT_DOUBLE_EXTENSIONS                                                        \
	{                                                                           \
		".speedscope.json", ".chrome-trace.json", ".firefox.json", ".pb.gz" \
	}
#define CT_FOLDER_EXTENSION ".ctf"

#endif
