//! Finds the console: in the device tree, on the command line, and at last in the image of the stage.

use crate::paging::PAGE;
use crate::uart::{Hardware, Kind, Layout, TimedOut};
use alloc::format;
use core::fmt;
use ringfence::bootargs;
use ringfence::fdt::{Bus, Node, Tree};
use ringfence::span::Span;

/// Everything needed to write to a console that the loader has set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Console {
    /// How it is driven.
    pub kind: Kind,
    /// Address of its first register, as the processor sees it.
    pub base: u64,
    /// How the registers are laid out.
    pub layout: Layout,
}

/// What names a console, in the order in which they are tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A node, by `stdout-path`.
    StdoutPath,
    /// An address on the command line, by `earlycon=`.
    Earlycon,
    /// A node, by `console=` and the alias of that number.
    Console,
    /// A node, by the alias `serial0`.
    Serial0,
    /// An address in the image of the stage (`ringfence pack --console`).
    Fallback,
}

impl Source {
    /// Returns whether it is an address that no node confirms.
    #[must_use]
    pub const fn is_address(self) -> bool {
        matches!(self, Self::Earlycon | Self::Fallback)
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::StdoutPath => "stdout-path",
            Self::Earlycon => "earlycon=",
            Self::Console => "console=",
            Self::Serial0 => "the alias serial0",
            Self::Fallback => "the image's --console",
        })
    }
}

impl Console {
    /// Reads `NAME,[mmio|mmio16|mmio32|mmio32native,]ADDRESS[,OPTIONS]`, as it follows `earlycon=`
    /// (Documentation/admin-guide/kernel-parameters.txt).
    #[must_use]
    pub fn named(text: &[u8]) -> Option<Self> {
        let mut fields = text.split(|&byte| byte == b',');
        let name = core::str::from_utf8(fields.next()?).ok()?;
        let kind = self::named(Kind::earlycons, name)?;
        let mut layout = kind.layout(name);
        let mut field = fields.next()?;
        if field.starts_with(b"mmio") {
            layout = match field {
                b"mmio" => Layout::BYTES,
                b"mmio16" => Layout { shift: 1, width: 2 },
                b"mmio32" | b"mmio32native" => Layout::WORDS,
                _ => return None,
            };
            field = fields.next()?;
        }
        Some(Self { kind, base: hexadecimal(field)?, layout })
    }

    /// Returns the page of its registers, or both where they cross into another.
    #[must_use]
    pub fn pages(&self) -> Option<Span> {
        Span::new(self.base, self.kind.register_bytes())?.outward(PAGE)
    }

    /// Opens the transmitter of a UART that starts closed.
    pub fn open(&self, uart: &impl Hardware) {
        self.kind.open(uart);
    }

    /// Sends `text` as it is.
    ///
    /// # Errors
    /// [`TimedOut`] when the UART did not get ready in time.
    pub fn write(&self, uart: &impl Hardware, text: &[u8]) -> Result<(), TimedOut> {
        self.kind.write(uart, self.layout, text)
    }

    /// Waits until the last byte has left.
    ///
    /// # Errors
    /// [`TimedOut`] when that takes too long.
    pub fn flush(&self, uart: &impl Hardware) -> Result<(), TimedOut> {
        self.kind.flush(uart, self.layout)
    }
}

/// Finds the console of a board: the first in the order of [`Source`] that the stage can drive and whose
/// pages `is_free`, with what names it. `None` when there is none.
#[must_use]
pub fn find(
    tree: &Tree<'_>,
    fallback: Option<Console>,
    is_free: impl Fn(Span, Source) -> bool,
) -> Option<(Console, Source)> {
    let chosen = tree.find("/chosen");
    let line = command_line(chosen);
    let is_usable = |console: &Console, source| console.pages().is_some_and(|pages| is_free(pages, source));
    let first = |found: Option<Console>, source| {
        found.filter(|console| is_usable(console, source)).map(|console| (console, source))
    };
    first(chosen.and_then(|chosen| from_stdout_path(tree, chosen)), Source::StdoutPath)
        .or_else(|| first(bootargs::last_value(line, b"earlycon").and_then(Console::named), Source::Earlycon))
        .or_else(|| first(from_console(tree, line), Source::Console))
        .or_else(|| first(from_alias(tree, "serial0"), Source::Serial0))
        .or_else(|| first(fallback, Source::Fallback))
}

/// Returns whether the command line has an `earlycon` without a value: Linux then writes to the console of
/// `stdout-path` before any driver could give it a clock.
#[must_use]
pub fn has_bare_earlycon(tree: &Tree<'_>) -> bool {
    bootargs::args(command_line(tree.find("/chosen")))
        .any(|arg| arg.param == b"earlycon" && arg.value.is_none_or(<[u8]>::is_empty))
}

fn command_line<'a>(chosen: Option<Node<'_, 'a>>) -> &'a [u8] {
    let bootargs = chosen.and_then(|chosen| chosen.prop("bootargs"));
    bootargs.and_then(|prop| prop.value.split(|&byte| byte == 0).next()).unwrap_or_default()
}

fn from_stdout_path(tree: &Tree<'_>, chosen: Node<'_, '_>) -> Option<Console> {
    let path = chosen.prop("stdout-path").or_else(|| chosen.prop("linux,stdout-path"))?.as_str()?;
    // `serial0:115200n8`: options follow the first colon.
    of_node(tree.resolve(path.split(':').next()?)?)
}

/// Reads `console=ttyAMA0,115200n8`: the last one that an alias leads to a UART of that kind.
fn from_console(tree: &Tree<'_>, line: &[u8]) -> Option<Console> {
    let values = bootargs::args(line).filter(|arg| arg.param == b"console").filter_map(|arg| arg.value);
    let found = values.filter_map(|value| {
        let device = core::str::from_utf8(value.split(|&byte| byte == b',').next()?).ok()?;
        let name = device.trim_end_matches(|c: char| c.is_ascii_digit());
        let number: u32 = device.get(name.len()..)?.parse().ok()?;
        from_alias(tree, &format!("serial{number}")).filter(|console| console.kind.tty() == name)
    });
    found.last()
}

fn from_alias(tree: &Tree<'_>, alias: &str) -> Option<Console> {
    of_node(tree.resolve(alias)?)
}

fn of_node(node: Node<'_, '_>) -> Option<Console> {
    let node = Some(node).filter(Node::is_enabled)?;
    let (kind, name) =
        node.prop("compatible")?.strings().find_map(|name| Some((named(Kind::compatibles, name)?, name)))?;
    let number = |name| node.prop(name).and_then(|p| p.as_u32());
    let registers = Bus::of(node)?.registers(node).next()??;
    let base = registers.base().checked_add(u64::from(number("reg-offset").unwrap_or(0)))?;
    let default = kind.layout(name);
    let layout = Layout {
        shift: number("reg-shift").unwrap_or(default.shift),
        width: number("reg-io-width").unwrap_or(default.width),
    };
    Some(Console { kind, base, layout: layout.checked().unwrap_or(default) })
}

/// Returns the kind that one of its `names` names.
fn named(names: fn(Kind) -> &'static [&'static str], name: &str) -> Option<Kind> {
    Kind::ALL.iter().copied().find(|&kind| names(kind).contains(&name))
}

fn hexadecimal(text: &[u8]) -> Option<u64> {
    let digits = text.strip_prefix(b"0x").or_else(|| text.strip_prefix(b"0X"))?;
    u64::from_str_radix(core::str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringfence::fdt::{NewNode, build};

    fn find(
        tree: &Tree<'_>,
        fallback: Option<Console>,
        is_free: impl Fn(Span, Source) -> bool,
    ) -> Option<Console> {
        super::find(tree, fallback, is_free).map(|(console, _)| console)
    }

    #[test]
    fn earlycon_without_a_value_is_told_from_one_with_an_address() {
        let has = |line: &str| {
            let dtb = board(chosen().prop_str("bootargs", line));
            has_bare_earlycon(&Tree::parse(&dtb).unwrap())
        };
        assert!(has("quiet earlycon console=ttyAMA0") && has("earlycon="));
        assert!(!has("earlycon=pl011,0x9000000") && !has("noearlycon") && !has(""));
    }

    fn board(chosen: NewNode) -> Vec<u8> {
        let reg = |base: u64| [base.to_be_bytes(), 0x1000_u64.to_be_bytes()].concat();
        let pl011 = NewNode::new("pl011@9000000")
            .prop("compatible", b"arm,pl011\0arm,primecell\0".to_vec())
            .prop("reg", reg(0x900_0000));
        let dw = NewNode::new("serial@fe650000")
            .prop("compatible", b"rockchip,rk3568-uart\0snps,dw-apb-uart\0".to_vec())
            .prop("reg", reg(0xfe65_0000))
            .prop_u32("reg-shift", 2)
            .prop_u32("reg-io-width", 4);
        let mini = NewNode::new("serial@3f215040")
            .prop("compatible", b"brcm,bcm2835-aux-uart\0".to_vec())
            .prop("reg", reg(0x3f21_5040));
        let msm = NewNode::new("serial@78b0000")
            .prop("compatible", b"qcom,msm-uartdm-v1.4\0qcom,msm-uartdm\0".to_vec())
            .prop("reg", reg(0x78b_0000))
            .prop_u32("reg-offset", 0x100);
        let root = NewNode::new("")
            .prop_u32("#address-cells", 2)
            .prop_u32("#size-cells", 2)
            .child(NewNode::new("aliases").prop_str("serial3", "/pl011@9000000"))
            .child(pl011)
            .child(dw)
            .child(mini)
            .child(
                NewNode::new("off")
                    .prop_str("compatible", "arm,pl011")
                    .prop("reg", reg(0x100))
                    .prop_str("status", "disabled"),
            )
            .child(msm)
            .child(chosen);
        build(&root, 0, &[]).unwrap()
    }

    fn found(chosen: NewNode) -> Option<Console> {
        find(&Tree::parse(&board(chosen)).unwrap(), None, |_, _| true)
    }

    fn chosen() -> NewNode {
        NewNode::new("chosen")
    }

    fn pl011() -> Option<Console> {
        Some(Console { kind: Kind::Pl011, base: 0x900_0000, layout: Layout::BYTES })
    }

    #[test]
    fn stdout_path_may_be_a_path_or_an_alias_with_options() {
        assert_eq!(found(chosen().prop_str("stdout-path", "/pl011@9000000")), pl011());
        assert_eq!(found(chosen().prop_str("stdout-path", "serial3:115200n8")), pl011());
        assert_eq!(found(chosen().prop_str("stdout-path", "/nothing")), None);
    }

    #[test]
    fn an_8250_tells_how_its_registers_lie() {
        let console = found(chosen().prop_str("stdout-path", "/serial@fe650000:1500000")).unwrap();
        assert_eq!((console.kind, console.layout), (Kind::Ns16550, Layout::WORDS));
    }

    #[test]
    fn a_mini_uart_has_words_for_registers_though_its_node_does_not_say() {
        let console = found(chosen().prop_str("stdout-path", "/serial@3f215040")).unwrap();
        assert_eq!((console.kind, console.layout), (Kind::Ns16550, Layout::WORDS));
    }

    #[test]
    fn registers_may_start_behind_an_offset() {
        let console = found(chosen().prop_str("stdout-path", "/serial@78b0000")).unwrap();
        assert_eq!((console.kind, console.base), (Kind::Msm, 0x78b_0100));
    }

    #[test]
    fn earlycon_is_the_second_choice() {
        let args = |line| found(chosen().prop_str("bootargs", line));
        assert_eq!(args("quiet earlycon=pl011,0x9000000 root=/dev/vda"), pl011());
        assert_eq!(args("earlycon=pl011,mmio32,0x9000000").map(|c| c.base), pl011().map(|c| c.base));
        let uart = args("earlycon=uart8250,mmio32,0xfe650000,1500000n8").unwrap();
        assert_eq!((uart.kind, uart.base, uart.layout), (Kind::Ns16550, 0xfe65_0000, Layout::WORDS));
        assert_eq!(args("earlycon"), None);
        assert_eq!(args("earlycon=pl011,nonsense"), None);
    }

    #[test]
    fn a_uart_that_is_disabled_is_not_touched() {
        assert_eq!(found(chosen().prop_str("stdout-path", "/off")), None);
        let both = chosen().prop_str("stdout-path", "/off").prop_str("bootargs", "earlycon=pl011,0x9000000");
        assert_eq!(found(both), pl011());
    }

    #[test]
    fn registers_that_overlap_something_are_not_touched() {
        let both = chosen()
            .prop_str("stdout-path", "/serial@78b0000")
            .prop_str("bootargs", "earlycon=pl011,0x9000000");
        let dtb = board(both);
        let tree = Tree::parse(&dtb).unwrap();
        let page = |base| Span::new(base, 0x1000).unwrap();
        assert_eq!(find(&tree, None, |at, _| at != page(0x78b_0000)), pl011());
        let stdout = find(&tree, None, |at, source| (at, source) == (page(0x78b_0000), Source::StdoutPath));
        assert_eq!(stdout.map(|console| console.kind), Some(Kind::Msm));
        assert_eq!(find(&tree, None, |_, _| false), None);
    }

    /// Returns a board whose serial ports are reached by aliases alone, with this command line.
    fn with_aliases(line: &str, aliases: &[(&str, &str)]) -> Option<Console> {
        let reg = |base: u64| [base.to_be_bytes(), 0x1000_u64.to_be_bytes()].concat();
        let uart = |name: &str, kind: &str, base| {
            NewNode::new(name).prop_str("compatible", kind).prop("reg", reg(base))
        };
        let aliases =
            aliases.iter().fold(NewNode::new("aliases"), |node, (name, path)| node.prop_str(name, path));
        let root = NewNode::new("")
            .prop_u32("#address-cells", 2)
            .prop_u32("#size-cells", 2)
            .child(aliases)
            .child(NewNode::new("chosen").prop_str("bootargs", line))
            .child(uart("pl011", "arm,pl011", 0x900_0000))
            .child(uart("ns16550", "ns16550a", 0xa00_0000));
        find(&Tree::parse(&build(&root, 0, &[]).unwrap()).unwrap(), FALLBACK, |_, _| true)
    }

    const FALLBACK: Option<Console> =
        Some(Console { kind: Kind::Cadence, base: 0xff00_0000, layout: Layout::BYTES });

    #[test]
    fn console_is_followed_through_the_alias_of_its_number() {
        let aliases = [("serial0", "/pl011"), ("serial2", "/ns16550")];
        let base = |line| with_aliases(line, &aliases).unwrap().base;
        assert_eq!(base("console=ttyS2,115200n8 quiet"), 0xa00_0000);
        assert_eq!(base("console=ttyAMA0 console=ttyS2"), 0xa00_0000, "the last one");
        assert_eq!(base("console=ttyS2 console=tty0"), 0xa00_0000, "a screen is passed over");
        // serial2 is not a PL011 and serial7 does not exist, so serial0 is used.
        assert_eq!(base("console=ttyAMA2"), 0x900_0000);
        assert_eq!(base("console=ttyS7"), 0x900_0000);
        assert_eq!(base(""), 0x900_0000);
    }

    #[test]
    fn the_fallback_is_the_last_choice() {
        assert_eq!(with_aliases("", &[]), FALLBACK);
        assert_eq!(with_aliases("console=ttyS0", &[("serial1", "/pl011")]), FALLBACK);
        let empty = build(&NewNode::new(""), 0, &[]).unwrap();
        let empty = Tree::parse(&empty).unwrap();
        assert_eq!(find(&empty, FALLBACK, |_, _| true), FALLBACK);
        assert_eq!(find(&empty, FALLBACK, |_, source| source != Source::Fallback), None);
        assert_eq!(find(&empty, None, |_, _| true), None);
    }

    #[test]
    fn registers_that_cross_into_another_page_take_both() {
        let pages = |text: &[u8]| Console::named(text).unwrap().pages();
        assert_eq!(pages(b"pl011,0x9000000"), Span::new(0x900_0000, 0x1000));
        assert_eq!(pages(b"uart8250,mmio32,0x9000f00"), Span::new(0x900_0000, 0x1000));
        assert_eq!(pages(b"uart8250,mmio32,0x9000ff0"), Span::new(0x900_0000, 0x2000));
        assert_eq!(pages(b"qcom_geni,0x9000800"), Span::new(0x900_0000, 0x2000));
        assert_eq!(pages(b"pl011,0xffffffffffffff00"), None, "no span ends there");
    }

    #[test]
    fn every_kind_can_be_named_for_an_image() {
        for &kind in Kind::ALL {
            let text = format!("{},0x1000", kind.earlycons()[0]);
            assert_eq!(Console::named(text.as_bytes()).map(|console| console.kind), Some(kind));
        }
    }
}
