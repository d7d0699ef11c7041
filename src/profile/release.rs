//! Versions of Linux, and the profile that is chosen for one.

use super::{KernelProfile, PageSize, RELEASES};
use core::fmt;
use core::str::FromStr;

/// A family of releases, such as 6.12 with all its point releases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Family {
    /// The number before the first dot.
    pub major: u16,
    /// The number after it.
    pub minor: u16,
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// A release, in the order of their numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Release {
    family: Family,
    point: u16,
}

impl Release {
    /// Returns release `major.minor.point`; 0 is the first of its family.
    #[must_use]
    pub const fn new(major: u16, minor: u16, point: u16) -> Self {
        Self { family: Family { major, minor }, point }
    }

    /// Returns its family.
    #[must_use]
    pub const fn family(self) -> Family {
        self.family
    }
}

/// The profile for a version that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The profile.
    pub profile: &'static KernelProfile,
    /// Whether the version's own family is unknown, so that this is the nearest older one.
    pub is_nearest: bool,
}

/// A kernel as people name it, with the page size where they name that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Named {
    /// The profile for its version.
    pub choice: Choice,
    /// The page size behind the colon.
    pub page: Option<PageSize>,
}

impl Named {
    /// Returns the profile, with pages of 4 KiB where none are named.
    #[must_use]
    pub fn profile(&self) -> KernelProfile {
        self.choice.profile.with_page(self.page.unwrap_or(PageSize::K4))
    }
}

/// Why there is no profile for a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadVersion {
    /// What follows the colon is not a page size of arm64.
    BadPage,
    /// It is not a version of Linux.
    NotAVersion,
    /// It is far beyond every version: a point is missing, as in `61`.
    TooNew,
    /// It is older than the oldest kernel that is known, which is this one.
    TooOld(Release),
}

/// By how much a major version may be ahead of the newest that is known.
const MAX_AHEAD: u16 = 5;

/// A version as people write it.
#[derive(Clone, Copy)]
enum Asked {
    Major(u16),
    Family(Family),
    Release(Release),
}

impl FromStr for Asked {
    type Err = BadVersion;

    /// Reads `7`, `6.12`, `6.12.95`, or a release with what a distribution appends, as in
    /// `6.12.95+deb13-arm64`. A release candidate counts as the first release.
    fn from_str(text: &str) -> Result<Self, BadVersion> {
        let (major, rest) = number(text)?;
        let Some(rest) = rest.strip_prefix('.') else {
            return if rest.is_empty() { Ok(Self::Major(major)) } else { Err(BadVersion::NotAVersion) };
        };
        let (minor, rest) = number(rest)?;
        if rest.is_empty() {
            return Ok(Self::Family(Family { major, minor }));
        }
        let (point, rest) = match rest.strip_prefix('.') {
            Some(rest) => number(rest)?,
            None if rest.starts_with("-rc") => (0, rest),
            None => return Err(BadVersion::NotAVersion),
        };
        let appended = rest.is_empty() || rest.starts_with(['-', '+', '~', '_', '.']);
        if appended {
            Ok(Self::Release(Release::new(major, minor, point)))
        } else {
            Err(BadVersion::NotAVersion)
        }
    }
}

/// Splits a text after the decimal number that it begins with.
fn number(text: &str) -> Result<(u16, &str), BadVersion> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at_checked(end).ok_or(BadVersion::NotAVersion)?;
    Ok((digits.parse().map_err(|_| BadVersion::NotAVersion)?, rest))
}

impl KernelProfile {
    /// Returns the profile for a kernel such as `6.12`, or `6.12:64k` with its page size.
    ///
    /// # Errors
    /// Those of [`for_version`](Self::for_version), or the page size is not one.
    pub fn for_name(name: &str) -> Result<Named, BadVersion> {
        let (version, page) =
            name.split_once(':').map_or((name, None), |(version, page)| (version, Some(page)));
        let choice = Self::for_version(version)?;
        let page = page.map(|page| PageSize::named(page).ok_or(BadVersion::BadPage)).transpose()?;
        Ok(Named { choice, page })
    }

    /// Returns the profile for a version such as `6.12.95` or `6.12.95+deb13-arm64`. A family such as `6.12`,
    /// or a major version such as `7`, is its newest release that is known. A family that is not known
    /// behaves like the nearest older one.
    ///
    /// # Errors
    /// The text is not a version, or one older than the oldest that is known.
    pub fn for_version(version: &str) -> Result<Choice, BadVersion> {
        let asked: Asked = version.parse()?;
        let is_later = |profile: &KernelProfile| match asked {
            Asked::Major(major) => profile.since.family.major > major,
            Asked::Family(family) => profile.since.family > family,
            Asked::Release(release) => profile.since > release,
        };
        let newest = RELEASES.last().map_or(0, |profile| profile.since.family.major);
        let major = match asked {
            Asked::Major(major) => major,
            Asked::Family(family) => family.major,
            Asked::Release(release) => release.family.major,
        };
        if major > newest.saturating_add(MAX_AHEAD) {
            return Err(BadVersion::TooNew);
        }
        let Some(profile) = RELEASES.iter().rev().find(|profile| !is_later(profile)) else {
            return Err(RELEASES
                .first()
                .map_or(BadVersion::NotAVersion, |oldest| BadVersion::TooOld(oldest.since)));
        };
        let known = profile.since.family;
        let is_nearest = match asked {
            Asked::Major(major) => known.major != major,
            Asked::Family(family) => known != family,
            Asked::Release(release) => known != release.family,
        };
        Ok(Choice { profile, is_nearest })
    }
}
