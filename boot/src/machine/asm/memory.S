// What compilers call for copies and comparisons. The library's own go byte by byte, because its authors
// could not know that memory is ordinary. Here it is, in the caches and at any alignment, whenever one of
// these is called; before the caches are on none is: a wide access to what is still device memory would
// fault.

.section .text.memory, "ax"

// memmove(x0 to, x1 from, x2 bytes), which may overlap. x0 stays.
.global memmove
memmove:
    sub     x3, x0, x1
    cmp     x3, x2
    b.lo    from_the_end

// memcpy(x0 to, x1 from, x2 bytes). x0 stays. Up to 32 bytes are read before one is written; of more, the
// last 32 are read before and written after all others, so that an overlap with `to` below `from` is well
// too.
.global memcpy
memcpy:
    add     x4, x1, x2
    add     x5, x0, x2
    cmp     x2, #32
    b.ls    few
    ldp     q2, q3, [x4, #-32]
    mov     x6, x0
    sub     x2, x2, #32
1:  ldp     q0, q1, [x1], #32
    stp     q0, q1, [x6], #32
    subs    x2, x2, #32
    b.hi    1b
    stp     q2, q3, [x5, #-32]
    ret

from_the_end:
    add     x4, x1, x2
    add     x5, x0, x2
    cmp     x2, #32
    b.ls    few
    ldp     q2, q3, [x1]
    sub     x2, x2, #32
1:  ldp     q0, q1, [x4, #-32]!
    stp     q0, q1, [x5, #-32]!
    subs    x2, x2, #32
    b.hi    1b
    stp     q2, q3, [x0]
    ret

// At most 32 bytes, by two accesses that meet or overlap in the middle; x4 and x5 are the ends.
few:
    cmp     x2, #16
    b.lo    1f
    ldr     q0, [x1]
    ldr     q1, [x4, #-16]
    str     q0, [x0]
    str     q1, [x5, #-16]
    ret
1:  tbz     x2, #3, 2f
    ldr     x6, [x1]
    ldr     x7, [x4, #-8]
    str     x6, [x0]
    str     x7, [x5, #-8]
    ret
2:  tbz     x2, #2, 3f
    ldr     w6, [x1]
    ldr     w7, [x4, #-4]
    str     w6, [x0]
    str     w7, [x5, #-4]
    ret
3:  cbz     x2, 4f
    lsr     x3, x2, #1              // of three bytes the one in the middle
    ldrb    w6, [x1]
    ldrb    w7, [x1, x3]
    ldrb    w8, [x4, #-1]
    strb    w6, [x0]
    strb    w7, [x0, x3]
    strb    w8, [x5, #-1]
4:  ret

// int memcmp(x0, x1, x2 bytes): below, at or above 0 as the first bytes at x0 are less than, equal to or
// greater than those at x1.
.global memcmp
.global bcmp
memcmp:
bcmp:
    subs    x2, x2, #8
    b.lo    2f
1:  ldr     x3, [x0], #8
    ldr     x4, [x1], #8
    cmp     x3, x4
    b.ne    differ
    subs    x2, x2, #8
    b.hs    1b
    // What is left, with as much before it as makes 8 bytes.
    ldr     x3, [x0, x2]
    ldr     x4, [x1, x2]
    cmp     x3, x4
    b.ne    differ
    mov     w0, wzr
    ret
2:  add     x2, x2, #8
    tbz     x2, #2, 4f
    ldr     w3, [x0], #4
    ldr     w4, [x1], #4
    cmp     w3, w4
    b.ne    differ
    sub     x2, x2, #4
4:  cbz     x2, 6f
5:  ldrb    w3, [x0], #1
    ldrb    w4, [x1], #1
    cmp     w3, w4
    b.ne    7f
    subs    x2, x2, #1
    b.ne    5b
6:  mov     w0, wzr
    ret
differ:
    rev     x3, x3
    rev     x4, x4
    cmp     x3, x4
7:  cset    w0, hi
    csinv   w0, w0, wzr, hs
    ret
