/* SPDX-License-Identifier: MIT */
/* The library's version, in a note of its file: `calltrace doctor` compares it with its own. */
#include "calltrace/version.h"

__asm__(".pushsection .note.calltrace, \"a\", %note\n"
	".balign 4\n"
	".long 2f - 1f, 4f - 3f, 1\n"
	"1: .asciz \"CallTrace\"\n"
	"2: .balign 4\n"
	"3: .asciz \"" CALLTRACE_VERSION "\"\n"
	"4: .balign 4\n"
	".popsection");
