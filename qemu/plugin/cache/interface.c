/*
 * Models what QEMU has not: a data cache. Follows the stage from its first instruction to the one with which
 * it enters the kernel, keeps a state for each line of memory, and notes every access that would go wrong on
 * a processor with a cache, as a plug-in that QEMU loads (`-plugin cache.so,image=…,out=…`).
 *
 *   code=BYTES    length of the stage's code: what is executed elsewhere is the kernel
 *   memory=BYTES  length of the stage's own memory, without what is appended
 *   image=BYTES   length of the file, which is all that a loader has cleaned by the boot protocol
 *                 (Documentation/arch/arm64/booting.rst); what else is in the cache is unknown
 *   line=BYTES    length of a line of the cache, as CTR_EL0.DminLine says; 64 without
 *   call=OFFSET   a function, from the base on, whose calls are of interest, too; may be given twice
 *   out=FILE      where the result goes; then QEMU ends. The device tree that the kernel gets goes beside it,
 *                 into FILE.dtb
 *
 * The result is one word and numbers in each line, all hexadecimal:
 *
 *   stage BEGIN END           the stage's own memory
 *   site OFFSET               an instruction of maintenance, or a call, that was executed, from the base on
 *   hazard KIND OFFSET LINE   what would go wrong, the instruction that does it, the line of memory
 *   jump ADDRESS DTB          where the kernel was entered, and x0
 *   dirty BEGIN END           memory that is newer in the cache at the jump
 *   clean BEGIN END           memory that is the same in both, or not in the cache
 *
 * As in Linux (arch/arm64/kernel/head.S), a line that is not in the cache may be brought in at any time, by
 * another agent or a prefetcher. So what is written past the cache must be invalidated after, and, where it
 * may have been newer in the cache, before.
 *
 * The parts are compiled as one, in this order: ../qemu.c, interface.c, lines.c, model.c, follow.c.
 */

struct qemu_plugin_hwaddr;
struct qemu_plugin_register;
struct byte_array { uint8_t *data; unsigned len; };
struct descriptor { struct qemu_plugin_register *handle; const char *name, *feature; };
struct array { struct descriptor *data; unsigned len; };

extern struct byte_array *g_byte_array_new(void);
extern struct byte_array *g_byte_array_set_size(struct byte_array *, unsigned);
extern void qemu_plugin_register_vcpu_init_cb(plugin_id, void (*)(plugin_id, unsigned));
extern bool qemu_plugin_mem_is_store(uint32_t);
extern unsigned qemu_plugin_mem_size_shift(uint32_t);
extern struct qemu_plugin_hwaddr *qemu_plugin_get_hwaddr(uint32_t, uint64_t);
extern bool qemu_plugin_hwaddr_is_io(const struct qemu_plugin_hwaddr *);
extern struct array *qemu_plugin_get_registers(void);
extern int qemu_plugin_read_register(struct qemu_plugin_register *, struct byte_array *);
extern bool qemu_plugin_read_memory_vaddr(uint64_t, struct byte_array *, size_t);

enum { GENERAL = 31, LEAST_LINE = 16, PAGE = 4096, HEADER = 64 };
static struct qemu_plugin_register *general[GENERAL], *sctlr_el1, *sctlr_el2, *cpsr;
static struct byte_array *bytes;
static char tree_path[4096];
static uint64_t file_size, code_size, memory_size;
/* Bytes of a line of the cache. */
static uint64_t line_size = 64;

static enum { BEFORE, INSIDE, AFTER } phase;
static unsigned processor;
static uint64_t base;
static uint64_t functions[2];
static size_t function_count;

static uint64_t read_register(struct qemu_plugin_register *handle)
{
    uint64_t value = 0;
    g_byte_array_set_size(bytes, 0);
    if (handle && qemu_plugin_read_register(handle, bytes) > 0) {
        memcpy(&value, bytes->data, bytes->len < sizeof value ? bytes->len : sizeof value);
    }
    return value;
}

/* Returns the register that the lowest bits of an instruction name. */
static uint64_t operand(uint32_t word)
{
    unsigned number = word & 31;
    return number < GENERAL ? read_register(general[number]) : 0;
}

static void on_processor(plugin_id id, unsigned vcpu)
{
    (void)id;
    if (vcpu != 0) {
        return;
    }
    struct array *all = qemu_plugin_get_registers();
    for (unsigned i = 0; all && i < all->len; i++) {
        struct descriptor *it = &all->data[i];
        unsigned number;
        char rest;
        if (sscanf(it->name, "x%u%c", &number, &rest) == 1 && number < GENERAL) {
            general[number] = it->handle;
        } else if (!strcmp(it->name, "SCTLR") || !strcmp(it->name, "SCTLR_EL1")) {
            sctlr_el1 = it->handle;
        } else if (!strcmp(it->name, "SCTLR_EL2")) {
            sctlr_el2 = it->handle;
        } else if (!strcmp(it->name, "cpsr")) {
            cpsr = it->handle;
        }
    }
}
