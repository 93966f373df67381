/* SPDX-License-Identifier: MIT */
/* Arguments and return values as Perfetto's debug annotations. */
#ifndef CT_EXPORTER_ANNOTATIONS_H
#define CT_EXPORTER_ANNOTATIONS_H

#include <stddef.h>

#include "exporter/protobuf.h"

/*
 * Add the members of a JSON object as one DebugAnnotation each, in field
 * `number`. `json` is what ct_values_put_arguments() or ct_values_put_result()
 * wrote: `"arguments":[...],` or `,"return_value":{...}`. A parameter is an entry
 * with its name; where there is more to say than its value, a dictionary.
 */
void ct_annotations_add(struct ct_memory_sink *to, uint32_t number, const char *json,
			size_t length);

#endif
