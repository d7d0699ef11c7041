// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * Allocates from every DMA-BUF heap that this Linux offers, and prints where the memory is.
 *
 *   heaps MIB          a buffer of each heap: its name, its first and last address, and what is in it
 *   heaps too-much     asks each heap but `system` for 1 GiB
 *
 * Each page is marked, and its mark is then looked for in all of RAM through /dev/mem.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <linux/dma-heap.h>

static const char heaps[] = "/dev/dma_heap";
/* What each page of a buffer begins with. */
struct mark {
	uint64_t buffer;
	uint64_t page;
};

/* Looks for the pages of a buffer in all of Linux' RAM, and returns how many there are. */
static size_t find(uint64_t buffer, uint64_t *low, uint64_t *high)
{
	FILE *map = fopen("/proc/iomem", "r");
	int memory = open("/dev/mem", O_RDONLY);
	long page = sysconf(_SC_PAGESIZE);
	size_t found = 0;
	char line[256];

	*low = UINT64_MAX;
	*high = 0;
	while (map && memory >= 0 && fgets(line, sizeof(line), map)) {
		unsigned long long first, last;
		const char *ram;

		if (line[0] == ' ' || !strstr(line, "System RAM"))
			continue;
		if (sscanf(line, "%llx-%llx", &first, &last) != 2)
			continue;
		ram = mmap(NULL, last + 1 - first, PROT_READ, MAP_SHARED, memory, first);
		if (ram == MAP_FAILED)
			continue;
		for (uint64_t at = 0; at + page <= last + 1 - first; at += page) {
			const volatile struct mark *mark = (const volatile struct mark *)(ram + at);

			if (mark->buffer != buffer)
				continue;
			*low = first + at < *low ? first + at : *low;
			*high = first + at + page > *high ? first + at + page : *high;
			found++;
		}
		munmap((void *)ram, last + 1 - first);
	}
	if (map)
		fclose(map);
	close(memory);
	return found;
}

static int allocate(const char *name, size_t size)
{
	struct dma_heap_allocation_data data = { .len = size, .fd_flags = O_RDWR | O_CLOEXEC };
	char path[sizeof(heaps) + 256];
	int heap, result;

	snprintf(path, sizeof(path), "%s/%s", heaps, name);
	heap = open(path, O_RDONLY | O_CLOEXEC);
	if (heap < 0)
		return -1;
	result = ioctl(heap, DMA_HEAP_IOCTL_ALLOC, &data);
	close(heap);
	return result < 0 ? -1 : (int)data.fd;
}

static void use(const char *name, size_t size, uint64_t buffer)
{
	long page = sysconf(_SC_PAGESIZE);
	uint64_t low, high;
	size_t found;
	char *memory;
	int fd = allocate(name, size);

	if (fd < 0) {
		printf("%s %zu MiB: %s\n", name, size >> 20, strerror(errno));
		return;
	}
	memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED) {
		printf("%s: mmap: %s\n", name, strerror(errno));
		return;
	}
	for (size_t at = 0; at < size; at += page)
		*(volatile struct mark *)(memory + at) = (struct mark){ buffer, at / page };
	found = find(buffer, &low, &high);
	if (found != size / page) {
		printf("%s: %zu of %zu pages found in RAM\n", name, found, size / page);
		return;
	}
	printf("%s %zu MiB: 0x%llx..0x%llx\n", name, size >> 20, (unsigned long long)low,
	       (unsigned long long)high);
	/* The buffer stays until this program ends, so that the next heap cannot give the same pages. */
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

int main(int argc, char **argv)
{
	struct dirent **entries;
	int too_much, count;
	size_t size;

	if (argc != 2)
		return 2;
	too_much = !strcmp(argv[1], "too-much");
	size = too_much ? 1ull << 30 : strtoull(argv[1], NULL, 10) << 20;
	count = scandir(heaps, &entries, NULL, by_name);
	if (count < 0) {
		printf("%s: %s\n", heaps, strerror(errno));
		return 1;
	}
	for (int i = 0; i < count; i++) {
		const char *name = entries[i]->d_name;

		if (name[0] == '.' || (too_much && !strcmp(name, "system")))
			continue;
		use(name, size, 0x52696e6746656e63ull + i);
	}
	fflush(stdout);
	return 0;
}
