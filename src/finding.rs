//! Findings: what a rule has to say about one place in a device tree.

use crate::fdt::NodeId;
use crate::span::Span;
use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// How bad a finding is. Ordered: a note is the least.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing; harmless as it is.
    Note,
    /// Some kernel may do something else than the tree's author meant.
    Warning,
    /// Memory is unprotected, lost or used twice: the stage does not hand off while one is left.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// A rule's stable number, shown as `RF201`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RuleId(pub u16);

impl fmt::Display for RuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RF{:03}", self.0)
    }
}

/// A span that a finding points at, and what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The addresses.
    pub span: Span,
    /// What lies there, for example `camera@84300000` or `RAM`.
    pub what: String,
}

/// One thing that is wrong or worth saying.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The rule that speaks.
    pub rule: RuleId,
    /// How bad it is.
    pub severity: Severity,
    /// Path of the node it is about.
    pub node: String,
    /// One sentence: what is wrong and by how much.
    pub message: String,
    /// The addresses it is about, the culprit first.
    pub spans: Vec<Mark>,
    /// What to do.
    pub help: Cow<'static, str>,
    /// The repair that the planner may make for it.
    pub repair: Option<Repair>,
}

impl Finding {
    /// Start a finding; spans, help and repair are added by the `with_` methods.
    #[must_use]
    pub fn new(
        rule: RuleId,
        severity: Severity,
        node: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            rule,
            severity,
            node: node.into(),
            message: message.into(),
            spans: Vec::new(),
            help: Cow::Borrowed(""),
            repair: None,
        }
    }

    /// Point at a span.
    #[must_use]
    pub fn with_span(mut self, span: Span, what: impl Into<String>) -> Self {
        self.spans.push(Mark { span, what: what.into() });
        self
    }

    /// Say what to do.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<Cow<'static, str>>) -> Self {
        self.help = help.into();
        self
    }

    /// Propose a repair.
    #[must_use]
    pub fn with_repair(mut self, kind: RepairKind, description: impl Into<String>) -> Self {
        self.repair = Some(Repair { kind, description: description.into() });
        self
    }
}

/// `RF201 error /reserved-memory/camera@84300000: message`: one line, as the stage's console shows it.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}: {}", self.rule, self.severity, self.node, self.message)
    }
}

/// A repair that a finding proposes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repair {
    /// What is to be done, and to what.
    pub kind: RepairKind,
    /// The same in words.
    pub description: String,
}

/// What the planner can do about a finding. The order is the order in which the planner does them: first what
/// makes the tree readable, then what must stand where it is, then what can give way.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RepairKind {
    /// Rewrite the cells of `/reserved-memory` to the root's, and every tuple in it.
    RewriteCells,
    /// Add the empty `ranges` without which Linux ignores every region.
    AddRanges,
    /// Move every region of a second `/reserved-memory` into the first, the only one that Linux reads.
    Gather(NodeId),
    /// The same for a node that is nearly called `/reserved-memory`.
    Respell(NodeId),
    /// Move a region that is nested too deep up to where Linux reads it.
    Hoist(NodeId),
    /// Remove the `status` for which Linux passes over a region.
    Enable(NodeId),
    /// Disable a region of size 0 that nobody refers to.
    Disable(NodeId),
    /// Make a required carveout hold again: the index is the one in the policy.
    Restore(usize),
    /// Reserve the memory in which processors wait for their release.
    ReserveRelease,
    /// Put guards beside a required carveout: the index is the one in the policy.
    Guard(usize),
    /// Drop the flags that contradict what else the region says: `reusable` beside `no-map`, where protection wins,
    /// and what no `restricted-dma-pool` can have.
    DropFlags(NodeId),
    /// Write the one tuple of a region in the cells that hold: its author wrote it in others, and the unit address
    /// says which.
    RewriteReg(NodeId),
    /// Add `no-map` to a region that is of no use to anybody while Linux maps it.
    AddNoMap(NodeId),
    /// Drop the `size` that means nothing beside `reg`.
    DropSize(NodeId),
    /// Give each further `reg` tuple a node of its own.
    SplitReg(NodeId),
    /// Round a region outward to whole pages.
    RoundOutward(NodeId),
    /// Move the later of two overlapping regions, and what follows it, upward.
    Shift(NodeId),
    /// Align a static CMA pool for the kernel's pageblock.
    AlignPool(NodeId),
    /// Give a dynamic region the fixed address that the planner chose.
    Pin(NodeId),
    /// Reserve a place for the log that outlives the stage.
    PersistentLog,
    /// Settle which of node and `cma=` says where the default CMA pool lies, and place it.
    SettleCma,
    /// Turn `/memreserve/` entries into nodes that no kernel reads in another order.
    FoldMemreserve,
    /// Choose another place for the kernel, the initrd or the DTB.
    MoveBoot,
    /// Correct a unit address, following the node wherever its path is written.
    Rename(NodeId),
}

impl RepairKind {
    /// Tell whether the repair needs no word of the policy: it takes memory from no owner and gives none away.
    #[must_use]
    pub const fn is_safe(&self) -> bool {
        !matches!(
            self,
            Self::Shift(_) | Self::Restore(_) | Self::DropFlags(_) | Self::Respell(_) | Self::Enable(_)
        )
    }

    /// The stable name of the kind, for machines.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::RewriteCells => "rewrite-cells",
            Self::AddRanges => "add-ranges",
            Self::Gather(_) => "gather",
            Self::Respell(_) => "respell",
            Self::Hoist(_) => "hoist",
            Self::Enable(_) => "enable",
            Self::Disable(_) => "disable",
            Self::Restore(_) => "restore",
            Self::ReserveRelease => "reserve-release",
            Self::Guard(_) => "guard",
            Self::DropFlags(_) => "drop-flags",
            Self::RewriteReg(_) => "rewrite-reg",
            Self::AddNoMap(_) => "add-no-map",
            Self::DropSize(_) => "drop-size",
            Self::SplitReg(_) => "split-reg",
            Self::RoundOutward(_) => "round-outward",
            Self::Shift(_) => "shift",
            Self::AlignPool(_) => "align-pool",
            Self::Pin(_) => "pin",
            Self::PersistentLog => "keep-log",
            Self::SettleCma => "settle-cma",
            Self::FoldMemreserve => "fold-memreserve",
            Self::MoveBoot => "move-boot",
            Self::Rename(_) => "rename",
        }
    }
}
