/* SPDX-License-Identifier: MIT */
/* What is written, compressed as gzip does, into a sink. */
#ifndef CT_EXPORTER_GZIP_H
#define CT_EXPORTER_GZIP_H

#include <stddef.h>
#include <zlib.h>

#include "base/error.h"
#include "export/sink.h"

struct ct_gzip {
	z_stream stream;
	struct ct_sink *sink;
};

struct ct_error *ct_gzip_init(struct ct_gzip *gzip, struct ct_sink *sink)
	__attribute__((warn_unused_result));
void ct_gzip_deinit(struct ct_gzip *gzip);
void ct_gzip_add(struct ct_gzip *gzip, const char *bytes, size_t length);
void ct_gzip_end(struct ct_gzip *gzip);

#endif
