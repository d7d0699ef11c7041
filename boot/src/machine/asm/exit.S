// The way out (Documentation/arch/arm64/booting.rst, section 5). Everything that must hold was checked in
// Rust, and everything that must be in memory was cleaned there; from here on only registers are used.

.section .text.exit, "ax"

// leave(x0 kernel, x1 DTB, x2 regime, x3 SCTLR, x4 HCR_EL2, x5 CPACR or CPTR, x6 VBAR): enter the kernel at
// the level of entry, MMU and data cache off, system registers as they were found.
.global leave
leave:
    mov     x16, x0
    mov     x17, x1
    msr     daifset, #0xf
    bic     x3, x3, #1              // M
    bic     x3, x3, #4              // C
    dsb     sy
    isb                             // Falkor erratum 1041: before M is cleared
    cmp     x2, #1
    b.ne    2f
    msr     sctlr_el1, x3
    isb
    tlbi    vmalle1
    msr     vbar_el1, x6
    msr     cpacr_el1, x5
    b       3f
2:  msr     sctlr_el2, x3
    isb
    tlbi    alle2
    dsb     nsh                     // AmpereOne erratum AC04_CPU_23: before HCR_EL2 is written
    msr     hcr_el2, x4
    isb
    msr     vbar_el2, x6
    msr     cptr_el2, x5
3:  ic      ialluis                 // other processors may have fetched from where the kernel is now
    dsb     ish
    isb
    mov     x0, x17
    mov     x1, xzr
    mov     x2, xzr
    mov     x3, xzr
    // Nothing of ours is the kernel's business.
.irp n, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30
    mov     x\n, xzr
.endr
    br      x16
