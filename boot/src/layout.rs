//! Where the parts of the running stage lie.
//!
//! On the machine the numbers come from linker symbols; on the host from [`Layout::fake`], so that everything
//! which is computed from them runs under `cargo test`.

use crate::paging::Access;
use ringfence::span::Span;

/// The addresses between the parts of the stage's image, ascending and page-aligned (see `linker/stage.ld`).
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    /// First byte of the image: header, code.
    pub base: u64,
    /// End of the code, start of the constants.
    pub text_end: u64,
    /// End of the constants, start of data, BSS, tables, the log ring and the stack for faults.
    pub rodata_end: u64,
    /// Start of the page below the stack that is never mapped; end of the data.
    pub guard: u64,
    /// Lowest byte of the stack.
    pub stack_bottom: u64,
    /// End of the stack, start of the heap.
    pub stack_top: u64,
    /// End of the image and of the heap.
    pub end: u64,
}

impl Layout {
    /// All that the stage owns, the guard page included.
    #[must_use]
    pub const fn image(&self) -> Option<Span> {
        Span::from_ends(self.base, self.end)
    }

    /// The parts that are mapped, with what each allows. The guard page is in none of them.
    #[must_use]
    pub fn parts(&self) -> [Option<(Span, Access)>; 4] {
        let part = |from, to, access| Span::from_ends(from, to).map(|span| (span, access));
        [
            part(self.base, self.text_end, Access::Code),
            part(self.text_end, self.rodata_end, Access::ReadOnly),
            part(self.rodata_end, self.guard, Access::Data),
            part(self.stack_bottom, self.end, Access::Data),
        ]
    }

    /// A layout for tests on the host, at any page-aligned base.
    #[must_use]
    pub const fn fake(base: u64) -> Self {
        Self {
            base,
            text_end: base + 0x1_0000,
            rodata_end: base + 0x1_6000,
            guard: base + 0x2_a000,
            stack_bottom: base + 0x2_b000,
            stack_top: base + 0x3_b000,
            end: base + 0x80_0000,
        }
    }
}
