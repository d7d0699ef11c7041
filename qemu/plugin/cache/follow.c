/* The way from the entry to the jump. */

static uint64_t word_at(uint64_t address, unsigned offset)
{
    uint64_t value = 0;
    if (qemu_plugin_read_memory_vaddr(address, bytes, HEADER) && bytes->len == HEADER) {
        memcpy(&value, bytes->data + offset, sizeof value);
    }
    return value;
}

/* Tells whether the header of an arm64 image is there (booting.rst, section 4). */
static bool is_image(uint64_t address)
{
    enum { MAGIC = 56 };
    return (word_at(address, MAGIC) & UINT32_MAX) == 0x644d5241;
}

/* The first image that is entered is the stage. */
static void on_entry(unsigned vcpu, void *data)
{
    uint64_t at = (uintptr_t)data;
    if (phase != BEFORE || vcpu != 0 || !is_image(at)) {
        return;
    }
    base = at;
    processor = vcpu;
    phase = INSIDE;
    uint64_t level = read_register(cpsr) >> 2 & 3;
    cached = (read_register(level == 2 ? sctlr_el2 : sctlr_el1) & 5) == 5;
    for (uint64_t line = 0; line < file_size; line += line_size) {
        *state_of(base + line) = CLEAN;
    }
}

static int by_key(const void *a, const void *b)
{
    uint64_t left = ((const struct page *)a)->key, right = ((const struct page *)b)->key;
    return (left > right) - (left < right);
}

/* Writes spans of lines that are in a state. The pages are sorted. */
static void write_spans(FILE *out, const char *name, enum state wanted)
{
    uint64_t begin = 0, end = 0;
    for (size_t i = 0; i < pages_room; i++) {
        for (unsigned line = 0; pages[i].key && line < PAGE / line_size; line++) {
            uint64_t at = address_of(&pages[i], line);
            if (pages[i].line[line] != wanted) {
                continue;
            }
            if (at != end) {
                if (end) {
                    fprintf(out, "%s %" PRIx64 " %" PRIx64 "\n", name, begin, end);
                }
                begin = at;
            }
            end = at + line_size;
        }
    }
    if (end) {
        fprintf(out, "%s %" PRIx64 " %" PRIx64 "\n", name, begin, end);
    }
}

/* Keeps the device tree: its header starts with a magic number and its length, big endian. */
static void write_tree(uint64_t address)
{
    uint32_t length = __builtin_bswap32(word_at(address, 4) & UINT32_MAX);
    FILE *out = fopen(tree_path, "w");
    if (out && qemu_plugin_read_memory_vaddr(address, bytes, length)) {
        fwrite(bytes->data, 1, bytes->len, out);
    }
    if (!out || fclose(out)) {
        perror(tree_path);
        _exit(1);
    }
}

static void on_jump(unsigned vcpu, void *data)
{
    uint64_t at = (uintptr_t)data;
    if (phase != INSIDE || vcpu != processor) {
        return;
    }
    phase = AFTER;
    if (!fetch_done || fetch_pending || !context_done) {
        hazard(kind_fetch, at, at);
    }
    FILE *out = fopen(out_path, "w");
    if (!out) {
        perror(out_path);
        _exit(1);
    }
    fprintf(out, "stage %" PRIx64 " %" PRIx64 "\n", base, base + memory_size);
    for (size_t i = 0; i < site_count; i++) {
        if (sites[i]->executed) {
            fprintf(out, "site %" PRIx64 "\n", sites[i]->pc - base);
        }
    }
    for (size_t i = 0; i < hazard_count; i++) {
        fprintf(out, "hazard %s %" PRIx64 " %" PRIx64 "\n", hazards[i].kind, hazards[i].offset,
                hazards[i].line);
    }
    uint64_t tree = read_register(general[0]);
    write_tree(tree);
    fprintf(out, "jump %" PRIx64 " %" PRIx64 "\n", at, tree);
    qsort(pages, pages_room, sizeof *pages, by_key);
    write_spans(out, "dirty", DIRTY);
    write_spans(out, "clean", CLEAN);
    /* Nothing of interest comes after. */
    _exit(fclose(out) ? 1 : 0);
}

static struct site *site_at(uint64_t pc, uint32_t word)
{
    for (size_t i = 0; i < site_count; i++) {
        if (sites[i]->pc == pc) {
            return sites[i];
        }
    }
    struct site *site = calloc(1, sizeof *site);
    if (!site || site_count == sizeof sites / sizeof *sites) {
        abort();
    }
    *site = (struct site){pc, word, false};
    return sites[site_count++] = site;
}

static void on_translation(plugin_id id, struct qemu_plugin_tb *tb)
{
    (void)id;
    uint64_t at = qemu_plugin_tb_vaddr(tb);
    if (phase == AFTER) {
        return;
    }
    if (phase == BEFORE) {
        enum { MZ = 0xfa405a4d };
        struct qemu_plugin_insn *first = qemu_plugin_tb_get_insn(tb, 0);
        uint32_t word = 0;
        qemu_plugin_insn_data(first, &word, sizeof word);
        if (word == MZ) {
            qemu_plugin_register_vcpu_tb_exec_cb(tb, on_entry, READS_REGISTERS, (void *)(uintptr_t)at);
        }
        return;
    }
    if (at - base >= code_size) {
        qemu_plugin_register_vcpu_tb_exec_cb(tb, on_jump, READS_REGISTERS, (void *)(uintptr_t)at);
        return;
    }
    for (size_t i = 0; i < qemu_plugin_tb_n_insns(tb); i++) {
        struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
        uint64_t pc = qemu_plugin_insn_vaddr(insn);
        uint32_t word = 0;
        qemu_plugin_insn_data(insn, &word, sizeof word);
        if (is_site(word) || is_call(pc, word)) {
            qemu_plugin_register_vcpu_insn_exec_cb(insn, on_site, READS_REGISTERS, site_at(pc, word));
        } else {
            qemu_plugin_register_vcpu_mem_cb(insn, on_access, NO_REGISTERS, READS_AND_WRITES,
                                             (void *)(uintptr_t)pc);
        }
    }
}

EXPORT int qemu_plugin_install(plugin_id id, const void *info, int argc, char **argv)
{
    (void)info;
    for (int i = 0; i < argc; i++) {
        bool has_room = function_count < sizeof functions / sizeof *functions;
        if (has_room && takes_number(argv[i], "call", &functions[function_count])) {
            function_count++;
        } else if (!takes_number(argv[i], "code", &code_size)
                   && !takes_number(argv[i], "memory", &memory_size)
                   && !takes_number(argv[i], "image", &file_size)
                   && !takes_number(argv[i], "line", &line_size)
                   && !takes_text(argv[i], "out", &out_path)) {
            return -1;
        }
    }
    bool is_line = line_size >= LEAST_LINE && line_size <= PAGE && !(line_size & (line_size - 1));
    if (!code_size || !memory_size || !file_size || !out_path || !is_line) {
        return -1;
    }
    if (snprintf(tree_path, sizeof tree_path, "%s.dtb", out_path) >= (int)sizeof tree_path) {
        return -1;
    }
    bytes = g_byte_array_new();
    qemu_plugin_register_vcpu_init_cb(id, on_processor);
    qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
    return 0;
}
