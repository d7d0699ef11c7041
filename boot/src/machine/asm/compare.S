// The library's comparison goes byte by byte, because its authors could not know that memory is ordinary. Here it is
// whenever anything is compared: before the caches are on, nothing is.

.section .text.compare, "ax"

// int memcmp(x0, x1, x2 bytes): below, at or above 0 as the first bytes at x0 are less than, equal to or greater than
// those at x1.
.global memcmp
.global bcmp
memcmp:
bcmp:
    subs    x2, x2, #8
    b.lo    2f
1:  ldr     x3, [x0], #8
    ldr     x4, [x1], #8
    cmp     x3, x4
    b.ne    4f
    subs    x2, x2, #8
    b.hs    1b
2:  adds    x2, x2, #8
    b.eq    5f
3:  ldrb    w3, [x0], #1
    ldrb    w4, [x1], #1
    cmp     w3, w4
    b.ne    6f
    subs    x2, x2, #1
    b.ne    3b
5:  mov     w0, wzr
    ret
4:  rev     x3, x3
    rev     x4, x4
    cmp     x3, x4
6:  cset    w0, hi
    csinv   w0, w0, wzr, hs
    ret
