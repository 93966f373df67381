/* SPDX-License-Identifier: MIT */
/*
 * Reading memory of the traced program at addresses that may be anything,
 * without harm: on any thread, in a hook. What is very likely readable is
 * copied: the stack the code runs on, the modules that were loaded at the
 * start, the heap below the program break. Elsewhere a system call that reports
 * bad addresses looks first. In each case but the stack the copy is one that our
 * handlers for SIGSEGV and SIGBUS end, should the memory be gone; where they
 * cannot, the kernel reads.
 */
#include "runtime/values.h"

#include <errno.h>
#include <link.h>
#include <sys/uio.h>

enum { PAGE_BYTES = 4096, MOST_RANGES = 512 };

static struct {
	struct ct_range modules[MOST_RANGES]; /* ascending; an emptied one keeps its `low` */
	size_t module_count;
	uint64_t heap_low;	    /* 0: not known, or not whole any more */
	void *const *program_break; /* libc's own note of it */
	bool can_probe;
	bool is_off_limits; /* see ct_memory_faults_are_served() */
} memory;

/* ---- what is known ---- */

static int note_segments(struct dl_phdr_info *info, size_t size_bytes, void *unused)
{
	(void)size_bytes, (void)unused;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
		uint64_t low = info->dlpi_addr + segment->p_vaddr;
		if (segment->p_type != PT_LOAD || !(segment->p_flags & PF_R) ||
		    memory.module_count == MOST_RANGES)
			continue;
		/* By insertion: modules come nearly in order, and few. */
		size_t at = memory.module_count++;
		for (; at && memory.modules[at - 1].low > low; at--)
			memory.modules[at] = memory.modules[at - 1];
		memory.modules[at] = (struct ct_range){.low = low, .high = low + segment->p_memsz};
	}
	return 0;
}

/* Where the heap begins, from /proc/self/stat; 0: not known. */
static uint64_t find_heap(void)
{
	enum { FIELDS_BEFORE = 45 }; /* between the name in parentheses and start_brk */
	char text[2048];
	long length = ct_sys_read_file("/proc/self/stat", text, sizeof(text) - 1);
	if (length <= 0)
		return 0;
	text[length] = '\0';
	const char *at = ct_string_last(text, ')');
	for (int field = 0; at && field < FIELDS_BEFORE; field++) {
		while (*at && *at != ' ')
			at++;
		if (*at)
			at++;
	}
	uint64_t low = 0;
	for (; at && *at >= '0' && *at <= '9'; at++)
		low = low * 10 + (uint64_t)(*at - '0');
	return low;
}

/* The kernel reads the new set before it finds that there is no such way to set it. */
static long probe_page(uint64_t address)
{
	enum { NO_SUCH_WAY = -1 };
	return ct_sys(SYS_rt_sigprocmask, NO_SUCH_WAY, address & ~UINT64_C(7), 0,
		      sizeof(ct_sigset));
}

void ct_memory_init(void)
{
	static const uint64_t readable;
	dl_iterate_phdr(note_segments, NULL);
	memory.program_break = ct_next("__curbrk");
	if (memory.program_break)
		memory.heap_low = find_heap();
	/* An emulated kernel, or a filter of system calls, might say something else. */
	memory.can_probe = probe_page((uint64_t)&readable) == -EINVAL &&
			   probe_page(PAGE_BYTES / 2) == -EFAULT &&
			   probe_page(UINT64_C(1) << 62) == -EFAULT;
}

void ct_memory_lost(uint64_t low, uint64_t high)
{
	uint64_t heap_low = memory.heap_low;
	if (heap_low && low < (uint64_t)*memory.program_break && high > heap_low)
		memory.heap_low = 0;
	for (size_t i = 0; i < memory.module_count; i++) {
		struct ct_range *range = &memory.modules[i];
		if (low < range->high && high > range->low)
			__atomic_store_n(&range->high, range->low, __ATOMIC_RELAXED);
	}
}

void ct_memory_faults_are_served(void)
{
	memory.is_off_limits = true;
}

static uint64_t module_end(uint64_t address)
{
	size_t low = 0, high = memory.module_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (address < memory.modules[middle].low)
			high = middle;
		else
			low = middle + 1;
	}
	uint64_t end = low ? memory.modules[low - 1].high : 0;
	return address < end ? end : 0;
}

static bool is_on_stack(const struct ct_memory_view *view, uint64_t address)
{
	return address >= view->stack_low && address < view->stack_high;
}

/* Memory may go away at any time: it is read directly only where a fault would do no harm. */
static bool may_fault(const struct ct_memory_view *view)
{
	return view->may_fault && !ct_crash_faults_are_blocked();
}

/* The end of the memory around `address` that is worth a try without asking; 0: none is. */
static uint64_t known_end(uint64_t address)
{
	uint64_t heap_low = memory.heap_low;
	if (heap_low && address >= heap_low) {
		uint64_t heap_high = (uint64_t)__atomic_load_n(memory.program_break,
							       __ATOMIC_RELAXED);
		if (address < heap_high)
			return heap_high;
	}
	return module_end(address);
}

/* ---- reading ---- */

static inline uint64_t page_end(uint64_t address)
{
	return (address | (PAGE_BYTES - 1)) + 1;
}

static inline bool is_possible(uint64_t address, size_t size_bytes)
{
	return address >= PAGE_BYTES && address + size_bytes > address;
}

enum way { NO_WAY, BY_KERNEL, BY_COPY };

/* How to read at `address`, up to *ret_end at most. */
static enum way find_way(const struct ct_memory_view *view, uint64_t address, uint64_t *ret_end)
{
	*ret_end = view->stack_high;
	if (ct_likely(is_on_stack(view, address)))
		return BY_COPY;
	*ret_end = page_end(address);
	if (memory.is_off_limits)
		return NO_WAY;
	if (!may_fault(view))
		return BY_KERNEL;
	uint64_t end = known_end(address);
	if (end) {
		*ret_end = end;
		return BY_COPY;
	}
	if (!memory.can_probe)
		return BY_KERNEL;
	return probe_page(address) == -EINVAL ? BY_COPY : NO_WAY;
}

bool ct_memory_read(const struct ct_memory_view *view, uint64_t address, void *ret,
		    size_t size_bytes)
{
	if (!size_bytes)
		return true;
	if (!is_possible(address, size_bytes))
		return false;
	unsigned char *to = ret;
	while (size_bytes) {
		uint64_t end;
		switch (find_way(view, address, &end)) {
		case NO_WAY:
			return false;
		case BY_KERNEL:
			return ct_sys_peek((const void *)address, to, size_bytes);
		case BY_COPY:
			break;
		}
		size_t count = end - address < size_bytes ? end - address : size_bytes;
		if (ct_guarded_copy(to, (const void *)address, count) != 0)
			return false;
		to += count;
		address += count;
		size_bytes -= count;
	}
	return true;
}

bool ct_memory_read_volatile(uint64_t address, void *ret, size_t size_bytes)
{
	struct iovec to = {ret, size_bytes};
	struct iovec from = {(void *)address, size_bytes};
	long pid = ct_sys(SYS_getpid);
	return !memory.is_off_limits && is_possible(address, size_bytes) &&
	       ct_sys(SYS_process_vm_readv, pid, &to, 1, &from, 1, 0) == (long)size_bytes;
}

/* Up to a NUL, from memory that only the kernel may look at. */
static long peek_string(uint64_t address, unsigned char *ret, size_t size_bytes)
{
	if (!ct_sys_peek((const void *)address, ret, size_bytes))
		return -1;
	size_t length = 0;
	while (length < size_bytes && ret[length])
		length++;
	return (long)length;
}

/* A piece of a string, of at most *size_bytes; less when that is not all there. -1: nothing is. */
static long read_piece(const struct ct_memory_view *view, uint64_t address, unsigned char *ret,
		       size_t *size_bytes)
{
	uint64_t end;
	enum way way = is_possible(address, 1) ? find_way(view, address, &end) : NO_WAY;
	if (way == NO_WAY)
		return -1;
	if (end - address < *size_bytes)
		*size_bytes = end - address;
	if (way == BY_KERNEL)
		return peek_string(address, ret, *size_bytes);
	long length = ct_guarded_string(ret, (const void *)address, *size_bytes);
	size_t in_page = page_end(address) - address;
	if (length >= 0 || in_page >= *size_bytes)
		return length;
	/* What is gone begins with a page. */
	*size_bytes = in_page;
	return ct_guarded_string(ret, (const void *)address, in_page);
}

long ct_memory_read_string(const struct ct_memory_view *view, uint64_t address, unsigned char *ret,
			   size_t size_bytes, bool *ret_ends)
{
	size_t done = 0;
	*ret_ends = false;
	while (done < size_bytes) {
		size_t count = size_bytes - done;
		long length = read_piece(view, address, ret + done, &count);
		if (length < 0) {
			*ret_ends = true;
			return done ? (long)done : -1;
		}
		done += (size_t)length;
		if ((size_t)length < count)
			break;
		address += count;
	}
	return (long)done;
}
