//! Kernels as `--kernel` and the configuration's `kernels` name them.

use ringfence::profile::{self, BadVersion, KernelProfile, PageSize};

use crate::terminal;

/// Reads a kernel: a version such as `6.12` or `6.12.95`, or `6.12:64k` with its page size. Says on the
/// standard error when an older kernel is used in its place.
///
/// # Errors
/// What to write instead.
pub fn parse(text: &str) -> Result<KernelProfile, String> {
    let version = text.split_once(':').map_or(text, |(version, _)| version);
    let named = KernelProfile::for_name(text).map_err(|error| match error {
        BadVersion::BadPage => "pages are of 4k, 16k or 64k".to_string(),
        BadVersion::NotAVersion => {
            let known = families();
            format!("write a version such as 6.12 or 6.12.95; known here: {}", known.join(", "))
        }
        BadVersion::TooNew => match with_point(version) {
            Some(meant) => format!("did you mean {meant}?"),
            None => format!("known here: {}", families().join(", ")),
        },
        BadVersion::TooOld(oldest) => format!("the oldest kernel that is known is {}", oldest.family()),
    })?;
    if named.choice.is_nearest {
        let family = named.choice.profile.since.family();
        terminal::err(&format!(
            "note: Linux {version} is not known; {family}, the nearest older one, is used\n"
        ));
    }
    Ok(named.profile())
}

/// Returns the known version that lacks its point: `6.1` for `61`.
fn with_point(version: &str) -> Option<String> {
    let bare = |family: &String| family.replace('.', "") == version;
    families().into_iter().find(bare)
}

/// Returns the families of kernels that are known, oldest first.
#[must_use]
pub fn families() -> Vec<String> {
    profile::families().map(|profile| profile.since.family().to_string()).collect()
}

/// Returns the name of a kernel as `--kernel` takes it.
#[must_use]
pub fn name(profile: &KernelProfile) -> String {
    let page = match profile.page {
        PageSize::K4 => "",
        PageSize::K16 => ":16k",
        PageSize::K64 => ":64k",
    };
    format!("{}{page}", profile.since.family())
}
