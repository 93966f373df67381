/* SPDX-License-Identifier: MIT */
/* Strings of several lengths, and pointers of several levels. */
#include "values_account.h"

#include <string.h>

#include "values_debug.h"

struct node {
	int n;
	const char *label;
	struct node *next;
};

static volatile long sum;

static NOINLINE size_t takes_string(int length, const char *text)
{
	int call = account_enter("takes_string", "'length':%d", length);
	size_t result = strlen(text);

	return RESULT(call, "%zu", result);
}

static NOINLINE char *gives_string(int length)
{
	static char text[6000];
	int call = account_enter("gives_string", "'length':%d", length);

	memset(text, 'g', (size_t)length);
	text[length] = '\0';
	account_return(call, "...");
	return text;
}

static NOINLINE int takes_nodes(const struct node *node, struct node *const *pointer, int **number)
{
	int call = account_enter("takes_nodes", "%s", "");
	int result = node->n + (*pointer)->n + **number;

	sum += result;
	return RESULT(call, "%d", result);
}

static NOINLINE struct node *gives_node(struct node *node)
{
	int call = account_enter("gives_node", "%s", "");

	account_return(call, "...");
	return node->next;
}

int main(int argc, char **argv)
{
	static const int lengths[] = {0, 1, 9, 10, 11, 63, 64, 65, 4095, 4096, 4097, 5000};
	struct node last = {4, "the last of them", NULL}, third = {3, NULL, &last};
	struct node second = {2, "the second", &third}, first = {1, "first", &second};
	struct node *pointer = &first;
	int value = 5, *number = &value;
	char text[6000];

	(void)argv;
	account_begin(0);
	int call = account_enter("main", "'argc':%d", argc);
	for (unsigned i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		memset(text, 't', sizeof(text));
		text[lengths[i]] = '\0';
		sum += (long)takes_string(lengths[i], text);
		sum += gives_string(lengths[i])[0];
	}
	takes_nodes(&first, &pointer, &number);
	sum += gives_node(&first)->n;
	debug_other(3, "from settings", &value);
	printf("%ld\n", sum);
	return RESULT(call, "%d", argc);
}
