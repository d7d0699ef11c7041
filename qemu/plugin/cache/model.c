/* What accesses and maintenance do to the lines, and what goes wrong. */

static struct hazard {
    const char *kind;
    uint64_t offset, line;
} hazards[64];
static size_t hazard_count;

/* Notes what goes wrong, once for each instruction and kind. */
static void hazard(const char *kind, uint64_t pc, uint64_t line)
{
    for (size_t i = 0; i < hazard_count; i++) {
        if (hazards[i].kind == kind && hazards[i].offset == pc - base) {
            return;
        }
    }
    if (hazard_count < sizeof hazards / sizeof *hazards) {
        hazards[hazard_count++] = (struct hazard){kind, pc - base, line};
    }
}

static const char kind_newer[] = "newer-in-cache"; /* an access past the cache to what may be newer in it */
static const char kind_stale[] = "newer-in-memory"; /* an access by the cache to what was written past it */
static const char kind_lost[] = "lost";             /* what is dropped may be newer in the cache */
static const char kind_waited[] = "not-waited-for"; /* no DSB after maintenance, or before it after writes */
static const char kind_walk[] = "old-translation";  /* MMU on without TLBI, DSB and ISB since it was off */
static const char kind_fetch[] = "old-instructions"; /* a kernel that was written, and no IC with DSB since */
static const char kind_other[] = "not-modelled";    /* maintenance that this model does not know */

static bool cached;
/* What no DSB has waited for. */
static bool maintenance_pending, write_pending, tlb_pending, fetch_pending;
/* What was done since the MMU was off, or since the stage wrote outside of its memory. */
static bool tlb_done, fetch_done = true, context_done;

static void on_line(uint64_t pc, uint64_t address, bool is_store)
{
    uint8_t *state = state_of(address);
    if (!cached) {
        if (*state == DIRTY || *state == UNKNOWN) {
            hazard(kind_newer, pc, address);
        }
        if (maintenance_pending) {
            hazard(kind_waited, pc, address);
        }
        if (is_store) {
            *state = STALE;
            write_pending = true;
        }
        return;
    }
    if (*state == STALE) {
        hazard(kind_stale, pc, address);
    }
    if (is_store) {
        *state = DIRTY;
        if (address - base >= memory_size) {
            fetch_done = false;
        }
    }
}

static void on_access(unsigned vcpu, uint32_t kind, uint64_t address, void *data)
{
    if (phase != INSIDE || vcpu != processor) {
        return;
    }
    struct qemu_plugin_hwaddr *physical = qemu_plugin_get_hwaddr(kind, address);
    if (physical && qemu_plugin_hwaddr_is_io(physical)) {
        return;
    }
    /* The stage's maps have all memory where it is, so this address is the physical one, too. */
    uint64_t last = address + (UINT64_C(1) << qemu_plugin_mem_size_shift(kind)) - 1;
    bool is_store = qemu_plugin_mem_is_store(kind);
    on_line((uintptr_t)data, address & -line_size, is_store);
    if (last / line_size != address / line_size) {
        on_line((uintptr_t)data, last & -line_size, is_store);
    }
}

/* An instruction that does something with the cache, with its address. */
struct site {
    uint64_t pc;
    uint32_t word;
    bool executed;
};
static struct site *sites[256];
static size_t site_count;

/* System instructions by their encoding without the register (DDI 0487, C6.2). */
enum {
    DC_IVAC = 0xd5087620, DC_CVAC = 0xd50b7a20, DC_CVAU = 0xd50b7b20, DC_CIVAC = 0xd50b7e20,
    IC_IALLU = 0xd508751f, IC_IALLUIS = 0xd508711f,
    TLBI_VMALLE1 = 0xd508871f, TLBI_ALLE2 = 0xd50c871f,
    SCTLR_EL1 = 0xd5181000, SCTLR_EL2 = 0xd51c1000,
    DSB_SY = 0xd5033f9f, DSB_ISH = 0xd5033b9f, DSB_NSH = 0xd503379f, ISB = 0xd5033fdf,
};

static bool is_register_write(uint32_t word)
{
    return (word & ~31u) == SCTLR_EL1 || (word & ~31u) == SCTLR_EL2;
}

/* Tells whether it is of interest: one of those above, or another of the groups DC, IC and TLBI. */
static bool is_site(uint32_t word)
{
    bool is_maintenance = (word & 0xfff80000) == 0xd5080000 &&
                          ((word >> 12 & 15) == 7 || (word >> 12 & 15) == 8);
    /* AT, address translation, is CRn 7 with CRm 8 or 9. */
    bool is_translation = (word >> 12 & 15) == 7 && (word >> 9 & 7) == 4;
    bool is_barrier = (word & 0xfffff09f) == 0xd503309f && (word >> 5 & 3) != 1;
    return (is_maintenance && !is_translation) || is_barrier || is_register_write(word);
}

/* Tells whether it is a call, or a jump, to one of the functions. */
static bool is_call(uint64_t pc, uint32_t word)
{
    uint64_t to = pc + (int64_t)((int32_t)(word << 6) >> 4) - base;
    for (size_t i = 0; i < function_count; i++) {
        if ((word & 0x7c000000) == 0x14000000 && to == functions[i]) {
            return true;
        }
    }
    return false;
}

static void maintain_line(const struct site *site, uint64_t address)
{
    uint8_t *state = state_of(address);
    if (write_pending) {
        hazard(kind_waited, site->pc, address);
    }
    maintenance_pending = true;
    switch (site->word & ~31u) {
    case DC_CIVAC:
        *state = CLEAN;
        break;
    case DC_CVAC:
        *state = *state == STALE ? STALE : CLEAN;
        break;
    case DC_IVAC:
        if (*state == DIRTY || *state == UNKNOWN) {
            hazard(kind_lost, site->pc, address);
        }
        *state = CLEAN;
        break;
    }
}

static void switch_cache(const struct site *site)
{
    enum { M = 1, C = 4 };
    uint64_t value = operand(site->word);
    bool turned_on = (value & (M | C)) == (M | C);
    if (maintenance_pending) {
        hazard(kind_waited, site->pc, 0);
    }
    if (turned_on && !cached) {
        if (!tlb_done || tlb_pending || !context_done) {
            hazard(kind_walk, site->pc, 0);
        }
        /* The walker of page tables looks into the cache, too, and so does whoever runs next. */
        for (size_t i = 0; i < pages_room; i++) {
            for (unsigned line = 0; pages[i].key && line < PAGE / line_size; line++) {
                if (pages[i].line[line] == STALE) {
                    hazard(kind_stale, site->pc, address_of(&pages[i], line));
                }
            }
        }
    }
    if (!turned_on && cached) {
        tlb_done = false;
    }
    cached = turned_on;
}

static void on_site(unsigned vcpu, void *data)
{
    struct site *site = data;
    if (phase != INSIDE || vcpu != processor) {
        return;
    }
    site->executed = true;
    if (is_call(site->pc, site->word)) {
        return;
    }
    if (is_register_write(site->word)) {
        switch_cache(site);
        return;
    }
    switch (site->word) {
    case DSB_SY:
        maintenance_pending = write_pending = false;
        /* fall through */
    case DSB_ISH:
        fetch_pending = false;
        /* fall through */
    case DSB_NSH:
        tlb_pending = false;
        return;
    case ISB:
        context_done = !tlb_pending && !fetch_pending;
        return;
    case IC_IALLUIS:
        fetch_done = fetch_pending = true;
        context_done = false;
        return;
    case IC_IALLU: /* The code of the stage stays as it is: this can be left out. */
        return;
    case TLBI_VMALLE1:
    case TLBI_ALLE2:
        tlb_done = tlb_pending = true;
        context_done = false;
        return;
    }
    switch (site->word & ~31u) {
    case DC_IVAC:
    case DC_CVAC:
    case DC_CIVAC:
        maintain_line(site, operand(site->word) & -line_size);
        return;
    }
    hazard(kind_other, site->pc, 0);
}
