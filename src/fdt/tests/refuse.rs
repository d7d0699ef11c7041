//! What is accepted and what is refused, and in which words.

use super::super::*;
use super::*;
use alloc::vec;

/// Returns the board with one word of its header or its content changed.
fn damaged(at: usize, word: u32) -> Result<(), FdtError> {
    let mut blob = board();
    blob[at..at + 4].copy_from_slice(&word.to_be_bytes());
    Blob::check(&blob).map(drop)
}

#[test]
fn a_damaged_header_is_refused_by_name() {
    let blob = board();
    let len = blob.len() as u32;
    let word = |at: usize| header::be32(&blob, at).unwrap();
    assert!(matches!(Blob::check(&[]), Err(FdtError::TooShort { have: 0, .. })));
    assert!(matches!(Blob::check(&blob[..39]), Err(FdtError::TooShort { have: 39, .. })));
    assert!(matches!(Blob::check(&blob[..blob.len() - 1]), Err(FdtError::Truncated { .. })));
    assert_eq!(damaged(0, 0xedfe_0dd0), Err(FdtError::BadMagic { found: 0xedfe_0dd0 }));
    assert!(matches!(damaged(4, len + 1), Err(FdtError::Truncated { .. })));
    assert!(matches!(damaged(4, 39), Err(FdtError::TooShort { have: 39, .. })));
    assert!(matches!(damaged(4, MAX_SIZE as u32 + 1), Err(FdtError::TooLarge { .. })));
    assert!(matches!(damaged(8, len), Err(FdtError::BlockOutside { block: Block::Struct, .. })));
    assert!(matches!(damaged(8, u32::MAX - 3), Err(FdtError::BlockOutside { .. })));
    assert!(matches!(damaged(8, 73), Err(FdtError::BlockUnaligned { block: Block::Struct, .. })));
    assert!(matches!(damaged(16, 44), Err(FdtError::BlockUnaligned { block: Block::Reserve, .. })));
    assert!(matches!(damaged(16, 32), Err(FdtError::BlockOverlap { first: Block::Header, .. })));
    assert!(matches!(damaged(20, 15), Err(FdtError::BadVersion { version: 15, .. })));
    assert!(matches!(damaged(24, 18), Err(FdtError::BadVersion { last_compatible: 18, .. })));
    assert!(matches!(damaged(32, word(32) + 1), Err(FdtError::BlockOutside { block: Block::Strings, .. })));
    assert!(matches!(damaged(36, word(36) - 4), Err(FdtError::StructTruncated { .. })));
}

#[test]
fn what_follows_the_end_in_its_block_is_no_part_of_the_tree() {
    let (blob, plain) = (words(&[1, 0, 2, 9, 4, 0xdead]), words(&[1, 0, 2, 9]));
    let tree = Tree::parse(&blob).unwrap();
    assert_eq!(tree.nodes().count(), 1);
    let again = rewrite(&tree, &Edits::new()).unwrap();
    assert_eq!(again, rewrite(&Tree::parse(&plain).unwrap(), &Edits::new()).unwrap());
}

/// Returns a blob of these structure words with the strings block `"reg\0"`.
fn words(words: &[u32]) -> Vec<u8> {
    let len = words.len() as u32 * 4;
    let mut blob = Vec::new();
    let header = [MAGIC, 56 + len + 4, 56, 56 + len, 40, 17, 16, 0, 4, len, 0, 0, 0, 0];
    header.iter().chain(words).for_each(|word| blob.extend(word.to_be_bytes()));
    blob.extend(b"reg\0");
    blob
}

const A: u32 = u32::from_be_bytes(*b"a\0\0\0");

#[test]
fn a_damaged_structure_is_refused_by_name() {
    let check = |list: &[u32]| Blob::check(&words(list)).map(drop);
    assert_eq!(check(&[1, 0, 3, 0, 0, 1, A, 2, 2, 9]), Ok(()));
    assert_eq!(check(&[9]), Err(FdtError::NoRoot));
    assert!(matches!(check(&[]), Err(FdtError::StructTruncated { .. })));
    assert!(matches!(check(&[1, 0, 2]), Err(FdtError::StructTruncated { offset: 68 })));
    assert!(matches!(check(&[1, 0, 9]), Err(FdtError::Unclosed { open: 1, .. })));
    assert!(matches!(check(&[1, 0, 2, 2, 9]), Err(FdtError::UnbalancedEnd { offset: 68 })));
    assert!(matches!(check(&[1, 0, 2, 1, 0, 2, 9]), Err(FdtError::SecondRoot { offset: 68 })));
    assert!(matches!(check(&[1, 0, 5, 2, 9]), Err(FdtError::BadToken { token: 5, offset: 64 })));
    assert!(matches!(check(&[3, 0, 0, 1, 0, 2, 9]), Err(FdtError::PropMisplaced { offset: 56 })));
    assert!(matches!(check(&[1, 0, 3, 9, 0, 2, 9]), Err(FdtError::StructTruncated { offset: 64 })));
    assert!(matches!(check(&[1, 0, 1, A, 2, 3, 0, 0, 2, 9]), Err(FdtError::PropMisplaced { .. })));
    assert!(matches!(check(&[1, 0, 3, u32::MAX, 0, 2, 9]), Err(FdtError::StructTruncated { offset: 64 })));
    let name = |list: &[u32]| match check(list) {
        Err(FdtError::BadNodeName { fault, .. } | FdtError::BadPropName { fault, .. }) => fault,
        other => panic!("{other:?}"),
    };
    assert_eq!(name(&[1, A, 2, 9]), NameFault::NamedRoot);
    assert_eq!(name(&[1, 0, 1, 0, 2, 2, 9]), NameFault::Empty);
    assert_eq!(name(&[1, 0, 1, u32::from_be_bytes(*b"a/b\0"), 2, 2, 9]), NameFault::Slash);
    assert_eq!(name(&[1, 0, 1, u32::from_be_bytes(*b"a b\0"), 2, 2, 9]), NameFault::NotPrintable);
    assert_eq!(name(&[1, 0, 3, 0, 3, 2, 9]), NameFault::Empty);
    assert_eq!(name(&[1, 0, 3, 0, 4, 2, 9]), NameFault::Unterminated);
    assert_eq!(name(&[1, 0, 3, 0, 5, 2, 9]), NameFault::Outside);
    let deep = |levels: usize| {
        let mut list = vec![1, 0];
        (1..levels).for_each(|_| list.extend([1, A]));
        list.extend(vec![2; levels]);
        list.push(9);
        check(&list)
    };
    assert_eq!(deep(MAX_DEPTH), Ok(()));
    assert!(matches!(deep(MAX_DEPTH + 1), Err(FdtError::TooDeep { .. })));
}

#[test]
fn nops_are_legal_anywhere_and_are_not_copied() {
    let list = [4, 1, 0, 4, 4, 3, 0, 0, 4, 1, A, 4, 2, 4, 2, 4, 9];
    let blob = words(&list);
    let tree = Tree::parse(&blob).unwrap();
    assert!(tree.blob().has_nops());
    assert_eq!((tree.blob().node_count(), tree.blob().prop_count()), (2, 1));
    assert_eq!(rewrite(&tree, &Edits::new()).unwrap(), words(&[1, 0, 3, 0, 0, 1, A, 2, 2, 9]));
}

#[test]
fn the_first_of_two_equal_properties_counts_and_an_edit_leaves_one() {
    let one = u32::from_be_bytes(*b"1\0\0\0");
    let two = u32::from_be_bytes(*b"2\0\0\0");
    let blob = words(&[1, 0, 3, 2, 0, one, 3, 2, 0, two, 2, 9]);
    let tree = Tree::parse(&blob).unwrap();
    assert_eq!(tree.root().prop("reg").unwrap().as_str(), Some("1"));
    assert_eq!(rewrite(&tree, &Edits::new()).unwrap(), blob, "a copy keeps both");
    let mut edits = Edits::new();
    edits.set(NodeId(0), "reg", vec![b'3', 0]);
    let three = u32::from_be_bytes(*b"3\0\0\0");
    assert_eq!(rewrite(&tree, &edits).unwrap(), words(&[1, 0, 3, 2, 0, three, 2, 9]));
}

#[test]
fn version_16_has_no_size_of_its_structure() {
    let full = words(&[1, 0, 3, 0, 0, 2, 9]);
    let mut old = full.clone();
    old[23] = 16;
    old[36..40].copy_from_slice(&[0xff; 4]);
    let tree = Tree::parse(&old).unwrap();
    assert_eq!(tree.blob().version(), 16);
    assert_eq!(rewrite(&tree, &Edits::new()).unwrap(), full);
}

#[test]
fn a_reserve_list_ends_at_the_first_empty_entry_or_not_at_all() {
    let mut blob = build(&NewNode::new(""), 0, &[(1, 2), (3, 4), (5, 6)]).unwrap();
    blob[40 + 16 + 15] = 0;
    assert_eq!(Blob::check(&blob).unwrap().memreserve().collect::<Vec<_>>(), [(1, 2)]);
    for entry in blob[40..].chunks_exact_mut(16) {
        entry[15] = 1;
    }
    assert!(matches!(Blob::check(&blob), Err(FdtError::ReserveUnterminated { .. })));
}

#[test]
fn bytes_behind_the_blob_are_not_its_own() {
    let mut blob = board();
    let len = blob.len();
    blob.resize(1 << 20, 0xa5);
    assert_eq!(Blob::check(&blob).unwrap().bytes().len(), len);
}

#[test]
fn errors_say_what_where_and_what_to_do() {
    assert_eq!(
        alloc::format!("{}", damaged(16, 44).unwrap_err()),
        "the memory reserve list at offset 0x2c is not 8-byte aligned: rebuild it with dtc"
    );
}

#[test]
fn names_have_an_end_a_length_and_an_alphabet() {
    use super::super::token::{all_names, measure};
    let longest = [vec![b'n'; MAX_NAME], vec![0]].concat();
    let longer = [vec![b'n'; MAX_NAME + 1], vec![0]].concat();
    assert_eq!(measure(&longest, 0, true), Ok(MAX_NAME));
    assert_eq!(measure(&longer, 0, true), Err(NameFault::TooLong));
    assert_eq!(measure(&longer, 1, true), Ok(MAX_NAME));
    assert_eq!(measure(b"a/b\0", 0, true), Ok(3));
    assert_eq!(measure(b"a\tb\0", 0, true), Err(NameFault::NotPrintable));
    assert_eq!(measure(b"a\x80\0", 0, true), Err(NameFault::NotPrintable));
    // The scan of a whole strings block promises the same for every offset, so it is as strict.
    assert!(all_names(&longest) && all_names(b"") && all_names(b"a\0\0b\0"));
    assert!(!all_names(&longer) && !all_names(b"a\0b") && !all_names(b"a\tb\0"));
}
