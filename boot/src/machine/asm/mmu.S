// Turning maps on and over. Between MMU off and MMU on nothing is read or written: only registers are used,
// so no dirty line is missed, and no two translations of one address are ever live together (break before
// make).

.section .text.mmu, "ax"

// enable_map(x0 regime, x1 root table, x2 TCR): leave the map in use, if any, and go over to this one, with
// caches.
.global enable_map
enable_map:
    mov     x3, #0xff04             // MAIR: paging::MAIR
    // M, C, SA, I, WXN and what is RES1 in ARMv8.0.
    movz    x5, #0x100d
    movk    x5, #0x0008, lsl #16
    mrs     x7, daif
    msr     daifset, #4             // what takes an SError writes to memory: not while the caches are off
    cmp     x0, #1
    b.ne    2f

    movz    x6, #0x0800
    movk    x6, #0x30d0, lsl #16
    orr     x5, x5, x6
    dsb     sy
    isb
    mrs     x4, sctlr_el1
    bic     x4, x4, #1
    msr     sctlr_el1, x4
    isb
    msr     mair_el1, x3
    msr     tcr_el1, x2
    msr     ttbr0_el1, x1
    isb
    tlbi    vmalle1
    ic      iallu
    dsb     nsh
    isb
    msr     sctlr_el1, x5
    isb
    msr     daif, x7
    ret

2:  movz    x6, #0x0830
    movk    x6, #0x30c5, lsl #16
    orr     x5, x5, x6
    dsb     sy
    isb
    mrs     x4, sctlr_el2
    bic     x4, x4, #1
    msr     sctlr_el2, x4
    isb
    msr     mair_el2, x3
    msr     tcr_el2, x2
    msr     ttbr0_el2, x1
    isb
    tlbi    alle2
    ic      iallu
    dsb     nsh
    isb
    msr     sctlr_el2, x5
    isb
    msr     daif, x7
    ret

// clean(x0 begin, x1 end): write the data cache lines of a span back to the point of coherency and drop them.
.global clean
clean:
    mrs     x2, ctr_el0
    ubfx    x2, x2, #16, #4
    mov     x3, #4
    lsl     x2, x3, x2
    sub     x3, x2, #1
    bic     x0, x0, x3
1:  dc      civac, x0
    add     x0, x0, x2
    cmp     x0, x1
    b.lo    1b
    dsb     sy
    ret
