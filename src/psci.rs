//! Finds how the board's firmware is called to power off or reset (Arm DEN0022, and the `arm,psci` binding).

use crate::fdt::Tree;

/// The instruction that reaches the firmware.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conduit {
    /// `hvc`: a hypervisor implements PSCI.
    Hvc,
    /// `smc`: EL3 firmware implements PSCI.
    Smc,
}

/// Reads the conduit from the tree: the node's name is only a convention, `compatible` counts.
///
/// PSCI 0.1 (`arm,psci` alone) has no SYSTEM_OFF and is no help.
#[must_use]
pub fn conduit(tree: &Tree<'_>) -> Option<Conduit> {
    let node = tree.root().children().find(|node| {
        node.is_enabled()
            && node.prop("compatible").is_some_and(|list| {
                list.strings().any(|name| matches!(name, "arm,psci-0.2" | "arm,psci-1.0"))
            })
    })?;
    match node.prop("method")?.as_str()? {
        "hvc" => Some(Conduit::Hvc),
        "smc" => Some(Conduit::Smc),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fdt::{NewNode, build};

    fn conduit_of(compatible: &[u8], method: &str) -> Option<Conduit> {
        let psci =
            NewNode::new("firmware-calls").prop("compatible", compatible.to_vec()).prop_str("method", method);
        conduit(&Tree::parse(&build(&NewNode::new("").child(psci), 0, &[]).unwrap()).unwrap())
    }

    #[test]
    fn compatible_and_method_decide() {
        assert_eq!(conduit_of(b"arm,psci-1.0\0arm,psci-0.2\0arm,psci\0", "hvc"), Some(Conduit::Hvc));
        assert_eq!(conduit_of(b"arm,psci-0.2\0", "smc"), Some(Conduit::Smc));
        assert_eq!(conduit_of(b"arm,psci\0", "smc"), None, "version 0.1 cannot power off");
        assert_eq!(conduit_of(b"arm,psci-1.0\0", "carrier-pigeon"), None);
    }
}
