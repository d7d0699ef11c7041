// From the loader's jump to the first line of Rust that may touch anything: the state of entry, the first
// map, caches on, relocations, BSS.
//
// Until the caches are on nothing is written but the first tables and, where a loader chose an odd place, a
// little stack, invalidated before and after; there are no relocations yet and no BSS, so the one Rust
// function that may be called here (early_map) uses neither.
//
// Kept until stage_main: x19..x22 the x0..x3 of entry, x23 the regime (1 EL1, 2 EL2, 3 EL2 whose E2H is
// stuck), x24 SCTLR, x25 HCR_EL2, x26 CPACR or CPTR, x27 VBAR, all as entered.

.equ EARLY_STACK, 2048
.equ AMO, 1 << 5                    // HCR_EL2: SErrors are taken at EL2

// Sets x2 to the bytes of a data cache line (CTR_EL0.DminLine counts words, as a power of two).
.macro line_size
    mrs     x2, ctr_el0
    ubfx    x2, x2, #16, #4
    mov     x3, #4
    lsl     x2, x3, x2
.endm

.section .entry, "ax"
enter:
    msr     daifset, #0xf
    msr     spsel, #1
    mov     x19, x0
    mov     x20, x1
    mov     x21, x2
    mov     x22, x3
    adr     x4, early_vectors
    mrs     x23, CurrentEL
    lsr     x23, x23, #2
    cmp     x23, #2
    b.eq    at_el2
    cmp     x23, #1
    b.ne    at_el3

    mrs     x24, sctlr_el1
    mov     x25, xzr
    mrs     x26, cpacr_el1
    mrs     x27, vbar_el1
    msr     vbar_el1, x4
    orr     x0, x26, #(3 << 20)     // compiled code uses the vector registers
    msr     cpacr_el1, x0
    b       early

// The stage does not run at EL3. It goes down to report that on a console, with a value that no VBAR can have
// in place of VBAR.
.equ FROM_EL3, 3
at_el3:
    mov     x0, #0x5b1              // SCR: all below is non-secure AArch64, with HVC and without SMC
    msr     scr_el3, x0
    msr     cptr_el3, xzr
    movz    x0, #0x0830             // SCTLR: RES1 bits, all else off
    movk    x0, #0x30c5, lsl #16
    msr     sctlr_el2, x0
    movz    x0, #0x0800
    movk    x0, #0x30d0, lsl #16
    msr     sctlr_el1, x0
    mov     x0, #(1 << 31)
    msr     hcr_el2, x0
    mov     x23, #2
    mrs     x0, id_aa64pfr0_el1
    tst     x0, #0xf00
    cset    x1, eq                  // without EL2
    sub     x23, x23, x1
    mov     x0, #0x3c1              // SPSR: masked, stack of its own
    orr     x0, x0, x23, lsl #2
    msr     spsr_el3, x0
    adr     x0, 1f
    msr     elr_el3, x0
    eret
1:  mov     x27, #FROM_EL3
    cmp     x23, #2
    b.eq    2f
    msr     vbar_el1, x4
    mov     x0, #(3 << 20)
    msr     cpacr_el1, x0
    b       early
2:  msr     vbar_el2, x4
    b       plain_el2

at_el2:
    mrs     x24, sctlr_el2
    mrs     x25, hcr_el2
    mrs     x26, cptr_el2
    mrs     x27, vbar_el2
    msr     vbar_el2, x4
    mrs     x0, s3_0_c0_c7_4        // ID_AA64MMFR4_EL1: E2H0 is negative where E2H is always 1
    tbnz    x0, #27, host_el2
    bic     x0, x25, #(1 << 34)     // E2H: back to the plain EL2 regime where the CPU has one
    orr     x0, x0, #AMO
    dsb     nsh
    msr     hcr_el2, x0
    isb
    // Where it does not, that may read as 0 all the same: then FAR_EL1 is another name of FAR_EL2.
    mov     x0, #1
    msr     far_el2, xzr
    msr     far_el1, x0
    isb
    mrs     x0, far_el2
    cbz     x0, plain_el2
host_el2:
    mov     x23, #3
    orr     x0, x25, #AMO
    dsb     nsh
    msr     hcr_el2, x0
    orr     x0, x26, #(3 << 20)     // with E2H, CPTR_EL2 has the form of CPACR_EL1
    msr     cptr_el2, x0
    b       early
plain_el2:
    mov     x0, #0x32ff             // RES1 bits without TZ; TFP clear
    msr     cptr_el2, x0

early:
    isb
    adrp    x0, __stack_top
    mov     sp, x0
    mov     x0, x23
    bl      first_map               // x0 root table, x1 TCR
    mov     x28, x0
    mov     x29, x1
    cbnz    x0, mapped
    // Not where a few blocks will do.
    sub     x0, sp, #EARLY_STACK
    mov     x1, sp
    bl      invalidate
    mov     x0, x23
    bl      early_map
    cbz     x0, park
    mov     x28, x0
    mov     x29, x1
    sub     x0, sp, #EARLY_STACK
    mov     x1, sp
    bl      invalidate
mapped:
    mov     x0, x23
    mov     x1, x28
    mov     x2, x29
    bl      enable_map

    // Caches on, memory as usual. First the data goes up from where it is in the file.
    adrp    x0, __data_begin
    add     x0, x0, :lo12:__data_begin
    adrp    x1, __data_load
    add     x1, x1, :lo12:__data_load
    adrp    x2, __data_end
    add     x2, x2, :lo12:__data_end
0:  ldp     x3, x4, [x1], #16
    stp     x3, x4, [x0], #16
    cmp     x0, x2
    b.lo    0b

    bl      relocate
    adrp    x0, __bss_begin
    add     x0, x0, :lo12:__bss_begin
    adrp    x1, __bss_end
    add     x1, x1, :lo12:__bss_end
3:  cmp     x0, x1
    b.hs    4f
    stp     xzr, xzr, [x0], #16
    b       3b

4:  adrp    x0, vectors
    add     x0, x0, :lo12:vectors
    cmp     x23, #1
    b.ne    5f
    msr     vbar_el1, x0
    b       6f
5:  msr     vbar_el2, x0
6:  isb
    stp     x27, xzr, [sp, #-16]!   // struct EntryState, built downwards
    stp     x25, x26, [sp, #-16]!
    stp     x23, x24, [sp, #-16]!
    stp     x21, x22, [sp, #-16]!
    stp     x19, x20, [sp, #-16]!
    mov     x0, sp
    mov     x29, xzr
    mov     x30, xzr
    bl      stage_main
    b       park

// relocate: apply the linker's list, once. Everything is linked at 0, so each addend grows by where we are. A
// linker that can writes the list as a bitmap (RELR: an even word is the place of one, an odd word tells
// which of the next 63 places are others), and in any case what does not fit that as RELA. x0 to x11 are
// lost.
.global relocate
relocate:
    adrp    x0, _start
    add     x0, x0, :lo12:_start
    adrp    x1, __rela_begin
    add     x1, x1, :lo12:__rela_begin
    adrp    x2, __rela_end
    add     x2, x2, :lo12:__rela_end
    // The linker also relocates .defmt, which is not loaded and counts from 0: skip what would be in the
    // code.
    adrp    x6, __text_end
    add     x6, x6, :lo12:__text_end
    sub     x6, x6, x0
    adrp    x7, __relr_begin
    add     x7, x7, :lo12:__relr_begin
    adrp    x8, __relr_end
    add     x8, x8, :lo12:__relr_end
5:  cmp     x7, x8
    b.hs    1f
    ldr     x9, [x7], #8
    tbnz    x9, #0, 6f
    add     x10, x9, #8
    mov     x11, x9
    mov     x9, #1                  // as a bitmap of the one place
    b       7f
6:  lsr     x9, x9, #1
    mov     x11, x10
    add     x10, x10, #(63 * 8)
    // No word lists places both in the code and behind it.
7:  cmp     x11, x6
    b.lo    5b
    cbz     x9, 5b
    add     x11, x11, x0
8:  rbit    x5, x9
    clz     x5, x5
    lsr     x9, x9, x5
    add     x11, x11, x5, lsl #3
9:  ldr     x5, [x11]
    add     x5, x5, x0
    str     x5, [x11], #8
    lsr     x9, x9, #1
    tbnz    x9, #0, 9b
    cbnz    x9, 8b
    b       5b

1:  cmp     x1, x2
    b.hs    2f
    ldp     x3, x4, [x1], #16
    ldr     x5, [x1], #8
    cmp     x3, x6
    b.lo    1b
    cmp     w4, #1027               // R_AARCH64_RELATIVE, the only kind a static PIE has
    b.ne    park
    add     x5, x5, x0
    str     x5, [x0, x3]
    b       1b
2:  ret

// park: nothing can be logged, and no firmware is known.
.global park
park:
    wfi
    b       park

// invalidate(x0 begin, x1 end): drop the data cache lines of memory that is about to be written, or was, past
// the cache. Both ends are multiples of four of any line size. By CIVAC, because a loader that left the
// caches on has dirty lines there before, and the writes are in them after.
.global invalidate
invalidate:
    dsb     sy
    line_size
1:  dc      civac, x0
    add     x0, x0, x2
    dc      civac, x0
    add     x0, x0, x2
    dc      civac, x0
    add     x0, x0, x2
    dc      civac, x0
    add     x0, x0, x2
    cmp     x0, x1
    b.lo    1b
    dsb     sy
    ret

// clear_early(x0 table, x1 entries): empty the start of a table past the cache, with no line of it left
// after. Four lines are the least, which a table has room for.
.global clear_early
clear_early:
    mov     x5, x30
    mov     x6, x0
    mov     x7, x1
    add     x1, x0, x1, lsl #3
    bl      invalidate
    mov     x30, x5
    mov     x0, x6
    mov     x1, x7
// clear_table(x0 table, x1 entries): empty the start of a table, a multiple of 16 entries.
.global clear_table
clear_table:
    add     x1, x0, x1, lsl #3
    movi    v0.2d, #0
    movi    v1.2d, #0
2:  stp     q0, q1, [x0]
    stp     q0, q1, [x0, #32]
    stp     q0, q1, [x0, #64]
    stp     q0, q1, [x0, #96]
    add     x0, x0, #128
    cmp     x0, x1
    b.lo    2b
    ret

// link_symbols(x0 out): where the linker put things, in the order of struct Symbols. Done here because
// compiled code may take such addresses through a table that is not relocated yet.
.global link_symbols
link_symbols:
.macro symbols name, more:vararg
    adrp    x1, \name
    add     x1, x1, :lo12:\name
    str     x1, [x0], #8
.ifnb \more
    symbols \more
.endif
.endm
    symbols __image_base, __text_end, __rodata_end, __data_begin, __relro_end
    symbols __fault_guard, __fault_stack, __guard, __stack_bottom, __stack_top
    symbols __image_end, __early_tables, __early_tables_end, __ring_begin, __ring_end
    symbols __heap_begin, __heap_end, __build_id
    ret
