/* SPDX-License-Identifier: MIT */
/* Any bytes as the rules of `calltrace check`. */
#include <stdlib.h>
#include <string.h>

#include "base/toml.h"
#include "fuzz_target.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size_bytes)
{
	struct ct_toml *toml = NULL;
	struct ct_error *err = ct_toml_parse("rules", (const char *)bytes, size_bytes, &toml);
	/* Every string is one, every value has its kind. */
	for (size_t i = 0; !err && i < toml->table_count; i++)
		for (size_t j = 0; j < toml->tables[i].value_count; j++) {
			const struct ct_toml_value *value = &toml->tables[i].values[j];
			if (!value->key || !value->kind ||
			    (value->kind == CT_TOML_STRING && value->text_count != 1))
				abort();
			for (size_t k = 0; k < value->text_count; k++)
				if (strlen(value->texts[k]) > size_bytes)
					abort();
		}
	ct_toml_destroy(toml);
	ct_error_destroy(err);
	return 0;
}
