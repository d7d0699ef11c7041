// A firmware for tests, at EL3 of QEMU's `virt` board (secure=on, GICv2): PSCI 1.0 whose processors lose all
// that they had at EL2 when they are powered down, as on hardware, and get values that a forgetful resident
// trips over. QEMU's own PSCI never powers a processor down in CPU_SUSPEND.

.equ BOX, 0x0e000000                // secure memory; per processor: entry, context, state
.equ STATE, 16                      // 0 on, 1 off, 2 on its way
.equ GICD, 0x08000000
.equ GICC, 0x08010000
.equ DTB, 0x40000000
.equ IMAGE, 0x40200000

.section .head, "ax"
.global _start
_start:
    mrs     x19, mpidr_el1
    and     x19, x19, #0xff
    mov     x20, #BOX
    add     x20, x20, x19, lsl #6
    adr     x0, vectors
    msr     vbar_el3, x0
    mov     x0, #0x531              // SCR: non-secure, AArch64 below, HVC and SMC
    msr     scr_el3, x0
    msr     cptr_el3, xzr
    msr     mdcr_el3, xzr
    isb
    mov     x1, #GICD               // all interrupts are the non-secure side's
    mov     w2, #-1
    str     w2, [x1, #0x80]
    mov     x3, #GICC
    mov     w2, #0xff
    str     w2, [x3, #4]
    cbnz    x19, pen
    mov     x3, #1
    mov     w2, #-1
    add     x4, x1, #0x80
1:  str     w2, [x4, x3, lsl #2]
    add     x3, x3, #1
    cmp     x3, #32
    b.lo    1b
    str     xzr, [x20, #STATE]
    mov     x0, #DTB
    mov     x1, #IMAGE
    b       down

// pen: off, until CPU_ON writes an entry.
pen:
    mov     x0, #1
    str     xzr, [x20]
    str     x0, [x20, #STATE]
    dsb     sy
2:  wfe
    ldr     x1, [x20]
    cbz     x1, 2b
    ldr     x0, [x20, #8]
    str     xzr, [x20, #STATE]
    dsb     sy

// down(x0 context, x1 entry): enter EL2 as after a reset, with nothing of what was there.
down:
    mov     x2, #-1
    msr     tpidr_el2, x2
    msr     hcr_el2, xzr
    msr     vbar_el2, xzr
    msr     vttbr_el2, xzr
    msr     vtcr_el2, xzr
    msr     ttbr0_el2, xzr
    msr     tcr_el2, xzr
    msr     mair_el2, xzr
    msr     cnthctl_el2, xzr
    mov     x3, #0xdead
    msr     cntvoff_el2, x3
    msr     vmpidr_el2, x3
    msr     vpidr_el2, x3
    msr     hstr_el2, x3
    movz    x3, #0x37ff
    msr     cptr_el2, x3
    movz    x3, #0xe60
    msr     mdcr_el2, x3
    movz    x2, #0x0830
    movk    x2, #0x30c5, lsl #16
    msr     sctlr_el2, x2
    movz    x2, #0x0801             // the MMU on at EL1: who forgets it falls
    movk    x2, #0x30d0, lsl #16
    msr     sctlr_el1, x2
    msr     vbar_el1, xzr
    msr     elr_el3, x1
    mov     x2, #0x3c9
    msr     spsr_el3, x2
    mov     sp, x2
    eret

.balign 2048
vectors:
.rept 8
    .balign 128
    b       .
.endr
    .balign 128
    b       call
.rept 7
    .balign 128
    b       .
.endr
    .balign 128

// call: PSCI in both widths; x9 to x12 are the caller's to lose.
call:
    mrs     x9, mpidr_el1
    and     x9, x9, #0xff
    mov     x10, #BOX
    add     x10, x10, x9, lsl #6
    and     w11, w0, #0xff
    lsr     w12, w0, #24
    and     w12, w12, #0xffffffbf
    cmp     w12, #0x84
    b.ne    unknown
    lsr     w12, w0, #8
    tst     w12, #0xff
    b.ne    unknown
    cmp     w11, #0x0
    b.eq    version
    cmp     w11, #0x1
    b.eq    suspend
    cmp     w11, #0x2
    b.eq    off
    cmp     w11, #0x3
    b.eq    on
    cmp     w11, #0x4
    b.eq    info
    cmp     w11, #0x6
    b.eq    migrate
    cmp     w11, #0xa
    b.eq    features
    cmp     w11, #0xe
    b.eq    system_suspend
unknown:
    mov     x0, #-1
    eret
version:
    mov     x0, #0x10000
    eret
migrate:
    mov     x0, #2
    eret
features:
    and     w12, w1, #0xff
    cmp     w12, #0xf
    b.hs    unknown
    lsr     w11, w1, #24
    and     w11, w11, #0xffffffbf
    cmp     w11, #0x84
    b.ne    unknown
    mov     x0, xzr
    eret
on:
    and     x11, x1, #0xff
    mov     x12, #BOX
    add     x12, x12, x11, lsl #6
    ldr     x11, [x12, #STATE]
    cmp     x11, #1
    b.ne    already
    mov     x11, #2
    str     x11, [x12, #STATE]
    str     x3, [x12, #8]
    str     x2, [x12]
    dsb     sy
    sev
    mov     x0, xzr
    eret
already:
    mov     x0, #-4
    eret
info:
    and     x11, x1, #0xff
    mov     x12, #BOX
    add     x12, x12, x11, lsl #6
    ldr     x0, [x12, #STATE]
    eret
off:
    mov     x20, x10
    b       pen
suspend:
    tbnz    w1, #16, power_down
    dsb     sy
    wfi
    mov     x0, xzr
    eret
power_down:
    mov     x0, x3
    mov     x1, x2
3:  dsb     sy
    wfi
    b       down
system_suspend:
    mov     x0, x2
    b       3b
