//! Numbers as the kernel's `memparse()` reads them (lib/cmdline.c, lib/kstrtox.c).

/// Reads a number with base prefix (`0x`, `0`, decimal) and one optional suffix K M G T P E of either case
/// (powers of 1024; none means bytes), and returns it with the rest of the text. No digits read as 0.
///
/// A value above 2^64 is `None`: kernels up to 6.18 wrap it, later ones saturate, and no board has so much.
#[must_use]
pub fn memparse(text: &[u8]) -> (Option<u64>, &[u8]) {
    let (radix, mut rest) = match text {
        [b'0', b'x' | b'X', digits @ ..] if digits.first().is_some_and(u8::is_ascii_hexdigit) => (16, digits),
        [b'0', ..] => (8, text),
        _ => (10, text),
    };
    let mut value = Some(0u64);
    while let [first, tail @ ..] = rest {
        let Some(digit) = (*first as char).to_digit(radix) else { break };
        value = value.and_then(|v| v.checked_mul(u64::from(radix))).and_then(|v| v.checked_add(digit.into()));
        rest = tail;
    }
    let Some((first, tail)) = rest.split_first() else { return (value, rest) };
    let shift = match first.to_ascii_uppercase() {
        b'K' => 10,
        b'M' => 20,
        b'G' => 30,
        b'T' => 40,
        b'P' => 50,
        b'E' => 60,
        _ => return (value, rest),
    };
    (value.and_then(|v| v.checked_mul(1 << shift)), tail)
}

#[cfg(test)]
mod tests {
    use super::memparse;

    #[test]
    fn numbers_read_as_the_kernel_reads_them() {
        let cases: &[(&[u8], u64, &[u8])] = &[
            (b"64M", 64 << 20, b""),
            (b"64m@0x5", 64 << 20, b"@0x5"),
            (b"0x10k-", 16 << 10, b"-"),
            (b"010", 8, b""),
            (b"64", 64, b""),
            (b"64Q", 64, b"Q"),
            (b"", 0, b""),
            (b"M", 0, b""),
            (b"-1", 0, b"-1"),
            (b"0xg", 0, b"xg"),
            (b"1G@", 1 << 30, b"@"),
        ];
        for (text, value, rest) in cases {
            assert_eq!(memparse(text), (Some(*value), *rest), "{:?}", core::str::from_utf8(text));
        }
        assert_eq!(memparse(b"16E").0, None);
        assert_eq!(memparse(b"99999999999999999999").0, None);
    }
}
