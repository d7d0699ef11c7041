// sha256_blocks(x0 state, x1 data, x2 blocks): hash whole 64-byte blocks with the instructions of
// FEAT_SHA256. At least one block. v16 to v19 hold the message words, v4 and v5 the state, all of them a call
// may change.

.arch_extension sha2
.section .text.sha256, "ax"

// Four rounds with the words in \w0; where three more registers follow, the words of four rounds on replace
// them.
.macro rounds w0, w1, w2, w3
    ldr     q6, [x4], #16
    add     v6.4s, v6.4s, v\w0\().4s
    mov     v7.16b, v4.16b
    sha256h q4, q5, v6.4s
    sha256h2 q5, q7, v6.4s
.ifnb \w1
    sha256su0 v\w0\().4s, v\w1\().4s
    sha256su1 v\w0\().4s, v\w2\().4s, v\w3\().4s
.endif
.endm

.global sha256_blocks
sha256_blocks:
    ldp     q4, q5, [x0]
1:  ld1     {v16.16b, v17.16b, v18.16b, v19.16b}, [x1], #64
    adr     x4, sha256_constants
    mov     v20.16b, v4.16b
    mov     v21.16b, v5.16b
.irp n, 16, 17, 18, 19
    rev32   v\n\().16b, v\n\().16b
.endr
.rept 3
    rounds  16, 17, 18, 19
    rounds  17, 18, 19, 16
    rounds  18, 19, 16, 17
    rounds  19, 16, 17, 18
.endr
    rounds  16
    rounds  17
    rounds  18
    rounds  19
    add     v4.4s, v4.4s, v20.4s
    add     v5.4s, v5.4s, v21.4s
    subs    x2, x2, #1
    b.ne    1b
    stp     q4, q5, [x0]
    ret

// FIPS 180-4, section 4.2.2.
.balign 16
sha256_constants:
    .long   0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5
    .long   0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174
    .long   0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da
    .long   0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967
    .long   0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85
    .long   0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070
    .long   0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3
    .long   0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2
