/*
 * Counts the instructions of a whole boot, on all processors, and of them those in a span of addresses and
 * how often that was entered, as a plug-in that QEMU loads (`-plugin share.so,base=…,size=…,out=…`).
 *
 *   base=ADDRESS size=BYTES  the span
 *   out=FILE                 where the result goes when QEMU ends
 *
 * Counted are translated blocks, which are executed as a whole but where an exception ends them. The result
 * is one word and one number in each line: `all N`, `inside N`, `entries N`.
 */

enum { PROCESSORS = 64 };
static struct {
    uint64_t all, inside, entries;
    bool is_inside;
} of[PROCESSORS];
static uint64_t base, size;

/* The pointer itself is the number of instructions, with its lowest bit set for a block of the span. */
static void on_execution(unsigned vcpu, void *data)
{
    uintptr_t word = (uintptr_t)data;
    bool is_inside = word & 1;
    if (vcpu >= PROCESSORS) {
        return;
    }
    of[vcpu].all += word >> 1;
    if (is_inside) {
        of[vcpu].inside += word >> 1;
        of[vcpu].entries += !of[vcpu].is_inside;
    }
    of[vcpu].is_inside = is_inside;
}

static void on_translation(plugin_id id, struct qemu_plugin_tb *tb)
{
    (void)id;
    uintptr_t count = qemu_plugin_tb_n_insns(tb);
    bool is_inside = qemu_plugin_tb_vaddr(tb) - base < size;
    qemu_plugin_register_vcpu_tb_exec_cb(tb, on_execution, NO_REGISTERS, (void *)(count << 1 | is_inside));
}

static void report(plugin_id id, void *data)
{
    uint64_t all = 0, inside = 0, entries = 0;
    FILE *out = fopen(out_path, "w");
    (void)id;
    (void)data;
    if (!out) {
        perror(out_path);
        return;
    }
    for (int i = 0; i < PROCESSORS; i++) {
        all += of[i].all;
        inside += of[i].inside;
        entries += of[i].entries;
    }
    fprintf(out, "all %" PRIu64 "\ninside %" PRIu64 "\nentries %" PRIu64 "\n", all, inside, entries);
    fclose(out);
}

EXPORT int qemu_plugin_install(plugin_id id, const void *info, int argc, char **argv)
{
    (void)info;
    for (int i = 0; i < argc; i++) {
        if (!takes_number(argv[i], "base", &base) && !takes_number(argv[i], "size", &size)
            && !takes_text(argv[i], "out", &out_path)) {
            return -1;
        }
    }
    if (!out_path) {
        return -1;
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
    qemu_plugin_register_atexit_cb(id, report, NULL);
    return 0;
}
