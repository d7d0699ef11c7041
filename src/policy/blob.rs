//! The binary form of a policy, which the stage reads: a small flattened tree.
//!
//! ```dts
//! / {
//!     compatible = "ringfence,policy";
//!     version = <1>;
//!     mode = "fix";
//!     on-error = "halt";
//!     board = "vendor,board";                      // optional
//!     kernel = "6.6";                              // optional
//!     boundary = <0x0 0x100000>;                   // optional
//!     guard = <0x0 0x1000>;                        // optional
//!     carveouts {
//!         carveout-0 {
//!             // or label = "camera_mem", or range = "secmon"
//!             node = "/reserved-memory/camera@84300000";
//!             base = <0x0 0x84300000>;             // optional
//!             size = <0x0 0x500000>;
//!             no-map;
//!         };
//!     };
//!     cma {
//!         size = <0x0 0x4000000>;
//!         alignment = <0x0 0x400000>;
//!         range = <0x0 0x40000000 0x1 0x0>;
//!         via = "node";
//!     };
//!     log { size = <0x0 0x10000>; base = <0x0 0xfffe0000>; };   // the base is optional
//!     console { require = "earlycon"; };           // optional
//!     watchdog { on-running = "pet"; };            // optional
//!     // the base is optional; without carveouts it watches those that are unclaimed
//!     sentinel {
//!         on-access = "abort";
//!         console = "ring";
//!         base = <0x0 0xd1000000>;
//!         carveouts = "/…", "&label";
//!     };
//!     tree {                                       // optional
//!         merge = "all";
//!         bootargs = "loader";
//!         take = "/firmware", "/soc/ethernet@0:local-mac-address";
//!     };
//!     allow { shift; restore; };
//! };
//! ```
//!
//! Numbers are 64 bits wide; a range is its first address and its end. Anything else is refused:
//! a stage that is older than the policy must not silently enforce half of it.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use sha2::{Digest, Sha256};

use super::{
    Allow, Carveout, CmaWant, Key, PersistentLog, Policy, PolicyError, ProtectedRange, Requirement, Sentinel,
    TreePolicy, Watch, Word,
};
use crate::fdt::{Blob, NewNode, Node, Prop, Tree, build};
use crate::span::Span;

/// The root `compatible` of a policy blob.
pub const COMPATIBLE: &str = "ringfence,policy";
/// The version of the form.
const VERSION: u32 = 1;

/// Returns the identity of a policy: the SHA-256 of its blob, without bytes after the tree.
///
/// # Errors
/// [`PolicyError::Tree`] when `blob` is not a flattened tree.
pub fn digest(blob: &[u8]) -> Result<[u8; 32], PolicyError> {
    digest_with(blob, &|data| Sha256::digest(data).into())
}

/// Returns the same, computed by `sha256`, for which processors have instructions.
///
/// # Errors
/// As [`digest`].
pub fn digest_with(blob: &[u8], sha256: &dyn Fn(&[u8]) -> [u8; 32]) -> Result<[u8; 32], PolicyError> {
    Ok(sha256(Blob::check(blob)?.bytes()))
}

impl Policy {
    /// Reads a policy from its blob, whatever the bytes are.
    ///
    /// # Errors
    /// Any [`PolicyError`]. The blob is hostile input.
    pub fn from_blob(blob: &[u8]) -> Result<Self, PolicyError> {
        let is_text = |byte: &u8| byte.is_ascii_graphic() || byte.is_ascii_whitespace();
        if !blob.is_empty() && blob.iter().take(64).all(is_text) {
            return Err(PolicyError::Text);
        }
        let tree = Tree::parse(blob)?;
        let root = Reader(tree.root());
        if root.0.prop("compatible").and_then(|prop| prop.as_str()) != Some(COMPATIBLE) {
            return Err(PolicyError::NotAPolicy);
        }
        let version = root.0.prop("version").and_then(|prop| prop.as_u32());
        if version != Some(VERSION) {
            return Err(PolicyError::Version { found: version });
        }
        root.only(
            &["compatible", "version", "mode", "on-error", "board", "kernel", "boundary", "guard"],
            &["carveouts", "cma", "log", "console", "watchdog", "sentinel", "tree", "allow"],
        )?;
        let policy = Self {
            board: root.optional("board", text)?,
            kernel: root.optional("kernel", text)?,
            mode: root.required("mode", word)?,
            on_error: root.required("on-error", word)?,
            requirements: read_requirements(&root)?,
            boundary: root.optional("boundary", number)?,
            guard: root.optional("guard", number)?,
            cma: root.child("cma").map(|node| read_cma(&node)).transpose()?,
            log: root.child("log").map(|node| read_log(&node)).transpose()?,
            console: read_choice(&root, "console", "require")?,
            watchdog: read_choice(&root, "watchdog", "on-running")?,
            sentinel: root.child("sentinel").map(|node| read_sentinel(&node)).transpose()?,
            tree: root.child("tree").map(|node| read_tree(&node)).transpose()?.unwrap_or_default(),
            allow: root.child("allow").map(|node| read_allow(&node)).transpose()?.unwrap_or_default(),
        };
        policy.validate()?;
        Ok(policy)
    }

    /// Writes the policy as a blob. The same policy always gives the same bytes.
    ///
    /// # Errors
    /// The errors of [`Policy::validate`], or [`PolicyError::Tree`] when memory runs out.
    pub fn to_blob(&self) -> Result<Vec<u8>, PolicyError> {
        self.validate()?;
        let mut root = NewNode::new("")
            .prop_str("compatible", COMPATIBLE)
            .prop_u32("version", VERSION)
            .prop_str("mode", self.mode.as_str())
            .prop_str("on-error", self.on_error.as_str());
        if let Some(board) = &self.board {
            root = root.prop_str("board", board);
        }
        if let Some(kernel) = &self.kernel {
            root = root.prop_str("kernel", kernel);
        }
        for (name, bytes) in [("boundary", self.boundary), ("guard", self.guard)] {
            root = bytes.into_iter().fold(root, |root, bytes| root.prop_u64(name, bytes));
        }
        if !self.requirements.is_empty() {
            let mut all = NewNode::new("carveouts");
            all.children.extend(
                self.requirements.iter().enumerate().map(|(index, one)| write_requirement(index, one)),
            );
            root.children.push(all);
        }
        root.children.extend(self.cma.as_ref().map(write_cma));
        root.children.extend(self.log.as_ref().map(write_log));
        root.children.extend(write_choice("console", "require", self.console));
        root.children.extend(write_choice("watchdog", "on-running", self.watchdog));
        root.children.extend(self.sentinel.as_ref().map(write_sentinel));
        root.children.extend(write_tree(&self.tree));
        root.children.extend(write_allow(self.allow));
        Ok(build(&root, 0, &[])?)
    }
}

fn read_requirements(root: &Reader<'_, '_>) -> Result<Vec<Requirement>, PolicyError> {
    let Some(all) = root.child("carveouts") else { return Ok(Vec::new()) };
    let mut requirements = Vec::new();
    for child in all.0.children() {
        if !child.name().starts_with("carveout-") {
            return Err(PolicyError::Unknown { node: all.0.path(), name: child.name().to_string() });
        }
        requirements.push(read_requirement(&Reader(child))?);
    }
    Ok(requirements)
}

fn read_requirement(node: &Reader<'_, '_>) -> Result<Requirement, PolicyError> {
    node.only(&["node", "label", "range", "base", "size", "no-map"], &[])?;
    let path = node.optional("node", text)?.map(Key::Path);
    let label = node.optional("label", text)?.map(Key::Label);
    let range = node.optional("range", text)?;
    let (base, size) = (node.optional("base", number)?, node.required("size", number)?);
    let no_map = node.0.prop("no-map").is_some();
    match (path, label, range) {
        (Some(key), None, None) | (None, Some(key), None) => Ok(Carveout { key, base, size, no_map }.into()),
        (None, None, Some(name)) => {
            let base = base.ok_or_else(|| node.missing("base"))?;
            if !no_map {
                return Err(node.missing("no-map"));
            }
            Ok(ProtectedRange::new(name, base, size)?.into())
        }
        (None, None, None) => Err(node.missing("node")),
        // Two names could mean two nodes, and which of them is required would be a guess.
        _ => Err(node.malformed("label")),
    }
}

fn read_cma(node: &Reader<'_, '_>) -> Result<CmaWant, PolicyError> {
    node.only(&["size", "alignment", "range", "via"], &[])?;
    Ok(CmaWant {
        size: node.required("size", number)?,
        align: node.optional("alignment", number)?,
        range: node.optional("range", range)?,
        via: node.required("via", word)?,
    })
}

fn read_log(node: &Reader<'_, '_>) -> Result<PersistentLog, PolicyError> {
    node.only(&["size", "base"], &[])?;
    Ok(PersistentLog { size: node.required("size", number)?, base: node.optional("base", number)? })
}

/// Reads a section of one word, which may be left out.
fn read_choice<T: Word + Default>(
    root: &Reader<'_, '_>,
    section: &'static str,
    key: &'static str,
) -> Result<T, PolicyError> {
    let Some(node) = root.child(section) else { return Ok(T::default()) };
    node.only(&[key], &[])?;
    node.required(key, word)
}

fn read_sentinel(node: &Reader<'_, '_>) -> Result<Sentinel, PolicyError> {
    node.only(&["on-access", "console", "base", "carveouts"], &[])?;
    let keys = |prop: Prop<'_>| Some(prop.strings().map(Key::parse).collect());
    Ok(Sentinel {
        on_access: node.required("on-access", word)?,
        carveouts: node.optional("carveouts", keys)?.map_or(Watch::Unclaimed, Watch::Named),
        console: node.required("console", word)?,
        base: node.optional("base", number)?,
    })
}

fn read_tree(node: &Reader<'_, '_>) -> Result<TreePolicy, PolicyError> {
    node.only(&["merge", "bootargs", "take"], &[])?;
    Ok(TreePolicy {
        merge: node.required("merge", word)?,
        bootargs: node.required("bootargs", word)?,
        take: node.optional("take", texts)?.unwrap_or_default(),
    })
}

fn read_allow(node: &Reader<'_, '_>) -> Result<Allow, PolicyError> {
    let mut allow = Allow::default();
    for prop in node.0.props() {
        let switch = Allow::SWITCHES.iter().find(|switch| switch.name == prop.name);
        *(switch.ok_or_else(|| node.unknown(prop.name))?.field)(&mut allow) = true;
    }
    node.only_children(&[])?;
    Ok(allow)
}

fn write_requirement(index: usize, requirement: &Requirement) -> NewNode {
    let out = NewNode::new(&format!("carveout-{index:x}"));
    let (out, base, size) = match requirement {
        Requirement::Carveout(Carveout { key, base, size, .. }) => match key {
            Key::Path(path) => (out.prop_str("node", path), *base, *size),
            Key::Label(label) => (out.prop_str("label", label), *base, *size),
        },
        Requirement::ProtectedRange(ProtectedRange { name, span }) => {
            (out.prop_str("range", name), Some(span.base()), span.len())
        }
    };
    let out = base.into_iter().fold(out, |out, base| out.prop_u64("base", base));
    let out = out.prop_u64("size", size);
    if requirement.no_map() { out.prop_empty("no-map") } else { out }
}

fn write_cma(cma: &CmaWant) -> NewNode {
    let mut out = NewNode::new("cma");
    out = out.prop_u64("size", cma.size);
    if let Some(align) = cma.align {
        out = out.prop_u64("alignment", align);
    }
    if let Some(range) = cma.range {
        out = out.prop("range", [range.base().to_be_bytes(), range.end().to_be_bytes()].concat());
    }
    out = out.prop_str("via", cma.via.as_str());
    out
}

fn write_log(log: &PersistentLog) -> NewNode {
    let out = NewNode::new("log").prop_u64("size", log.size);
    log.base.iter().fold(out, |out, &base| out.prop_u64("base", base))
}

fn write_choice<T: Word + Default + PartialEq>(section: &str, key: &str, choice: T) -> Option<NewNode> {
    let node = NewNode::new(section).prop_str(key, choice.as_str());
    (choice != T::default()).then_some(node)
}

fn write_sentinel(sentinel: &Sentinel) -> NewNode {
    let out = NewNode::new("sentinel")
        .prop_str("on-access", sentinel.on_access.as_str())
        .prop_str("console", sentinel.console.as_str());
    let out = sentinel.base.iter().fold(out, |out, &base| out.prop_u64("base", base));
    let Watch::Named(keys) = &sentinel.carveouts else { return out };
    let names: Vec<String> = keys.iter().map(ToString::to_string).collect();
    out.prop_strs("carveouts", &names.iter().map(String::as_str).collect::<Vec<_>>())
}

fn write_tree(tree: &TreePolicy) -> Option<NewNode> {
    let mut out = NewNode::new("tree")
        .prop_str("merge", tree.merge.as_str())
        .prop_str("bootargs", tree.bootargs.as_str());
    if !tree.take.is_empty() {
        let take: Vec<&str> = tree.take.iter().map(String::as_str).collect();
        out = out.prop_strs("take", &take);
    }
    (*tree != TreePolicy::default()).then_some(out)
}

fn write_allow(allow: Allow) -> Option<NewNode> {
    let mut out = NewNode::new("allow");
    for switch in Allow::SWITCHES.iter().filter(|switch| allow.is_on(switch)) {
        out = out.prop_empty(switch.name);
    }
    (!out.props.is_empty()).then_some(out)
}

/// A node of the blob, read strictly.
struct Reader<'t, 'a>(Node<'t, 'a>);

impl<'t, 'a> Reader<'t, 'a> {
    fn only(&self, props: &[&str], children: &[&str]) -> Result<(), PolicyError> {
        self.each_once(self.0.props().map(|prop| prop.name), props)?;
        self.only_children(children)
    }

    fn only_children(&self, names: &[&str]) -> Result<(), PolicyError> {
        self.each_once(self.0.children().map(|child| child.name()), names)
    }

    /// Refuses unknown names and second entries of one name, which would be dropped silently.
    fn each_once<'n>(&self, found: impl Iterator<Item = &'n str>, known: &[&str]) -> Result<(), PolicyError> {
        let mut seen = 0u32;
        for name in found {
            let index = known.iter().position(|known| *known == name).ok_or_else(|| self.unknown(name))?;
            if seen & (1 << index) != 0 {
                return Err(self.malformed(name));
            }
            seen |= 1 << index;
        }
        Ok(())
    }

    fn child(&self, name: &str) -> Option<Reader<'t, 'a>> {
        self.0.children().find(|child| child.name() == name).map(Reader)
    }

    fn optional<T>(&self, name: &str, read: fn(Prop<'a>) -> Option<T>) -> Result<Option<T>, PolicyError> {
        match self.0.prop(name) {
            Some(prop) => read(prop).map(Some).ok_or_else(|| self.malformed(name)),
            None => Ok(None),
        }
    }

    fn required<T>(&self, name: &'static str, read: fn(Prop<'a>) -> Option<T>) -> Result<T, PolicyError> {
        self.optional(name, read)?.ok_or_else(|| self.missing(name))
    }

    fn unknown(&self, name: &str) -> PolicyError {
        PolicyError::Unknown { node: self.0.path(), name: name.to_string() }
    }

    fn malformed(&self, name: &str) -> PolicyError {
        PolicyError::Malformed { node: self.0.path(), name: name.to_string() }
    }

    fn missing(&self, name: &'static str) -> PolicyError {
        PolicyError::Missing { node: self.0.path(), name }
    }
}

fn text(prop: Prop<'_>) -> Option<String> {
    prop.as_str().map(ToString::to_string)
}

fn texts(prop: Prop<'_>) -> Option<Vec<String>> {
    let texts: Vec<String> = prop.strings().map(ToString::to_string).collect();
    (!texts.is_empty()).then_some(texts)
}

fn word<T: Word>(prop: Prop<'_>) -> Option<T> {
    prop.as_str().and_then(T::from_word)
}

fn number(prop: Prop<'_>) -> Option<u64> {
    prop.value.try_into().ok().map(u64::from_be_bytes)
}

fn range(prop: Prop<'_>) -> Option<Span> {
    let (base, end) = prop.value.split_first_chunk::<8>()?;
    Span::from_ends(u64::from_be_bytes(*base), u64::from_be_bytes(end.try_into().ok()?))
}

#[cfg(test)]
mod tests;
