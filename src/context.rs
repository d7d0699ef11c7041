//! What every step looks at beside the tree.

use crate::facts::BootFacts;
use crate::policy::Policy;
use crate::profile::KernelProfile;

/// What every step looks at beside the tree.
#[derive(Clone, Copy, Debug)]
pub struct Context<'c> {
    /// What the board requires, if there is a policy.
    pub policy: Option<&'c Policy>,
    /// The kernel that will read the tree.
    pub profile: &'c KernelProfile,
    /// What the tree does not say.
    pub facts: &'c BootFacts,
}
