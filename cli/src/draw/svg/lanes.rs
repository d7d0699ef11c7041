//! Lanes for claims that share memory, so that they are drawn side by side.

use crate::memmap::chart::Claim;

/// Maximum number of claims side by side; further ones are drawn over each other.
const MAX_LANES: usize = 4;

/// A claim's place among those beside it.
#[derive(Clone, Copy)]
pub(super) struct Lane {
    /// From the left, from 0.
    pub(super) index: u32,
    /// How many lanes there are, at least 1.
    pub(super) of: u32,
}

/// Claims that share memory, directly or through others, are drawn side by side. `claims` ascend by base.
pub(super) fn lanes(claims: &[Claim]) -> Vec<Lane> {
    let mut lanes: Vec<Lane> = Vec::with_capacity(claims.len());
    // The ends of the lanes of the present group, and where the group began.
    let (mut ends, mut begin): (Vec<u64>, usize) = (Vec::new(), 0);
    for claim in claims {
        let span = claim.span;
        if ends.iter().all(|&end| end <= span.base()) {
            close(&mut lanes, begin, ends.len());
            (ends, begin) = (Vec::new(), lanes.len());
        }
        let index = match ends.iter().position(|&end| end <= span.base()) {
            Some(index) => index,
            None if ends.len() < MAX_LANES => {
                ends.push(0);
                ends.len() - 1
            }
            None => MAX_LANES - 1,
        };
        if let Some(end) = ends.get_mut(index) {
            *end = span.end().max(*end);
        }
        lanes.push(Lane { index: index as u32, of: 1 });
    }
    close(&mut lanes, begin, ends.len());
    lanes
}

fn close(lanes: &mut [Lane], begin: usize, of: usize) {
    for lane in lanes.iter_mut().skip(begin) {
        lane.of = of.max(1) as u32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memmap::entries::Entry;
    use ringfence::claims::Lifetime;
    use ringfence::span::Span;

    #[test]
    fn what_shares_memory_lies_side_by_side_and_the_next_group_has_all_the_width() {
        let claim = |base, end| {
            let span = Span::from_ends(base, end).unwrap();
            let entry = Entry {
                span: Some(span),
                size: span.len(),
                kind: "reserved",
                lifetime: Some(Lifetime::Reserved),
                node: String::new(),
                flags: Vec::new(),
            };
            Claim { span, entry }
        };
        let claims = [claim(0, 10), claim(5, 8), claim(8, 12), claim(12, 20)];
        let lanes: Vec<(u32, u32)> = lanes(&claims).iter().map(|lane| (lane.index, lane.of)).collect();
        assert_eq!(lanes, [(0, 2), (1, 2), (1, 2), (0, 1)]);
    }
}
