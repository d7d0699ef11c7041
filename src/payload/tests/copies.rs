//! What a face reads that shares its memory with something that writes to it.

use super::*;
use crate::fit::FitError;
use std::cell::RefCell;
use std::ops::Range;

/// Keeps copies, moves kernel and ramdisk, and remembers which addresses it has hashed.
#[derive(Default)]
struct Mover {
    hashed: RefCell<Vec<Range<usize>>>,
    has_no_room: bool,
}

impl Backend for Mover {
    const VERIFIES_COPIES: bool = true;

    fn keep<'a>(&self, bytes: &'a [u8]) -> Option<&'a [u8]> {
        (!self.has_no_room).then(|| &*bytes.to_vec().leak())
    }

    fn sha256(&self, data: &[u8]) -> [u8; 32] {
        self.hashed.borrow_mut().push(addresses(data));
        Plain.sha256(data)
    }
}

fn addresses(bytes: &[u8]) -> Range<usize> {
    let first = bytes.as_ptr() as usize;
    first..first + bytes.len()
}

fn overlap(a: &Range<usize>, b: &Range<usize>) -> bool {
    a.start < b.end && b.start < a.end
}

#[test]
fn what_is_not_moved_is_hashed_and_read_in_a_copy() {
    let (bytes, ..) = bundle();
    let mover = Mover::default();
    let payload = Payload::open(at(&bytes), &bytes, &[], &mover).unwrap();
    let loaders = addresses(&bytes);
    let read = payload.overlays.iter().map(|(_, bytes)| *bytes).chain(payload.fdt.map(|(_, bytes)| bytes));
    let read: Vec<Range<usize>> = read.map(addresses).collect();
    assert_eq!(read.len(), 3);
    assert!(read.iter().all(|one| !overlap(one, &loaders)));
    let hashed = mover.hashed.borrow();
    assert!(hashed.iter().all(|one| !overlap(one, &loaders)), "hashed in the memory of others");
    assert!(read.iter().all(|one| hashed.contains(one)), "what was hashed is what is read");
    // The release is a name in the bundle's own tree.
    assert!(!overlap(&addresses(payload.release.unwrap().as_bytes()), &loaders));
}

#[test]
fn kernel_and_ramdisk_are_verified_where_they_have_been_moved() {
    let (bytes, layout, _) = bundle();
    let mover = Mover::default();
    let payload = Payload::open(at(&bytes), &bytes, &[], &mover).unwrap();
    let (kernel_seal, ramdisk_seal) = (payload.kernel_seal.unwrap(), payload.ramdisk_seal.unwrap());
    let mut copy = kernel();
    assert_eq!(kernel_seal.verify(&copy, &mover), Ok(()));
    assert_eq!(payload.kernel.check_copy(&copy), Ok(()));
    assert_eq!(ramdisk_seal.verify(b"ramdisk", &mover), Ok(()));
    let mismatch = |image: &str| {
        let mismatch = FitError::HashMismatch { image: image.to_string(), algorithm: "sha256" };
        Err(PayloadError::Fit(mismatch))
    };
    assert_eq!(ramdisk_seal.verify(b"ramdisc", &mover), mismatch("ramdisk"));
    *copy.last_mut().unwrap() ^= 1;
    assert_eq!(kernel_seal.verify(&copy, &mover), mismatch("kernel"));
    assert_eq!(kernel_seal.verify(&copy[1..], &mover), mismatch("kernel"));
    // The header says what place it needs, and was read before it was verified.
    for (field, value) in [(0x08, 0x10), (0x12, 0x40), (0x18, 0xa), (0x38, 0)] {
        let mut changed = kernel();
        changed[field] = value;
        assert_eq!(payload.kernel.check_copy(&changed), Err(PayloadError::Changed), "{field:#x}");
    }
    assert_eq!(bytes[layout.kernel as usize..][..0x1_0000], kernel());
}

#[test]
fn of_a_kernel_that_cannot_be_read_it_is_said_that_it_is_damaged() {
    let (mut bytes, layout, _) = bundle();
    bytes[layout.kernel as usize + 0x38] ^= 1;
    let refused = Payload::open(at(&bytes), &bytes, &[], &Mover::default()).map(|_| ()).unwrap_err();
    assert!(matches!(refused, PayloadError::Fit(FitError::HashMismatch { .. })), "{refused}");
}

#[test]
fn an_image_without_a_hash_is_refused_before_it_is_moved() {
    use crate::fdt::{Edits, Tree, rewrite};
    let bytes = labelled("none", "none");
    let tree = Tree::parse(&bytes).unwrap();
    let mut edits = Edits::new();
    edits.remove_node(tree.find("/images/ramdisk/hash-1").unwrap().id());
    let bytes = rewrite(&tree, &edits).unwrap();
    let refused = Payload::open(at(&bytes), &bytes, &[], &Mover::default()).map(|_| ()).unwrap_err();
    assert_eq!(refused, PayloadError::Fit(FitError::Unhashed { image: "ramdisk".to_string() }));
}

#[test]
fn without_room_for_a_copy_nothing_is_read() {
    let (bytes, ..) = bundle();
    let full = Mover { has_no_room: true, ..Mover::default() };
    let refused = Payload::open(at(&bytes), &bytes, &[], &full).map(|_| ()).unwrap_err();
    assert!(matches!(refused, PayloadError::NoRoom { .. }), "{refused}");
    assert!(full.hashed.borrow().is_empty());
}
