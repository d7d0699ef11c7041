//! The kernel that a payload is judged for.

use crate::profile::{KernelProfile, PageSize};
use crate::span::Size;
use core::fmt;

/// A kernel's profile, and why it is this one.
#[derive(Clone, Copy, Debug)]
pub struct Judged<'n> {
    /// The profile.
    pub profile: KernelProfile,
    /// The version that was named, by whom, and whether only an older one is known.
    named: Option<(&'n str, &'static str, bool)>,
    /// The page size of the kernel's header, where another one was named.
    otherwise: Option<PageSize>,
}

impl<'n> Judged<'n> {
    /// Returns the profile of the first version that is named and is one, else the default, in both cases
    /// with the page size that the kernel's header states, else the one that is named with the version.
    #[must_use]
    pub fn new<const N: usize>(named: [(Option<&'n str>, &'static str); N], page: Option<PageSize>) -> Self {
        let mut known = named.into_iter().filter_map(|(version, by)| {
            let version = version?;
            Some((KernelProfile::for_name(version).ok()?, version, by))
        });
        let Some((found, version, by)) = known.next() else {
            let profile = KernelProfile::default();
            let profile = page.map_or(profile, |page| profile.with_page(page));
            return Self { profile, named: None, otherwise: None };
        };
        Self {
            profile: page.map_or(found.profile(), |page| found.profile().with_page(page)),
            named: Some((version, by, found.choice.is_nearest)),
            otherwise: page.filter(|page| found.page.is_some_and(|named| named != *page)),
        }
    }
}

impl fmt::Display for Judged<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let family = self.profile.since.family();
        match self.named {
            Some((version, by, false)) => write!(f, "Linux {version} (by the {by}), judged as {family}"),
            Some((version, by, true)) => {
                write!(f, "Linux {version} (by the {by}) is not known, judged as the nearest older, {family}")
            }
            None => write!(f, "of no known version, judged as {family}"),
        }?;
        match self.otherwise {
            Some(page) => write!(f, ", with the pages of {} that its header states", Size(page.bytes())),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn the_policy_is_asked_first_then_the_bundle() {
        let judged = |policy, bundle| Judged::new([(policy, "policy"), (bundle, "bundle")], None).to_string();
        assert_eq!(judged(Some("6.6"), Some("6.1.9")), "Linux 6.6 (by the policy), judged as 6.6");
        assert_eq!(judged(None, Some("6.1.9+deb12")), "Linux 6.1.9+deb12 (by the bundle), judged as 6.1");
        assert_eq!(judged(None, None), "of no known version, judged as 6.12");
        assert_eq!(judged(None, Some("six")), judged(None, None), "what is not a version names none");
        assert_eq!(
            judged(Some("6.14.2"), None),
            "Linux 6.14.2 (by the policy) is not known, judged as the nearest older, 6.12"
        );
        let named = Judged::new([(Some("6.12:16k"), "policy")], None);
        assert_eq!(named.profile.page, PageSize::K16);
        assert_eq!(named.to_string(), "Linux 6.12:16k (by the policy), judged as 6.12");
        let packed = Judged::new([(Some("6.12:16k"), "policy")], Some(PageSize::K4));
        assert_eq!(packed.profile.page, PageSize::K4, "the header is right");
        assert!(packed.to_string().ends_with(", with the pages of 4 KiB that its header states"));
        let paged = Judged::new([(Some("7.3"), "policy")], Some(PageSize::K64));
        assert_eq!(paged.profile.page, PageSize::K64);
    }
}
