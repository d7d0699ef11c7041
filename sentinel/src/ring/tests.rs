//! The ring as it is written and read back, and as it must not be believed.

use super::*;
use std::boxed::Box;
use std::vec::Vec;

fn empty() -> Box<Ring> {
    let zero = || AtomicU64::new(0);
    Box::new(Ring {
        magic: zero(),
        written: zero(),
        frequency: zero(),
        holes: zero(),
        counts: core::array::from_fn(|_| zero()),
        _head: core::array::from_fn(|_| zero()),
        hole: core::array::from_fn(|_| core::array::from_fn(|_| zero())),
        record: core::array::from_fn(|_| core::array::from_fn(|_| zero())),
    })
}

/// Returns the bytes that are in memory.
fn bytes(ring: &Ring) -> Vec<u8> {
    let head = [&ring.magic, &ring.written, &ring.frequency, &ring.holes];
    let words = head.into_iter().chain(&ring.counts).chain(&ring._head);
    let words = words.chain(ring.hole.iter().flatten()).chain(ring.record.iter().flatten());
    let mut bytes: Vec<u8> = words.flat_map(|word| word.load(Relaxed).to_le_bytes()).collect();
    bytes.resize(LEN, 0);
    bytes
}

fn event(number: u64) -> Event {
    Event {
        kind: Kind::Access,
        level: 0,
        hole: Some((number % 2) as u16),
        time: number * 62_500,
        cpu: number % 4,
        address: 0x8430_0000 + number,
        pc: 0x40_0000,
        virtual_address: 0xffff_8000,
        esr: 0x9200_0007,
        dropped: number / 3,
    }
}

fn holes() -> [Hole; 2] {
    [Hole::new(0x8430_0000, 0x8480_0000, "camera@84300000"), Hole::new(0x8480_0000, 0x8610_0000, "wpss")]
}

#[test]
fn records_come_back_as_they_went_the_first_and_the_last_of_many() {
    let ring = empty();
    ring.start(62_500_000, &holes());
    for number in 0..1000 {
        ring.add(&event(number));
    }
    let bytes = bytes(&ring);
    let reader = Reader::new(&bytes).unwrap();
    assert_eq!(
        (reader.written(), reader.name(0), reader.name(1)),
        (1000, Some("camera@84300000"), Some("wpss"))
    );
    let events: Vec<Event> = reader.events().collect();
    assert_eq!(events.len() as u64, RECORDS);
    assert_eq!(events[..KEPT as usize], (0..KEPT).map(event).collect::<Vec<_>>());
    assert_eq!(events.last(), Some(&event(999)));
    assert_eq!(events[KEPT as usize], event(1000 - (RECORDS - KEPT)));
    assert_eq!(reader.microseconds(&event(16)), 16_000);
}

#[test]
fn a_ring_is_found_in_a_dump() {
    let ring = empty();
    ring.start(1, &holes());
    ring.add(&event(7));
    let dump = [&[0x5a; 4096][..], &bytes(&ring)].concat();
    assert_eq!(Reader::find(&dump).unwrap().events().collect::<Vec<_>>(), [event(7)]);
    assert!(Reader::find(&dump[..dump.len() - 8]).is_none(), "only a part of it");
    assert!(Reader::new(&dump).is_none());
}

#[test]
fn what_is_damaged_is_passed_over() {
    let ring = empty();
    ring.start(0, &holes());
    (0..3).for_each(|number| ring.add(&event(number)));
    let whole = bytes(&ring);
    // Every byte in turn, with every bit of it: no panic, no loop without end, never more than there is room.
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 0xff;
        let Some(reader) = Reader::new(&bytes) else { continue };
        assert!(reader.events().count() as u64 <= RECORDS);
        reader.events().for_each(|event| {
            let _ = reader.microseconds(&event);
            event.hole.map(|hole| reader.name(hole));
        });
    }
    let mut bytes = whole;
    bytes[(HEAD + HOLES * HOLE) * 8 + RECORD * 8] = 99;
    let left: Vec<u64> = Reader::new(&bytes).unwrap().events().map(|event| event.address).collect();
    assert_eq!(left, [0x8430_0000, 0x8430_0002], "a record of no known kind");
}
