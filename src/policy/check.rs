//! Refuses policies that no tree could satisfy, in TOML and as blobs.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::{
    Allowed, Carveout, CmaWant, Key, PersistentLog, Policy, PolicyError, ProtectedRange, Requirement,
    Sentinel,
};
use crate::order;
use crate::profile::KernelProfile;
use crate::ramoops;
use crate::span::{MIB, Span};

/// Largest console area, in bytes. A log must not waste memory.
const LOG_MAX: u64 = 64 * MIB;

impl Policy {
    /// Checks that the policy does not contradict itself.
    ///
    /// # Errors
    /// The first contradiction: an empty or wrapping span, an invalid name, two claims on one span.
    pub fn validate(&self) -> Result<(), PolicyError> {
        let mut first = None;
        self.contradictions(&mut |_, error| {
            first.get_or_insert(error);
        });
        first.map_or(Ok(()), Err)
    }

    /// Reports every contradiction, with the index of the requirement that it is about.
    pub fn contradictions(&self, report: &mut dyn FnMut(Option<usize>, PolicyError)) {
        if self.board.as_ref().is_some_and(|board| board.is_empty() || !is_graphic(board)) {
            report(None, PolicyError::BadBoard);
        }
        if self.kernel.as_ref().is_some_and(|kernel| !is_kernel(kernel)) {
            report(None, PolicyError::UnknownKernel);
        }
        for (index, requirement) in self.requirements.iter().enumerate() {
            let valid = match requirement {
                Requirement::Carveout(carveout) => carveout.validate(),
                Requirement::ProtectedRange(range) => range.validate(),
            };
            if let Err(error) = valid {
                report(Some(index), error);
            }
        }
        for (key, value) in [("boundary", self.boundary), ("guard", self.guard)] {
            // From one page to a size that no board exceeds.
            let allowed = Allowed::PowerOfTwo { min: 4 << 10, max: 1 << 40 };
            if let Some(error) = value.and_then(|value| outside(key, value, allowed)) {
                report(None, error);
            }
        }
        if let Some(cma) = &self.cma {
            check_cma(cma, report);
        }
        if let Some(log) = &self.log {
            check_log(log, report);
        }
        if let Some(Err(error)) = self.sentinel.as_ref().map(Sentinel::validate) {
            report(None, error);
        }
        for place in self.tree.take.iter().filter(|place| !is_place(place)) {
            report(None, PolicyError::BadPlace { place: place.clone() });
        }
        self.check_keys(report);
        self.check_disjoint(report);
    }

    fn check_keys(&self, report: &mut dyn FnMut(Option<usize>, PolicyError)) {
        let names = self.requirements.iter().enumerate();
        let mut names: Vec<(String, usize)> = names.map(|(at, name)| (name.to_string(), at)).collect();
        order::sort(&mut names);
        for pair in names.windows(2) {
            if let [(a, _), (b, at)] = pair
                && a == b
            {
                report(Some(*at), PolicyError::Twice { what: b.clone() });
            }
        }
    }

    fn check_disjoint(&self, report: &mut dyn FnMut(Option<usize>, PolicyError)) {
        // A range may overlap what covers it.
        let carveouts = self.requirements.iter().enumerate();
        let carveouts = carveouts.filter_map(|(at, required)| Some((required.carveout()?, at)));
        let mut fixed: Vec<(Span, &Key, usize)> =
            carveouts.filter_map(|(carveout, at)| Some((carveout.span()?, &carveout.key, at))).collect();
        order::sort(&mut fixed);
        // In ascending order, the one before that reaches furthest overlaps if any does.
        let mut furthest: Option<(Span, &Key)> = None;
        for (span, second, at) in fixed {
            if let Some((lower, first)) = furthest
                && let Some(shared) = lower.intersection(span)
                && first != second
            {
                let (first, second) = (first.clone(), second.clone());
                report(Some(at), PolicyError::Overlap { first, second, shared });
            }
            if furthest.is_none_or(|(lower, _)| lower.end() < span.end()) {
                furthest = Some((span, second));
            }
        }
    }
}

/// Returns the error of a number that is not allowed.
fn outside(key: &'static str, value: u64, allowed: Allowed) -> Option<PolicyError> {
    let fits = match allowed {
        Allowed::PowerOfTwo { min, max } => value.is_power_of_two() && (min..=max).contains(&value),
        Allowed::MultipleOf(unit) => value.is_multiple_of(unit),
    };
    (!fits).then_some(PolicyError::Bounds { key, value, allowed })
}

/// Returns whether a kernel is known and named by more than its major version, which stands for other
/// releases as these come out. Four numbers and nothing else are not a release. A page size may follow.
fn is_kernel(text: &str) -> bool {
    let is_number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let version = text.split_once(':').map_or(text, |(version, _)| version);
    let parts = version.split('.').count();
    let is_named = parts > 1 && (parts < 4 || !version.split('.').all(is_number));
    is_named && KernelProfile::for_name(text).is_ok()
}

/// Returns whether a path names a node below the root: `/a/b`, no name of it empty.
fn is_path(text: &str) -> bool {
    text.strip_prefix('/').is_some_and(|names| names.split('/').all(|name| !name.is_empty()))
}

/// Returns whether `/path` or `/path:property` is written so.
fn is_place(text: &str) -> bool {
    let (path, property) = text.split_once(':').unwrap_or((text, "-"));
    is_path(path) && !property.is_empty() && is_graphic(text)
}

/// Returns whether a name can be used. Names end up in flattened trees and on one line of a console.
fn is_graphic(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_graphic())
}

impl Key {
    /// Returns whether a node can have this name.
    pub(super) fn is_valid(&self) -> bool {
        match self {
            Self::Path(path) => is_path(path) && is_graphic(path),
            Self::Label(label) => {
                !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
            }
        }
    }
}

impl Carveout {
    fn validate(&self) -> Result<(), PolicyError> {
        if !self.key.is_valid() {
            return Err(PolicyError::BadKey { key: self.key.clone() });
        }
        if self.size == 0 {
            return Err(PolicyError::Empty { what: self.key.to_string() });
        }
        if let Some(base) = self.base
            && self.span().is_none()
        {
            return Err(PolicyError::Wraps { what: self.key.to_string(), base, size: self.size });
        }
        Ok(())
    }
}

impl ProtectedRange {
    /// Checks that the name can be that of a node, with room for its unit address.
    pub(super) fn validate(&self) -> Result<(), PolicyError> {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"_-".contains(&b);
        match (1..=31).contains(&self.name.len()) && self.name.bytes().all(plain) {
            true => Ok(()),
            false => Err(PolicyError::BadName { name: self.name.clone() }),
        }
    }
}

fn check_cma(cma: &CmaWant, report: &mut dyn FnMut(Option<usize>, PolicyError)) {
    if cma.size == 0 {
        report(None, PolicyError::Empty { what: "cma".to_string() });
    }
    let allowed = Allowed::PowerOfTwo { min: 1, max: 1 << 63 };
    if let Some(error) = cma.align.and_then(|align| outside("cma.alignment", align, allowed)) {
        report(None, error);
    }
    if let Some(range) = cma.range.filter(|range| range.len() < cma.size) {
        report(None, PolicyError::RangeTooSmall { range, size: cma.size });
    }
}

fn check_log(log: &PersistentLog, report: &mut dyn FnMut(Option<usize>, PolicyError)) {
    let size = outside("log.size", log.size, Allowed::PowerOfTwo { min: ramoops::ALIGN, max: LOG_MAX });
    let is_sound = size.is_none();
    size.into_iter().for_each(|error| report(None, error));
    let Some(base) = log.base else { return };
    let allowed = Allowed::MultipleOf(ramoops::ALIGN);
    let wraps = is_sound && Span::new(base, ramoops::len(log)).is_none();
    let wraps = wraps.then_some(PolicyError::Bounds { key: "log.base", value: base, allowed });
    if let Some(error) = outside("log.base", base, allowed).or(wraps) {
        report(None, error);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Via;
    use alloc::string::ToString;
    use alloc::vec;

    fn carveout(path: &str, base: u64, size: u64) -> Requirement {
        Carveout { key: Key::Path(path.to_string()), base: Some(base), size, no_map: true }.into()
    }

    fn with(requirements: Vec<Requirement>) -> Policy {
        Policy { requirements, ..Policy::default() }
    }

    #[test]
    fn neighbours_may_touch_but_not_overlap() {
        let touching =
            with(vec![carveout("/r/b@2000", 0x2000, 0x1000), carveout("/r/a@1000", 0x1000, 0x1000)]);
        assert_eq!(touching.validate(), Ok(()));
        let over = with(vec![carveout("/r/b@2000", 0x2000, 0x1000), carveout("/r/a@1000", 0x1000, 0x1001)]);
        assert_eq!(
            over.validate().unwrap_err().to_string(),
            "carveouts /r/a@1000 and /r/b@2000 both require 0x2000..0x2001 (1 byte): \
             no tree can satisfy both"
        );
    }

    #[test]
    fn a_span_that_cannot_exist_is_refused() {
        assert!(matches!(with(vec![carveout("/a", 0x1000, 0)]).validate(), Err(PolicyError::Empty { .. })));
        let wrapping = with(vec![carveout("/a", u64::MAX - 1, 2)]);
        assert!(matches!(wrapping.validate(), Err(PolicyError::Wraps { .. })));
    }

    #[test]
    fn one_carveout_has_one_entry_and_a_name_that_can_be_found() {
        let twice = with(vec![carveout("/a", 0x1000, 1), carveout("/a", 0x9000, 1)]);
        assert!(matches!(twice.validate(), Err(PolicyError::Twice { .. })));
        assert!(matches!(with(vec![carveout("a", 0, 1)]).validate(), Err(PolicyError::BadKey { .. })));
    }

    #[test]
    fn a_range_has_a_plain_name_and_a_place_and_may_lie_over_a_carveout() {
        let range = |name: &str| ProtectedRange::new(name.to_string(), 0x1000, 0x2000);
        let secmon = range("secmon").unwrap().into();
        assert_eq!(with(vec![carveout("/r/a@1000", 0x1000, 0x1000), secmon]).validate(), Ok(()));
        let bad = |name| matches!(range(name), Err(PolicyError::BadName { .. }));
        assert!(bad("") && bad("sec/mon") && bad("tz@1000") && bad(&"x".repeat(32)));
        let sized = |base, size| ProtectedRange::new("tz".to_string(), base, size);
        assert!(matches!(sized(0x1000, 0), Err(PolicyError::Empty { .. })));
        assert!(matches!(sized(u64::MAX, 2), Err(PolicyError::Wraps { .. })));
        let twice = with(vec![range("tz").unwrap().into(), range("tz").unwrap().into()]);
        assert!(matches!(twice.validate(), Err(PolicyError::Twice { .. })));
    }

    #[test]
    fn every_contradiction_is_reported_in_the_words_of_its_key() {
        let requirements =
            vec![carveout("/a", 0x1000, 0x9000), carveout("/b", 0x2000, 1), carveout("c", 0x5000, 0)];
        let policy =
            Policy { requirements, boundary: Some(3 << 20), guard: Some(1 << 11), ..Policy::default() };
        let mut found = Vec::new();
        policy.contradictions(&mut |at, error| found.push((at, error.to_string())));
        let found: Vec<_> = found.iter().map(|(at, text)| (*at, text.as_str())).collect();
        assert_eq!(
            found,
            [
                (Some(2), "carveout `c`: not an absolute node path such as /reserved-memory/name@base"),
                (None, "`boundary` is 3 MiB: it must be a power of two from 4 KiB to 1024 GiB"),
                (None, "`guard` is 2 KiB: it must be a power of two from 4 KiB to 1024 GiB"),
                (
                    Some(1),
                    "carveouts /a and /b both require 0x2000..0x2001 (1 byte): no tree can satisfy both"
                ),
            ]
        );
    }

    #[test]
    fn cma_must_fit_where_it_may_lie() {
        let cma = |size, align, range| Policy {
            cma: Some(CmaWant { size, align, range, via: Via::Node }),
            ..Policy::default()
        };
        assert_eq!(cma(0x1000, Some(0x1000), Span::new(0, 0x1000)).validate(), Ok(()));
        assert!(matches!(
            cma(0x1001, None, Span::new(0, 0x1000)).validate(),
            Err(PolicyError::RangeTooSmall { .. })
        ));
        let crooked = cma(1, Some(3), None).validate().unwrap_err();
        assert_eq!(crooked.to_string(), "`cma.alignment` is 3 bytes: it must be a power of two");
    }

    #[test]
    fn a_log_is_made_of_whole_pages_of_any_kernel() {
        let log =
            |size, base| Policy { log: Some(PersistentLog { size, base }), ..Policy::default() }.validate();
        assert_eq!(log(64 << 10, None), Ok(()));
        assert_eq!(log(1 << 20, Some(0xfff0_0000)), Ok(()));
        for (size, base) in [(0, None), (32 << 10, None), (96 << 10, None), (128 << 20, None)] {
            assert!(matches!(log(size, base), Err(PolicyError::Bounds { key: "log.size", .. })));
        }
        for base in [0xfff0_1000, u64::MAX << 16] {
            assert!(matches!(log(64 << 10, Some(base)), Err(PolicyError::Bounds { key: "log.base", .. })));
        }
    }
}
