/* SPDX-License-Identifier: MIT */
/* Names that may hold any byte, for formats whose text is UTF-8. */
#ifndef CT_EXPORTER_UTF8_H
#define CT_EXPORTER_UTF8_H

#include <stddef.h>

#include "base/strbuf.h"

/* Add `bytes`, each ill-formed part as one U+FFFD, each control character as a space. */
void ct_utf8_add(struct ct_strbuf *text, const char *bytes, size_t length);

#endif
