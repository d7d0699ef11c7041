// The image header, the vectors, and the accesses that a fault must come back from.

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
1:  adr     x9, vectors
    msr     vbar_el1, x9
    isb
    mov     x1, x0
    mrs     x0, CurrentEL
    lsr     x0, x0, #2
    adrp    x9, __stack_top
    add     x9, x9, :lo12:__stack_top
    mov     sp, x9
    bl      payload_main
2:  b       2b

.balign 2048
vectors:
.rept 4
    .balign 128
    b       .
.endr
    .balign 128
    b       fault
    .balign 2048

// Note the fault, and go on after the instruction, or, of a fetch, where it came from.
fault:
    adrp    x9, record
    add     x9, x9, :lo12:record
    mrs     x10, esr_el1
    mrs     x11, far_el1
    stp     x10, x11, [x9]
    mrs     x11, elr_el1
    mrs     x12, spsr_el1
    str     x12, [x9, #16]
    ldr     x12, [x9, #24]
    add     x12, x12, #1
    str     x12, [x9, #24]
    lsr     x10, x10, #26
    cmp     x10, #0x21
    add     x11, x11, #4
    csel    x11, x30, x11, eq
    msr     elr_el1, x11
    eret

.text
.global read
read:
    ldr     x0, [x0]
    ret
.global write
write:
    str     x0, [x0]
    ret
.global exclusive
exclusive:
    ldxr    x1, [x0]
    clrex
    ret
.global zero
zero:
    dc      zva, x0
    ret
.global jump
jump:
    br      x0

.irp what, record, second, second_record, tables
.global \what\()_at
\what\()_at:
    adrp    x0, \what
    add     x0, x0, :lo12:\what
    ret
.endr

.macro caller name, call, immediate
.global \name
\name:
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
    \call   #\immediate
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
.endm
    caller  smc, smc, 0
    caller  smc_with_1, smc, 1
    caller  hvc, hvc, 0

// The second processor: at EL1 with the MMU off, by CPU_ON. It reads a carveout, and goes off.
second:
    adrp    x20, second_record
    add     x20, x20, :lo12:second_record
    str     x0, [x20]
    mrs     x1, CurrentEL
    lsr     x1, x1, #2
    mrs     x2, sctlr_el1
    str     x1, [x20, #8]
    str     x2, [x20, #24]
    adr     x1, second_vectors
    msr     vbar_el1, x1
    isb
    movz    x1, #0x5430, lsl #16    // a carveout
    ldr     x2, [x1]
    mov     x1, #1
    str     x1, [x20, #32]
    dsb     sy
    movz    w0, #0x0002             // CPU_OFF
    movk    w0, #0x8400, lsl #16
    smc     #0
    b       .

.balign 2048
second_vectors:
.rept 4
    .balign 128
    b       .
.endr
    .balign 128
    mrs     x3, esr_el1
    str     x3, [x20, #16]
    mrs     x3, elr_el1
    add     x3, x3, #4
    msr     elr_el1, x3
    eret

// map(x0 root of the lower half, x1 root of the upper half): 39 address bits each, 4 KiB granule.
.global map
map:
    mov     x2, #0xff04             // MAIR: 0 device, 1 memory
    msr     mair_el1, x2
    movz    x2, #0x3519
    movk    x2, #0xb519, lsl #16
    movk    x2, #0x2, lsl #32
    msr     tcr_el1, x2
    msr     ttbr0_el1, x0
    msr     ttbr1_el1, x1
    isb
    tlbi    vmalle1
    dsb     sy
    isb
    movz    x2, #0x1805             // M, C, I
    movk    x2, #0x30d0, lsl #16
    msr     sctlr_el1, x2
    isb
    ret

.bss
.balign 4096
tables: .zero 4096
record: .zero 64
second_record: .zero 64
