// The first map where it costs next to nothing: the stage at a multiple of 2 MiB, where loaders put an Image,
// and in one GiB. Then blocks will do, and one entry at level 1. It is made in registers, since there are no
// caches yet.

.section .entry, "ax"
// first_map(x0 regime): x0 root table, x1 TCR; x0 is 0 where the stage lies otherwise. x2 to x18 are lost.
first_map:
    adrp    x8, __image_base
    adrp    x9, __image_end
    sub     x9, x9, #1
    eor     x10, x8, x9
    lsr     x10, x10, #30
    ubfx    x11, x8, #0, #21
    orr     x10, x10, x11
    orr     x10, x10, x9, lsr #39
    cbz     x10, 1f
    mov     x0, xzr
    ret

1:  mov     x18, x30
    mrs     x14, id_aa64mmfr0_el1
    and     x14, x14, #0xf          // PARange, which TCR takes as it is
    mov     x15, #5
    cmp     x14, x15                // 48 bits are the most without FEAT_LPA2
    csel    x14, x14, x15, lo
    cmp     x0, #2
    b.eq    2f
    ldr     x11, ={EL1_CODE}
    ldr     x12, ={EL1_DATA}
    ldr     x13, ={EL1_TCR}
    lsl     x14, x14, #32
    b       3f
2:  ldr     x11, ={EL2_CODE}
    ldr     x12, ={EL2_DATA}
    ldr     x13, ={EL2_TCR}
    lsl     x14, x14, #16
3:  orr     x13, x13, x14
    // As few address bits as the stage needs, 31 at least: so few entries at level 1 that they are soon
    // emptied.
    clz     x14, x9
    mov     x15, #33
    cmp     x14, x15
    csel    x14, x14, x15, lo
    orr     x13, x13, x14           // T0SZ

    mov     x15, #34
    sub     x15, x15, x14
    mov     x1, #1
    lsl     x1, x1, x15
    mov     x15, #16                // the least that clear_early can do
    cmp     x1, x15
    csel    x1, x1, x15, hi
    adrp    x16, __early_tables
    mov     x0, x16
    bl      clear_early
    ubfx    x14, x8, #30, #9
    add     x14, x16, x14, lsl #3
    adrp    x10, __first_table      // in the file, so it is empty, and in no cache but as it is there
    orr     x15, x10, #3
    str     x15, [x14]
    ubfx    x17, x8, #21, #9
    add     x17, x10, x17, lsl #3
    orr     x8, x8, x11
    str     x8, [x17]
    adrp    x10, __data_begin
    orr     x12, x10, x12
    mov     x15, x17
4:  str     x12, [x15, #8]!
    add     x12, x12, #(2 << 20)
    add     x10, x10, #(2 << 20)
    cmp     x10, x9
    b.lo    4b

    // Walks go through the caches, which must not have what was there before: all of the root, whose end is
    // still in x1, and the entries that were written.
    mov     x0, x16
    bl      invalidate
    mov     x0, x17
    add     x1, x15, #8
    bl      invalidate
    mov     x0, x16
    mov     x1, x13
    mov     x30, x18
    ret
.ltorg
