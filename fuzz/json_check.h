/* SPDX-License-Identifier: MIT */
/* Is a text JSON, with UTF-8 strings? For fuzz targets that write some. */
#ifndef JSON_CHECK_H
#define JSON_CHECK_H

#include <stdbool.h>
#include <stddef.h>

bool json_is_valid(const char *text, size_t length);

#endif
