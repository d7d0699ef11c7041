// The first instructions of the test payload: keep the state of entry before anything changes it.

.section .head, "ax"
.global _start
_start:
    b       1f
    .long   0
    .quad   0                       // text_offset
    .quad   __image_size
    .quad   0xa                     // little endian, 4 KiB pages, anywhere
    .quad   0, 0, 0
    .ascii  "ARM\x64"
    .long   0
1:  mrs     x4, CurrentEL
    lsr     x4, x4, #2
    mrs     x5, daif
    mrs     x7, cntpct_el0
    adr     x8, _start
    cmp     x4, #2
    b.eq    2f
    mrs     x6, sctlr_el1
    mrs     x9, cpacr_el1
    orr     x9, x9, #(3 << 20)
    msr     cpacr_el1, x9
    b       3f
2:  mrs     x6, sctlr_el2
    mov     x9, #0x32ff
    msr     cptr_el2, x9
3:  isb
    adrp    x9, __stack_top
    add     x9, x9, :lo12:__stack_top
    mov     sp, x9
    // Nothing is relocated here: the payload uses no address that the linker could not make relative.
    stp     x8, xzr, [sp, #-16]!
    stp     x6, x7, [sp, #-16]!
    stp     x4, x5, [sp, #-16]!
    stp     x2, x3, [sp, #-16]!
    stp     x0, x1, [sp, #-16]!
    mov     x0, sp
    bl      payload_main
4:  wfi
    b       4b

// power_off(x0 EL): PSCI SYSTEM_OFF as QEMU's virt board has it, by hvc at EL1 and smc at EL2.
.section .text, "ax"
.global power_off
power_off:
    cmp     x0, #2
    movz    w0, #0x0008
    movk    w0, #0x8400, lsl #16
    b.eq    5f
    hvc     #0
    b       4b
5:  smc     #0
    b       4b
