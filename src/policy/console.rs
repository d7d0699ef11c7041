//! What a policy says about the stage's console.

use super::Word;

/// What a UART needs before the stage touches it (`[console] require`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ConsoleEvidence {
    /// Anything that names it: a node, the command line, the image.
    #[default]
    Any,
    /// `earlycon` on the command line, or the image: Linux, or who made the image, knows that it has a clock.
    Earlycon,
}

impl Word for ConsoleEvidence {
    const WORDS: &'static [(&'static str, Self)] = &[("any", Self::Any), ("earlycon", Self::Earlycon)];
}
