//! The form in which a policy travels to the stage: a small flattened tree.
//!
//! ```dts
//! / {
//!     compatible = "ringfence,policy";
//!     version = <1>;
//!     mode = "fix";
//!     on-error = "halt";
//!     board = "vendor,board";                      // optional
//!     carveouts {
//!         carveout@0 {
//!             node = "/reserved-memory/camera@84300000";   // or label = "camera_mem"
//!             base = <0x0 0x84300000>;             // optional
//!             size = <0x0 0x500000>;
//!             no-map;
//!         };
//!     };
//!     cma { size = <0x0 0x4000000>; alignment = <0x0 0x400000>; range = <0x0 0x40000000 0x1 0x0>; via = "node"; };
//!     allow { shift; restore; };
//! };
//! ```
//!
//! Numbers are 64 bits wide, a range is its first and its end address. Everything is refused that is not
//! listed here: a stage that is older than the policy must not enforce half of it in silence.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use sha2::{Digest, Sha256};

use super::{Allow, CmaWant, Key, Policy, PolicyError, Required, Word};
use crate::fdt::{Blob, NewNode, Node, Prop, Tree, build};
use crate::span::Span;

/// The root `compatible` by which a policy blob is known.
pub const COMPATIBLE: &str = "ringfence,policy";
/// The only version of the form so far.
const VERSION: u32 = 1;

/// The identity of a policy: SHA-256 of its blob, without what may follow the tree.
///
/// # Errors
/// [`PolicyError::Tree`] when `blob` is no flattened tree.
pub fn digest(blob: &[u8]) -> Result<[u8; 32], PolicyError> {
    Ok(Sha256::digest(Blob::check(blob)?.bytes()).into())
}

impl Policy {
    /// Read a policy from its blob, whatever the bytes are.
    ///
    /// # Errors
    /// Any [`PolicyError`]; the blob is hostile input like every other.
    pub fn from_blob(blob: &[u8]) -> Result<Self, PolicyError> {
        let tree = Tree::parse(blob)?;
        let root = Reader(tree.root());
        if root.0.prop("compatible").and_then(|prop| prop.as_str()) != Some(COMPATIBLE) {
            return Err(PolicyError::NotAPolicy);
        }
        let version = root.0.prop("version").and_then(|prop| prop.as_u32());
        if version != Some(VERSION) {
            return Err(PolicyError::Version { found: version });
        }
        root.only(&["compatible", "version", "mode", "on-error", "board"], &["carveouts", "cma", "allow"])?;
        let policy = Self {
            board: root.optional("board", text)?,
            mode: root.required("mode", word)?,
            on_error: root.required("on-error", word)?,
            carveouts: read_carveouts(&root)?,
            cma: root.child("cma").map(|node| read_cma(&node)).transpose()?,
            allow: root.child("allow").map(|node| read_allow(&node)).transpose()?.unwrap_or_default(),
        };
        policy.validate()?;
        Ok(policy)
    }

    /// Write the policy as a blob. The same policy always gives the same bytes.
    ///
    /// # Errors
    /// What [`Policy::validate`] refuses, or [`PolicyError::Tree`] when memory runs out.
    pub fn to_blob(&self) -> Result<Vec<u8>, PolicyError> {
        self.validate()?;
        let mut root = node("");
        put_str(&mut root, "compatible", COMPATIBLE);
        put(&mut root, "version", VERSION.to_be_bytes().to_vec());
        put_str(&mut root, "mode", self.mode.word());
        put_str(&mut root, "on-error", self.on_error.word());
        if let Some(board) = &self.board {
            put_str(&mut root, "board", board);
        }
        if !self.carveouts.is_empty() {
            let mut all = node("carveouts");
            all.children
                .extend(self.carveouts.iter().enumerate().map(|(i, required)| write_carveout(i, required)));
            root.children.push(all);
        }
        root.children.extend(self.cma.as_ref().map(write_cma));
        root.children.extend(write_allow(self.allow));
        Ok(build(&root, 0, &[])?)
    }
}

fn read_carveouts(root: &Reader<'_, '_>) -> Result<Vec<Required>, PolicyError> {
    let Some(all) = root.child("carveouts") else { return Ok(Vec::new()) };
    let mut carveouts = Vec::new();
    for child in all.0.children() {
        if child.base_name() != "carveout" {
            return Err(PolicyError::Unknown { node: all.0.path(), name: child.name().to_string() });
        }
        carveouts.push(read_carveout(&Reader(child))?);
    }
    Ok(carveouts)
}

fn read_carveout(node: &Reader<'_, '_>) -> Result<Required, PolicyError> {
    node.only(&["node", "label", "base", "size", "no-map"], &[])?;
    let path = node.optional("node", text)?.map(Key::Path);
    let label = node.optional("label", text)?.map(Key::Label);
    let key = match (path, label) {
        (Some(key), None) | (None, Some(key)) => key,
        (None, None) => return Err(node.missing("node")),
        // Two names might mean two nodes; which of them is required would be a guess.
        (Some(_), Some(_)) => return Err(node.malformed("label")),
    };
    Ok(Required {
        key,
        base: node.optional("base", number)?,
        size: node.required("size", number)?,
        no_map: node.0.prop("no-map").is_some(),
    })
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

fn read_allow(node: &Reader<'_, '_>) -> Result<Allow, PolicyError> {
    let mut allow = Allow::default();
    for prop in node.0.props() {
        let switch = Allow::SWITCHES.iter().find(|switch| switch.name == prop.name);
        *(switch.ok_or_else(|| node.unknown(prop.name))?.field)(&mut allow) = true;
    }
    node.only_children(&[])?;
    Ok(allow)
}

fn write_carveout(index: usize, required: &Required) -> NewNode {
    let mut out = node(&format!("carveout@{index:x}"));
    match &required.key {
        Key::Path(path) => put_str(&mut out, "node", path),
        Key::Label(label) => put_str(&mut out, "label", label),
    }
    if let Some(base) = required.base {
        put_u64(&mut out, "base", base);
    }
    put_u64(&mut out, "size", required.size);
    if required.no_map {
        put(&mut out, "no-map", Vec::new());
    }
    out
}

fn write_cma(cma: &CmaWant) -> NewNode {
    let mut out = node("cma");
    put_u64(&mut out, "size", cma.size);
    if let Some(align) = cma.align {
        put_u64(&mut out, "alignment", align);
    }
    if let Some(range) = cma.range {
        put(&mut out, "range", [range.base().to_be_bytes(), range.end().to_be_bytes()].concat());
    }
    put_str(&mut out, "via", cma.via.word());
    out
}

fn write_allow(allow: Allow) -> Option<NewNode> {
    let mut out = node("allow");
    for switch in Allow::SWITCHES.iter().filter(|switch| allow.is_on(switch)) {
        put(&mut out, switch.name, Vec::new());
    }
    (!out.props.is_empty()).then_some(out)
}

fn node(name: &str) -> NewNode {
    NewNode { name: name.to_string(), props: Vec::new(), children: Vec::new() }
}

fn put(node: &mut NewNode, name: &str, value: Vec<u8>) {
    node.props.push((name.to_string(), value));
}

fn put_str(node: &mut NewNode, name: &str, value: &str) {
    put(node, name, value.bytes().chain([0]).collect());
}

fn put_u64(node: &mut NewNode, name: &str, value: u64) {
    put(node, name, value.to_be_bytes().to_vec());
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

    /// A second entry of one name would be dropped in silence, so it is refused like an unknown one.
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
mod tests {
    use super::*;
    use crate::policy::{Mode, OnError, Via};
    use crate::span::MIB;
    use alloc::vec;
    use proptest::prelude::*;

    fn board_policy() -> Policy {
        let camera = Key::Path("/reserved-memory/camera@84300000".to_string());
        Policy {
            board: Some("qcom,qcs6490".to_string()),
            mode: Mode::Strict,
            on_error: OnError::Reset,
            carveouts: vec![
                Required { key: camera, base: Some(0x8430_0000), size: 5 * MIB, no_map: true },
                Required { key: Key::Label("wpss_mem".to_string()), base: None, size: 4096, no_map: false },
            ],
            cma: Some(CmaWant {
                size: 64 * MIB,
                align: Some(4 * MIB),
                range: Span::from_ends(0x4000_0000, 0x1_0000_0000),
                via: Via::Node,
            }),
            allow: Allow { shift: true, restore: true, ..Allow::default() },
        }
    }

    /// A root as `to_blob` starts it, for blobs that are wrong on purpose.
    fn root(version: u32) -> NewNode {
        let mut root = node("");
        put_str(&mut root, "compatible", COMPATIBLE);
        put(&mut root, "version", version.to_be_bytes().to_vec());
        put_str(&mut root, "mode", "fix");
        put_str(&mut root, "on-error", "halt");
        root
    }

    fn read(root: &NewNode) -> Result<Policy, PolicyError> {
        Policy::from_blob(&build(root, 0, &[]).unwrap())
    }

    #[test]
    fn a_policy_comes_back_as_it_went() {
        for policy in [Policy::default(), board_policy()] {
            let blob = policy.to_blob().unwrap();
            assert_eq!(Policy::from_blob(&blob), Ok(policy));
        }
    }

    #[test]
    fn the_digest_covers_the_tree_and_nothing_behind_it() {
        let mut blob = board_policy().to_blob().unwrap();
        let alone = digest(&blob).unwrap();
        blob.extend([0; 64]);
        assert_eq!(digest(&blob).unwrap(), alone);
        assert_ne!(digest(&Policy::default().to_blob().unwrap()).unwrap(), alone);
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        assert_eq!(read(&root(2)), Err(PolicyError::Version { found: Some(2) }));
        let mut unknown = root(VERSION);
        put(&mut unknown, "no-unmap", Vec::new());
        assert_eq!(
            read(&unknown),
            Err(PolicyError::Unknown { node: "/".to_string(), name: "no-unmap".to_string() })
        );
        let mut child = root(VERSION);
        child.children.push(node("carveout"));
        assert!(matches!(read(&child), Err(PolicyError::Unknown { .. })));
        let mut allow = root(VERSION);
        allow.children.push(node("allow"));
        put(&mut allow.children[0], "everything", Vec::new());
        assert!(matches!(read(&allow), Err(PolicyError::Unknown { .. })));
    }

    #[test]
    fn a_second_entry_is_refused_and_not_dropped() {
        let mut twice = root(VERSION);
        twice.children = vec![node("allow"), node("allox")];
        let mut blob = build(&twice, 0, &[]).unwrap();
        // No builder writes two nodes of one name, but anybody can.
        let at = blob.windows(5).position(|name| name == b"allox").unwrap();
        blob[at + 4] = b'w';
        assert_eq!(
            Policy::from_blob(&blob),
            Err(PolicyError::Malformed { node: "/".to_string(), name: "allow".to_string() })
        );
    }

    #[test]
    fn a_device_tree_is_no_policy() {
        assert_eq!(read(&node("")), Err(PolicyError::NotAPolicy));
        assert!(matches!(Policy::from_blob(b"mode = \"fix\""), Err(PolicyError::Tree(_))));
    }

    #[test]
    fn a_value_of_the_wrong_form_names_its_property() {
        let mut bad = root(VERSION);
        bad.children.push(node("cma"));
        put(&mut bad.children[0], "size", vec![0, 0, 0, 1]);
        put_str(&mut bad.children[0], "via", "node");
        assert_eq!(
            read(&bad),
            Err(PolicyError::Malformed { node: "/cma".to_string(), name: "size".to_string() }),
            "numbers are 64 bits wide: four bytes are a mistake, not a small number"
        );
    }

    proptest! {
        #[test]
        fn damaged_blobs_are_errors_or_policies(at in 0usize..700, value: u8, cut in 0usize..900) {
            let mut blob = board_policy().to_blob().unwrap();
            if let Some(byte) = blob.get_mut(at) {
                *byte = value;
            }
            blob.truncate(cut);
            if let Ok(policy) = Policy::from_blob(&blob) {
                prop_assert!(policy.to_blob().is_ok());
            }
        }

        #[test]
        fn any_bytes_are_answered(bytes: Vec<u8>) {
            prop_assert!(Policy::from_blob(&bytes).is_err());
        }
    }
}
