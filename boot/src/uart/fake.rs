//! A UART that is not there: its FIFO takes time to send, and what its registers mean is the model's, one for
//! each kind. A model refuses every access that the hardware would not answer.

use super::{Hardware, Kind};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};

/// Bytes in the FIFO.
pub(super) const DEPTH: usize = 64;
/// How long a byte takes to leave, in microseconds: 115,200 baud.
pub(super) const BYTE_TIME: u64 = 87;

/// An access to a register: offset and width in bytes, and the value written.
#[derive(Clone, Copy, Debug)]
pub enum Access {
    Read(u64, u32),
    Write(u64, u32, u32),
}

/// A UART of some kind, with a clock on which each access takes a microsecond.
pub struct Fake {
    kind: Kind,
    fifo: RefCell<VecDeque<u8>>,
    sent: RefCell<Vec<u8>>,
    registers: RefCell<BTreeMap<u64, u32>>,
    now: Cell<u64>,
    next_byte_at: Cell<u64>,
    /// What every register reads as, for a UART without a clock.
    stuck_at: Option<u32>,
}

impl Fake {
    pub(super) fn new(kind: Kind) -> Self {
        Self {
            kind,
            fifo: RefCell::default(),
            sent: RefCell::default(),
            registers: RefCell::default(),
            now: Cell::new(0),
            next_byte_at: Cell::new(0),
            stuck_at: None,
        }
    }

    /// Returns a UART that takes nothing: all its registers read as `value`, whatever is written.
    pub(super) fn stuck(kind: Kind, value: u32) -> Self {
        Self { stuck_at: Some(value), ..Self::new(kind) }
    }

    /// Returns what has left, or is about to.
    pub(super) fn text(&self) -> Vec<u8> {
        [&self.sent.borrow()[..], &Vec::from(self.fifo.borrow().clone())].concat()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.fifo.borrow().is_empty()
    }

    /// Returns whether there is no room for so many bytes more.
    pub(super) fn is_full(&self, bytes: usize) -> bool {
        self.fifo.borrow().len() + bytes > DEPTH
    }

    pub(super) fn flag(&self, is_set: bool, flag: u32) -> u32 {
        if is_set { flag } else { 0 }
    }

    pub(super) fn push(&self, byte: u8) -> u32 {
        assert!(!self.is_full(1), "written to a full FIFO");
        if self.is_empty() {
            self.next_byte_at.set(self.now.get() + BYTE_TIME);
        }
        self.fifo.borrow_mut().push_back(byte);
        0
    }

    pub(super) fn push_all(&self, bytes: &[u8]) {
        for &byte in bytes {
            self.push(byte);
        }
    }

    /// Throws away what has not left.
    pub(super) fn discard(&self) -> u32 {
        self.fifo.borrow_mut().clear();
        0
    }

    pub(super) fn register(&self, at: u64) -> u32 {
        self.registers.borrow().get(&at).copied().unwrap_or(0)
    }

    pub(super) fn set_register(&self, at: u64, value: u32) -> u32 {
        self.registers.borrow_mut().insert(at, value);
        0
    }

    pub(super) fn unexpected(&self, access: Access) -> u32 {
        panic!("{:?} has no {access:?}", self.kind)
    }

    fn access(&self, access: Access) -> u32 {
        let (Access::Read(offset, width) | Access::Write(offset, width, _)) = access;
        assert!(
            offset + u64::from(width) <= self.kind.register_bytes(),
            "{:?} is shorter than {access:?}",
            self.kind
        );
        self.now.set(self.now.get() + 1);
        while self.now.get() >= self.next_byte_at.get()
            && let Some(byte) = self.fifo.borrow_mut().pop_front()
        {
            self.sent.borrow_mut().push(byte);
            self.next_byte_at.set(self.next_byte_at.get() + BYTE_TIME);
        }
        self.stuck_at.unwrap_or_else(|| self.kind.model(self, access))
    }
}

impl Hardware for Fake {
    fn read(&self, offset: u64, width: u32) -> u32 {
        self.access(Access::Read(offset, width))
    }

    fn write(&self, offset: u64, width: u32, value: u32) {
        self.access(Access::Write(offset, width, value));
    }

    fn microseconds(&self) -> u64 {
        self.now.get()
    }
}
