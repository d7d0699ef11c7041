//! Refuses policies that no tree could satisfy, in TOML and as blobs.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::{Carveout, CmaWant, Key, PersistentLog, Policy, PolicyError, ProtectedRange, Requirement};
use crate::order;
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
        if self.board.as_ref().is_some_and(|board| board.is_empty() || !is_graphic(board)) {
            return Err(PolicyError::Malformed { node: "policy".to_string(), name: "board".to_string() });
        }
        for requirement in &self.requirements {
            match requirement {
                Requirement::Carveout(carveout) => carveout.validate()?,
                Requirement::ProtectedRange(range) => range.validate()?,
            }
        }
        for align in [self.boundary, self.guard].into_iter().flatten() {
            // From one page to a size that no board exceeds.
            if !align.is_power_of_two() || !(4 << 10..=1 << 40).contains(&align) {
                return Err(PolicyError::Alignment { align });
            }
        }
        if let Some(cma) = &self.cma {
            validate_cma(cma)?;
        }
        if let Some(log) = &self.log {
            validate_log(log)?;
        }
        if let Some(sentinel) = &self.sentinel {
            sentinel.validate()?;
        }
        if let Some(what) = self.tree.take.iter().find(|what| !is_place(what)) {
            return Err(PolicyError::BadPlace { place: what.clone() });
        }
        self.validate_keys()?;
        self.validate_disjoint()
    }

    fn validate_keys(&self) -> Result<(), PolicyError> {
        let mut names: Vec<String> = self.requirements.iter().map(ToString::to_string).collect();
        order::sort(&mut names);
        match names.windows(2).find_map(|pair| match pair {
            [a, b] if a == b => Some(a.clone()),
            _ => None,
        }) {
            Some(what) => Err(PolicyError::Twice { what }),
            None => Ok(()),
        }
    }

    fn validate_disjoint(&self) -> Result<(), PolicyError> {
        // A range may overlap what covers it.
        let carveouts = self.requirements.iter().filter_map(Requirement::carveout);
        let mut fixed: Vec<(Span, &Key)> =
            carveouts.filter_map(|carveout| Some((carveout.span()?, &carveout.key))).collect();
        order::sort(&mut fixed);
        // In ascending order, the first overlap is between neighbours.
        for pair in fixed.windows(2) {
            if let [(a, first), (b, second)] = pair
                && let Some(shared) = a.intersection(*b)
            {
                return Err(PolicyError::Overlap {
                    first: (*first).clone(),
                    second: (*second).clone(),
                    shared,
                });
            }
        }
        Ok(())
    }
}

/// Returns whether `/path` or `/path:property` is written so.
fn is_place(text: &str) -> bool {
    let (path, property) = text.split_once(':').unwrap_or((text, "-"));
    path.len() > 1 && path.starts_with('/') && !property.is_empty() && is_graphic(text)
}

/// Returns whether a name can be used. Names end up in flattened trees and on one line of a console.
fn is_graphic(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_graphic())
}

impl Key {
    /// Returns whether a node can have this name.
    pub(super) fn is_valid(&self) -> bool {
        match self {
            Self::Path(path) => path.len() > 1 && path.starts_with('/') && is_graphic(path),
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

fn validate_cma(cma: &CmaWant) -> Result<(), PolicyError> {
    if cma.size == 0 {
        return Err(PolicyError::Empty { what: "cma".to_string() });
    }
    if let Some(align) = cma.align.filter(|align| !align.is_power_of_two()) {
        return Err(PolicyError::Alignment { align });
    }
    if let Some(range) = cma.range.filter(|range| range.len() < cma.size) {
        return Err(PolicyError::RangeTooSmall { range, size: cma.size });
    }
    Ok(())
}

fn validate_log(log: &PersistentLog) -> Result<(), PolicyError> {
    let malformed =
        |name: &str| Err(PolicyError::Malformed { node: "log".to_string(), name: name.to_string() });
    if !log.size.is_power_of_two() || !(ramoops::ALIGN..=LOG_MAX).contains(&log.size) {
        return malformed("size");
    }
    match log.base {
        Some(base) if base % ramoops::ALIGN != 0 || Span::new(base, ramoops::len(log)).is_none() => {
            malformed("base")
        }
        _ => Ok(()),
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
        assert_eq!(cma(1, Some(3), None).validate(), Err(PolicyError::Alignment { align: 3 }));
    }

    #[test]
    fn a_log_is_made_of_whole_pages_of_any_kernel() {
        let log =
            |size, base| Policy { log: Some(PersistentLog { size, base }), ..Policy::default() }.validate();
        assert_eq!(log(64 << 10, None), Ok(()));
        assert_eq!(log(1 << 20, Some(0xfff0_0000)), Ok(()));
        for (size, base) in [(0, None), (32 << 10, None), (96 << 10, None), (128 << 20, None)] {
            assert!(matches!(log(size, base), Err(PolicyError::Malformed { name, .. }) if name == "size"));
        }
        for base in [0xfff0_1000, u64::MAX << 16] {
            let refused = log(64 << 10, Some(base));
            assert!(matches!(refused, Err(PolicyError::Malformed { name, .. }) if name == "base"));
        }
    }
}
