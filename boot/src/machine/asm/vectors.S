// Three exceptions are expected in the life of the stage: the fault of a probe, an SError as the answer to
// one, and one that was pending at entry. They are resumed here, without a word of stack; any other goes to
// Rust on a stack of its own and ends there, so no register need be saved.

.section .vectors, "ax"
.macro vector kind
    .balign 128
    mov     x9, #\kind
    b       on_exception
.endm

.balign 2048
.global vectors
vectors:
.irp kind, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    vector  \kind
.endr

// Before there is anything to report with.
.balign 2048
early_vectors:
.rept 16
    .balign 128
    b       park
.endr

.section .text.exception, "ax"
on_exception:
    mrs     x10, CurrentEL
    cmp     x10, #(2 << 2)
    b.eq    1f
    mrs     x10, elr_el1
    mrs     x11, esr_el1
    mrs     x12, far_el1
    b       2f
1:  mrs     x10, elr_el2
    mrs     x11, esr_el2
    mrs     x12, far_el2
2:  cmp     x9, #7                  // SError, from this level
    b.eq    4f
    adr     x13, probe_access
    cmp     x10, x13
    b.ne    fault
    cmp     x9, #4                  // synchronous, from this level
    b.ne    fault
resume:
    mov     x0, x11
    mov     x1, x12
    adr     x13, probe_faulted
    mrs     x10, CurrentEL
    cmp     x10, #(2 << 2)
    b.eq    3f
    msr     elr_el1, x13
    eret
3:  msr     elr_el2, x13
    eret
4:  adr     x13, probe_access
    cmp     x10, x13
    b.ls    fault                   // before the read
    adr     x13, serror_expected
    cmp     x10, x13
    b.ls    resume

fault:
    mov     x4, sp
    adrp    x13, __fault_stack_top
    mov     sp, x13
    mov     x0, x9
    mov     x1, x11
    mov     x2, x12
    mov     x3, x10
    mov     x5, x30
    mov     x29, xzr
    bl      stage_fault
    b       park

// unmask_serrors(): take an SError that is pending, and any later one when it comes. x0 is 0 where none is
// pending, else its ESR.
.global unmask_serrors
unmask_serrors:
    dsb     sy
    mov     x0, xzr
    b       1f

// probe_byte(x0 address): read one byte there. x0 is 0 when that worked, else ESR with FAR in x1. The handler
// uses x9 to x13, which a function call may. After the read, up to `serror_expected`, an SError is what was
// waited for.
.global probe_byte
probe_byte:
    dsb     sy
    isb
probe_access:
    ldrb    w2, [x0]
    dsb     sy
    isb
    mov     x0, xzr
    mov     x1, xzr
probe_faulted:
    ret
1:  msr     daifclr, #4
    isb
serror_expected:
    ret
