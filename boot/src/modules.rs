//! Reads the multiboot modules of `/chosen`: how QEMU's `guest-loader`, Xen's boot loaders and GRUB name what
//! they loaded (Xen, docs/misc/arm/device-tree/booting.txt). Loaders put them below `/chosen`, or below
//! `/chosen/modules`; older ones write `xen,linux-zimage` and `xen,linux-initrd`.

use alloc::vec::Vec;
use ringfence::fdt::{Node, Tree};
use ringfence::span::Span;

/// Names of a kernel module.
const KERNEL: &[&str] = &["multiboot,kernel", "xen,linux-zimage"];
/// Names of a ramdisk module.
const RAMDISK: &[&str] = &["multiboot,ramdisk", "xen,linux-initrd"];
/// Names of a policy module.
const POLICY: &[&str] = &["ringfence,policy"];

/// The modules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Modules {
    /// `multiboot,kernel` or `xen,linux-zimage`.
    pub kernel: Span,
    /// `multiboot,ramdisk` or `xen,linux-initrd`.
    pub ramdisk: Option<Span>,
    /// `ringfence,policy`: a policy blob.
    pub policy: Option<Span>,
    /// The kernel's own `bootargs`, else the `xen,dom0-bootargs` of `/chosen`: where Xen is the loader's idea
    /// of a kernel, the `bootargs` of `/chosen` are Xen's. They take the place of those.
    pub bootargs: Option<Vec<u8>>,
}

/// Finds the modules; `None` when `/chosen` names no kernel.
#[must_use]
pub fn find(tree: &Tree<'_>) -> Option<Modules> {
    let chosen = tree.find("/chosen")?;
    let below = chosen.children().find(|child| child.has_base_name("modules"));
    let module = |kinds: &[&str]| {
        let is = |node: &Node<'_, '_>| {
            node.prop("compatible").is_some_and(|prop| prop.strings().any(|name| kinds.contains(&name)))
        };
        let found = chosen.children().find(is).or_else(|| below?.children().find(is))?;
        Some((found, place(found.prop("reg")?.value)?))
    };
    let (node, kernel) = module(KERNEL)?;
    let bootargs = node.prop("bootargs").or_else(|| chosen.prop("xen,dom0-bootargs"));
    Some(Modules {
        kernel,
        ramdisk: module(RAMDISK).map(|(_, span)| span),
        policy: module(POLICY).map(|(_, span)| span),
        bootargs: bootargs.map(|prop| prop.value.to_vec()),
    })
}

/// Reads address and size. The length decides on their widths, because `/chosen` rarely states its cells and
/// QEMU always writes two each.
fn place(reg: &[u8]) -> Option<Span> {
    let (address, size) = reg.split_at_checked(if reg.len() == 8 { 4 } else { 8 })?;
    let number = |bytes: &[u8]| match bytes.len() {
        4 | 8 => Some(bytes.iter().fold(0, |n, &byte| n << 8 | u64::from(byte))),
        _ => None,
    };
    Span::new(number(address)?, number(size)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringfence::fdt::{NewNode, build};

    fn module(name: &str, compatible: &[u8], reg: &[u8]) -> NewNode {
        NewNode::new(name).prop("compatible", compatible.to_vec()).prop("reg", reg.to_vec())
    }

    fn found(modules: Vec<NewNode>) -> Option<Modules> {
        let chosen = modules.into_iter().fold(NewNode::new("chosen"), NewNode::child);
        let dtb = build(&NewNode::new("").child(chosen), 0, &[]).unwrap();
        find(&Tree::parse(&dtb).unwrap())
    }

    const KERNEL: &[u8] = b"multiboot,module\0multiboot,kernel\0";

    #[test]
    fn the_names_of_xens_loaders_are_known_at_both_levels() {
        let reg = |base: u64| [base.to_be_bytes(), 0x10_u64.to_be_bytes()].concat();
        let kernel = module("module@0", b"xen,linux-zimage\0xen,multiboot-module\0", &reg(0x4900_0000));
        let ramdisk = module("module@1", b"xen,linux-initrd\0xen,multiboot-module\0", &reg(0x4c00_0000));
        let both = [kernel, ramdisk];
        let below = NewNode { children: both.to_vec(), ..NewNode::new("modules") };
        for modules in [both.to_vec(), vec![below]] {
            let found = found(modules).unwrap();
            assert_eq!(found.kernel, Span::new(0x4900_0000, 0x10).unwrap());
            assert_eq!(found.ramdisk, Span::new(0x4c00_0000, 0x10));
        }
    }

    #[test]
    fn kernel_ramdisk_and_arguments_are_found() {
        let reg = |base: u64, size: u64| [base.to_be_bytes(), size.to_be_bytes()].concat();
        let kernel = module("module@49000000", KERNEL, &reg(0x4900_0000, 0x10)).prop_str("bootargs", "quiet");
        let ramdisk =
            module("module@4c000000", b"multiboot,module\0multiboot,ramdisk\0", &reg(0x4c00_0000, 0x20));
        let modules = found(vec![ramdisk, kernel]).unwrap();
        assert_eq!(modules.kernel, Span::new(0x4900_0000, 0x10).unwrap());
        assert_eq!(modules.ramdisk, Span::new(0x4c00_0000, 0x20));
        assert_eq!((modules.policy, modules.bootargs), (None, Some(b"quiet\0".to_vec())));
    }

    #[test]
    fn the_line_that_is_for_linux_is_not_the_one_that_is_for_xen() {
        let reg = [0x4900_0000_u64.to_be_bytes(), 0x10_u64.to_be_bytes()].concat();
        let kernel = module("module@0", b"xen,linux-zimage\0xen,multiboot-module\0", &reg);
        let bootargs = |kernel: NewNode| {
            let chosen = NewNode::new("chosen")
                .prop_str("bootargs", "dom0_mem=512M")
                .prop_str("xen,dom0-bootargs", "console=hvc0");
            let dtb = build(&NewNode::new("").child(chosen.child(kernel)), 0, &[]).unwrap();
            find(&Tree::parse(&dtb).unwrap()).unwrap().bootargs
        };
        assert_eq!(bootargs(kernel.clone()), Some(b"console=hvc0\0".to_vec()));
        assert_eq!(bootargs(kernel.prop_str("bootargs", "quiet")), Some(b"quiet\0".to_vec()));
    }

    #[test]
    fn the_length_of_reg_decides_on_its_cells() {
        let narrow = [0x4900_0000_u32.to_be_bytes(), 0x10_u32.to_be_bytes()].concat();
        let mixed = [&0x4900_0000_u64.to_be_bytes()[..], &0x10_u32.to_be_bytes()].concat();
        for reg in [narrow, mixed] {
            assert_eq!(
                found(vec![module("m", KERNEL, &reg)]).map(|m| m.kernel),
                Span::new(0x4900_0000, 0x10)
            );
        }
        for wrong in [&[][..], &[0; 3], &[0; 16], &[0xff; 16], &[0; 24]] {
            assert_eq!(found(vec![module("m", KERNEL, wrong)]), None, "{wrong:?}");
        }
    }

    #[test]
    fn without_a_kernel_there_are_no_modules() {
        assert_eq!(found(vec![]), None);
        assert_eq!(found(vec![module("m", b"multiboot,ramdisk\0", &[1; 16])]), None);
    }
}
