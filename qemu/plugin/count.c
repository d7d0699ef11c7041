/*
 * Counts the instructions that the first processor executes between two addresses, exactly, as a plug-in that
 * QEMU loads (`-plugin count.so,from=…,to=…,out=…`; docs/devel/tcg-plugins.rst of QEMU).
 *
 *   from=ADDRESS  counting begins with the first instruction executed here (absent: with the very first one)
 *   mark=ADDRESS  the count is noted when something is first written here (may be absent)
 *   to=ADDRESS    counting ends before the first instruction executed here, and the result is written
 *   out=FILE      where to
 *   image=SIZE    also count per instruction in the SIZE bytes from `from` on
 *
 * The result is one word and one number in each line: `count N`, `mark N`, `sctlr N` for every write to
 * SCTLR_EL1 or SCTLR_EL2 (between them the caches are on), `at OFFSET N` for each instruction of the image.
 */

static uint64_t from_address, mark_address, to_address, image_size;
static bool has_from, has_mark;

static bool counting, done;
static uint64_t count, mark;
static uint64_t sctlr[64];
static size_t sctlr_writes;
static uint64_t *per_instruction;

static void write_result(void)
{
    FILE *out = fopen(out_path, "w");
    if (!out) {
        perror(out_path);
        return;
    }
    fprintf(out, "count %" PRIu64 "\n", count);
    if (mark) {
        fprintf(out, "mark %" PRIu64 "\n", mark);
    }
    for (size_t i = 0; i < sctlr_writes; i++) {
        fprintf(out, "sctlr %" PRIu64 "\n", sctlr[i]);
    }
    for (uint64_t i = 0; per_instruction && i < image_size / 4; i++) {
        if (per_instruction[i]) {
            fprintf(out, "at %" PRIu64 " %" PRIu64 "\n", i * 4, per_instruction[i]);
        }
    }
    fclose(out);
}

/* The pointer itself is the address of the instruction, with its lowest bit set for an SCTLR write. */
static void on_execution(unsigned vcpu, void *data)
{
    uint64_t address = (uint64_t)(uintptr_t)data & ~UINT64_C(3);
    if (done || vcpu != 0) {
        return;
    }
    if (!counting) {
        if (has_from && address != from_address) {
            return;
        }
        counting = true;
    }
    if (address == to_address) {
        done = true;
        write_result();
        return;
    }
    count++;
    if (((uintptr_t)data & 1) && sctlr_writes < sizeof sctlr / sizeof *sctlr) {
        sctlr[sctlr_writes++] = count;
    }
    if (per_instruction && address - from_address < image_size) {
        per_instruction[(address - from_address) / 4]++;
    }
}

static void on_write(unsigned vcpu, uint32_t kind, uint64_t address, void *data)
{
    (void)kind;
    (void)data;
    if (vcpu == 0 && !done && !mark && address == mark_address) {
        mark = count;
    }
}

static bool writes_sctlr(const struct qemu_plugin_insn *insn)
{
    uint32_t word = 0;
#if PLUGIN_API >= 3
    qemu_plugin_insn_data(insn, &word, sizeof word);
#else
    memcpy(&word, qemu_plugin_insn_data(insn), sizeof word);
#endif
    word &= ~UINT32_C(31);
    return word == 0xd5181000 /* msr sctlr_el1 */ || word == 0xd51c1000 /* msr sctlr_el2 */;
}

static void on_translation(plugin_id id, struct qemu_plugin_tb *tb)
{
    (void)id;
    if (done) {
        return;
    }
    for (size_t i = 0; i < qemu_plugin_tb_n_insns(tb); i++) {
        struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
        uintptr_t address = (uintptr_t)qemu_plugin_insn_vaddr(insn);
        qemu_plugin_register_vcpu_insn_exec_cb(insn, on_execution, NO_REGISTERS,
                                               (void *)(address | (writes_sctlr(insn) ? 1 : 0)));
        if (has_mark) {
            qemu_plugin_register_vcpu_mem_cb(insn, on_write, NO_REGISTERS, WRITES, NULL);
        }
    }
}

EXPORT int qemu_plugin_install(plugin_id id, const void *info, int argc, char **argv)
{
    bool has_to = false;
    (void)info;
    for (int i = 0; i < argc; i++) {
        if (takes_number(argv[i], "from", &from_address)) {
            has_from = true;
        } else if (takes_number(argv[i], "mark", &mark_address)) {
            has_mark = true;
        } else if (takes_number(argv[i], "to", &to_address)) {
            has_to = true;
        } else if (!takes_number(argv[i], "image", &image_size) && !takes_text(argv[i], "out", &out_path)) {
            return -1;
        }
    }
    if (!has_to || !out_path) {
        return -1;
    }
    if (image_size && has_from) {
        per_instruction = calloc(image_size / 4, sizeof *per_instruction);
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
    return 0;
}
