// The sentinel's vectors and ways in. Position independent; nothing is relocated.
//
// Every way in is at EL2 with the MMU off, as the stage, PSCI or a spin table leaves it: the own map goes on
// from what the stage has put into the configuration (struct Config in abi.rs), the processor's own words and
// stack are found by its MPIDR, and Rust does the rest.

.equ FRAME, 256

.section .vectors, "ax"

.balign 2048
.global vectors
vectors:
.rept 8                             // from EL2 itself: a defect
    .balign 128
    b       own_fault
.endr
    .balign 128                     // synchronous, from EL1 or EL0 in AArch64
    // SMCCC_ARCH_WORKAROUND_1, 2 and 3: on some processors Linux calls one on each entry from EL0 or each
    // change of process. They change nothing but x0 to x3, so they pass on from here.
    stp     x2, x3, [sp, #-16]!
    mrs     x2, esr_el2
    movz    w3, #0x5e00, lsl #16    // SMC #0 of AArch64
    cmp     x2, x3
    b.ne    1f
    movz    w3, #0x8000, lsl #16
    movk    w3, #0x8000             // WORKAROUND_1
    sub     w2, w3, #1              // WORKAROUND_2
    cmp     w0, w3
    ccmp    w0, w2, #4, ne
    movk    w2, #0x3fff             // WORKAROUND_3
    ccmp    w0, w2, #4, ne
    b.ne    1f
    mrs     x2, elr_el2
    add     x2, x2, #4
    msr     elr_el2, x2
    add     sp, sp, #16
    smc     #0
    eret
1:  ldp     x2, x3, [sp], #16
    b       from_below
.rept 3                             // interrupts and errors are EL1's own
    .balign 128
    b       own_fault
.endr
    .balign 128                     // synchronous, from EL0 in AArch32
    b       from_below
.rept 3
    .balign 128
    b       own_fault
.endr
    .balign 128

// Offset 0x800: the ways in, in the order of abi::Way.
    b       first
    b       turned_on
    b       resumed
    b       spun

.text
first:
    mov     x21, #0x800
    b       enter
turned_on:
    mov     x21, #0x804
    b       enter
resumed:
    mov     x21, #0x808
    b       enter
spun:
    mov     x21, #0x80c

// enter(x0 what the kernel gets in x0, x21 the way)
enter:
    msr     daifset, #0xf
    msr     spsel, #1
    mov     x20, x0
    mov     x0, #(1 << 31)          // no E2H, whatever the firmware left
    dsb     nsh                     // AmpereOne erratum AC04_CPU_23: before HCR_EL2 is written
    msr     hcr_el2, x0
    isb
    adrp    x19, __config
    ldp     x0, x1, [x19]
    msr     mair_el2, x0
    msr     tcr_el2, x1
    ldp     x0, x1, [x19, #16]
    msr     ttbr0_el2, x0
    adrp    x2, vectors
    msr     vbar_el2, x2
    isb
    tlbi    alle2
    tlbi    alle1                   // what was translated without stage 2
    ic      iallu
    dsb     nsh
    isb
    msr     sctlr_el2, x1
    isb

    mrs     x0, mpidr_el1
    mov     x1, #0xffffff
    movk    x1, #0xff, lsl #32
    and     x0, x0, x1
    ldr     x1, [x19, #{CPUS_AT}]
    add     x2, x19, #{CPU_ARRAY}
    mov     x3, xzr
1:  cmp     x3, x1
    b.hs    park
    ldr     x4, [x2]
    cmp     x4, x0
    b.eq    2f
    add     x2, x2, #{CPU_WORDS}
    add     x3, x3, #1
    b       1b
2:  msr     tpidr_el2, x2
    bl      own_stack
    mov     x0, x19
    mov     x1, x2
    mov     x2, x21
    mov     x3, x20
    bl      sentinel_enter          // x0: where to, x1: with what in x0
    msr     elr_el2, x0
    mov     x0, #0x3c5              // EL1 with a stack of its own, all masked
    msr     spsr_el2, x0
    mov     x0, x1
.irp n, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    mov     x\n, xzr
.endr
.irp n, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30
    mov     x\n, xzr
.endr
    eret
    dsb     nsh
    isb

// own_stack(x2 the processor's words): its stack, empty. x4 and x5 are lost.
own_stack:
    adrp    x4, __config
    sub     x4, x2, x4
    sub     x4, x4, #{CPU_ARRAY}
    lsr     x4, x4, #6              // sizeof(Cpu)
    mov     x5, #{STACK}
    madd    x4, x4, x5, x5
    adrp    x5, __stacks
    add     x4, x4, x5
    mov     sp, x4
    ret

from_below:
    sub     sp, sp, #FRAME
    stp     x0, x1, [sp]
    stp     x2, x3, [sp, #16]
    stp     x4, x5, [sp, #32]
    stp     x6, x7, [sp, #48]
    stp     x8, x9, [sp, #64]
    stp     x10, x11, [sp, #80]
    stp     x12, x13, [sp, #96]
    stp     x14, x15, [sp, #112]
    stp     x16, x17, [sp, #128]
    stp     x18, x19, [sp, #144]
    stp     x20, x21, [sp, #160]
    stp     x22, x23, [sp, #176]
    stp     x24, x25, [sp, #192]
    stp     x26, x27, [sp, #208]
    stp     x28, x29, [sp, #224]
    str     x30, [sp, #240]
    adrp    x0, __config
    mrs     x1, tpidr_el2
    mov     x2, sp
    bl      sentinel_exit
    ldp     x0, x1, [sp]
    ldp     x2, x3, [sp, #16]
    ldp     x4, x5, [sp, #32]
    ldp     x6, x7, [sp, #48]
    ldp     x8, x9, [sp, #64]
    ldp     x10, x11, [sp, #80]
    ldp     x12, x13, [sp, #96]
    ldp     x14, x15, [sp, #112]
    ldp     x16, x17, [sp, #128]
    ldp     x18, x19, [sp, #144]
    ldp     x20, x21, [sp, #160]
    ldp     x22, x23, [sp, #176]
    ldp     x24, x25, [sp, #192]
    ldp     x26, x27, [sp, #208]
    ldp     x28, x29, [sp, #224]
    ldr     x30, [sp, #240]
    add     sp, sp, #FRAME
    eret
    dsb     nsh
    isb

own_fault:
    mrs     x2, tpidr_el2
    bl      own_stack               // the stack may be what is broken
    adrp    x0, __config
    mov     x1, x2
    mrs     x2, esr_el2
    bl      sentinel_fault
park:
    wfi
    b       park

// forward(x0 words): call the firmware with x0 to x17 of the words, and put what it returns there.
.global forward
forward:
    stp     x29, x30, [sp, #-32]!
    str     x19, [sp, #16]
    mov     x19, x0
    ldp     x0, x1, [x19]
    ldp     x2, x3, [x19, #16]
    ldp     x4, x5, [x19, #32]
    ldp     x6, x7, [x19, #48]
    ldp     x8, x9, [x19, #64]
    ldp     x10, x11, [x19, #80]
    ldp     x12, x13, [x19, #96]
    ldp     x14, x15, [x19, #112]
    ldp     x16, x17, [x19, #128]
    smc     #0
    stp     x0, x1, [x19]
    stp     x2, x3, [x19, #16]
    stp     x4, x5, [x19, #32]
    stp     x6, x7, [x19, #48]
    stp     x8, x9, [x19, #64]
    stp     x10, x11, [x19, #80]
    stp     x12, x13, [x19, #96]
    stp     x14, x15, [x19, #112]
    stp     x16, x17, [x19, #128]
    ldr     x19, [sp, #16]
    ldp     x29, x30, [sp], #32
    ret
