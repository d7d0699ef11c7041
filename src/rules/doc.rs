//! What a rule states about itself, for people.

use crate::finding::{RuleId, Severity};
use crate::profile::{Family, KernelProfile, families};

/// A rule's own documentation. The stage never refers to it, so it costs no byte there.
///
/// Running text may contain line breaks and indentation; an empty line separates paragraphs.
#[derive(Clone, Copy, Debug)]
pub struct Doc {
    /// The stable number.
    pub id: RuleId,
    /// The stable name, in kebab-case. With the number it is the name of the rule's folder.
    pub name: &'static str,
    /// The problem, in a few words: titles become headings of alerts.
    pub title: &'static str,
    /// The worst severity that the rule reports.
    pub severity: Severity,
    /// The kernels that are affected.
    pub kernels: Kernels,
    /// Whether its errors are failures that the kernel is predicted to log, or to die of.
    pub predicted: Predicted,
    /// What must hold, and what which kernel does when it does not.
    pub why: &'static str,
    /// A device tree with the problem, as DTS; empty where no tree of a readable size has it.
    pub bad: &'static str,
    /// The same tree without the problem.
    pub good: &'static str,
    /// The policy that the examples are checked under, as TOML; empty for none.
    pub policy: &'static str,
    /// The kernel that the examples are checked for; empty for the default.
    pub kernel: &'static str,
    /// The EFI memory map that the examples are checked with, as one of the printed forms; empty for none.
    pub efi_map: &'static str,
    /// The loader's tree that is merged into the examples before they are checked, as DTS; empty for none.
    pub loader: &'static str,
    /// The load options that replace the examples' bootargs; empty for none.
    pub load_options: &'static str,
    /// What the planner does about it; empty where only the tree's author can decide.
    pub repair: &'static str,
}

impl Doc {
    /// What most rules have in common.
    pub const DEFAULT: Self = Self {
        id: RuleId(0),
        name: "",
        title: "",
        severity: Severity::Error,
        kernels: Kernels::All,
        predicted: Predicted::Never,
        why: "",
        bad: "",
        good: "",
        policy: "",
        kernel: "",
        efi_map: "",
        loader: "",
        load_options: "",
        repair: "",
    };
}

/// How the errors of a rule go with the failures that a kernel is predicted to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Predicted {
    /// No kernel logs them.
    Never,
    /// They explain failures, and some of them are silent.
    Partly,
    /// Some kernel logs each of them, or dies of it.
    Always,
}

/// The kernels that a problem affects, stated so that a new kernel profile edits no rule.
#[derive(Clone, Copy, Debug)]
pub enum Kernels {
    /// Every kernel.
    All,
    /// No kernel: only people are misled, or only the board is affected.
    None,
    /// This family and later ones.
    From(Family),
    /// Every kernel that behaves so.
    Where(fn(&KernelProfile) -> bool),
}

/// Returns the kernels from a version such as `6.4` on.
pub(super) const fn from(version: &str) -> Kernels {
    let (mut numbers, mut at) = ([0; 2], 0);
    let mut bytes = version.as_bytes();
    while let [byte, rest @ ..] = bytes {
        match *byte {
            b'.' => at += 1,
            digit @ b'0'..=b'9' => numbers[at] = numbers[at] * 10 + (digit - b'0') as u16,
            _ => panic!("not a version"),
        }
        bytes = rest;
    }
    Kernels::From(Family { major: numbers[0], minor: numbers[1] })
}

impl Kernels {
    /// Returns the families that are affected in their newest release that is known, oldest first.
    pub fn families(self) -> impl Iterator<Item = Family> {
        families().filter(move |profile| self.include(profile)).map(|profile| profile.since.family())
    }

    fn include(self, profile: &KernelProfile) -> bool {
        match self {
            Self::All => true,
            Self::None => false,
            Self::From(first) => profile.since.family() >= first,
            Self::Where(behaves) => behaves(profile),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use alloc::vec::Vec;

    #[test]
    fn ranges_start_with_their_version_and_behaviours_are_those_of_the_newest_release() {
        let names = |kernels: Kernels| kernels.families().map(|f| f.to_string()).collect::<Vec<_>>();
        assert_eq!(names(Kernels::All).len(), families().count());
        assert_eq!(names(Kernels::None), [""; 0]);
        assert_eq!(&names(from("6.4"))[..2], ["6.6", "6.12"], "6.4 is after 6.1, and 6.12 after 6.4");
        assert_eq!(names(from("7.2"))[0], "7.2");
        assert!(!names(Kernels::Where(|kernel| kernel.maps_partial_pages)).contains(&"6.12".to_string()));
    }
}
