// Entered at EL2. The stage is entered at EL1, where a virtual SError looks like one of the machine
// (DDI 0487, D1.3.6: "Virtual exceptions"). TLB maintenance traps, so maps can be counted; a call is passed
// on to the firmware.

.equ VSE, 1 << 8                    // HCR_EL2: a virtual SError is pending
.equ AMO, 1 << 5                    // and can be
.equ TTLB, 1 << 25                  // TLB maintenance of EL1 is trapped
.equ RW, 1 << 31                    // EL1 is AArch64
.equ TCR, 32 | 1 << 8 | 1 << 10 | 3 << 12 | 1 << 23 | 2 << 32 // 4 GiB, cached walks, no TTBR1, 40 bits
.equ DEVICE, 0x401                  // blocks: by the first of MAIR
.equ NORMAL, 0x705                  // by the second, inner shareable
.equ HVC, 0x16                      // exception class

.section .head, "ax"
.global _start
_start:
    b       1f
    nop
// Written by the test: the stage, its device tree, how many maps later something comes (a negative number:
// never), what is on in SCTLR_EL1, and what comes. From `spoiled` to `spoiled_end` words become 0, as if a
// bus master wrote them; where that is nothing, it is an SError, which after 0 maps is pending at entry.
stage:
    .quad   0
dtb:
    .quad   0
maps:
    .quad   0
control:
    .quad   0
spoiled:
    .quad   0
spoiled_end:
    .quad   0
1:  adr     x4, vectors
    msr     vbar_el2, x4
    ldr     x5, =(RW | AMO)
    ldr     x6, maps
    tbnz    x6, #63, 2f
    ldr     x7, =TTLB
    orr     x5, x5, x7
    cbnz    x6, 2f
    orr     x5, x5, #VSE
2:  msr     hcr_el2, x5
    mov     x4, #3                  // the counters are the guest's, too
    msr     cnthctl_el2, x4
    msr     cntvoff_el2, xzr
    mov     x4, #0x32ff             // and the vector registers
    msr     cptr_el2, x4
    mrs     x4, midr_el1
    msr     vpidr_el2, x4
    mrs     x4, mpidr_el1
    msr     vmpidr_el2, x4
    mov     x4, #0xff00             // MAIR: device, then normal memory
    msr     mair_el1, x4
    ldr     x4, =(TCR)
    msr     tcr_el1, x4
    adr     x4, table
    msr     ttbr0_el1, x4
    tlbi    vmalle1
    dsb     nsh
    ldr     x4, =0x30d00800         // SCTLR: RES1 bits
    ldr     x5, control
    orr     x4, x4, x5
    msr     sctlr_el1, x4
    mov     x4, #0x3c5              // masked, EL1 with a stack of its own
    msr     spsr_el2, x4
    ldr     x4, stage
    msr     elr_el2, x4
    ldr     x0, dtb
    mov     x1, xzr
    mov     x2, xzr
    mov     x3, xzr
    isb
    eret
.ltorg

// The first 4 GiB, one to one.
.balign 4096
table:
    .quad   0 | DEVICE, 1 << 30 | NORMAL, 2 << 30 | NORMAL, 3 << 30 | NORMAL

.balign 2048
vectors:
    .org    vectors + 0x400         // synchronous, from AArch64 below
    msr     tpidr_el2, x9
    mov     sp, x10
    mrs     x9, esr_el2
    lsr     x9, x9, #26
    cmp     x9, #HVC
    b.eq    4f
    tlbi    vmalle1
    dsb     nsh
    mrs     x9, elr_el2
    add     x9, x9, #4
    msr     elr_el2, x9
    adr     x9, maps
    ldr     x10, [x9]
    sub     x10, x10, #1
    str     x10, [x9]
    cbnz    x10, 3f
    ldr     x9, spoiled
    ldr     x10, spoiled_end
    cbz     x9, 5f
6:  str     xzr, [x9], #8
    cmp     x9, x10
    b.lo    6b
    b       3f
5:  mrs     x10, hcr_el2
    orr     x10, x10, #VSE
    msr     hcr_el2, x10
3:  mov     x10, sp
    mrs     x9, tpidr_el2
    eret
4:  mov     x10, sp
    mrs     x9, tpidr_el2
    smc     #0
    eret
