//! CRC-32 as in zlib and FIT, four bits at a time: the usual tables would be a tenth of the stage's image.

/// The remainders of four bits, for the reflected polynomial 0xedb88320.
// The loop runs in the compiler, which checks the index.
#[allow(clippy::indexing_slicing)]
const REMAINDERS: [u32; 16] = {
    let mut table = [0; 16];
    let mut n = 0;
    while n < 16 {
        let mut value = n as u32;
        let mut bit = 0;
        while bit < 4 {
            value = if value & 1 == 0 { value >> 1 } else { (value >> 1) ^ 0xedb8_8320 };
            bit += 1;
        }
        table[n] = value;
        n += 1;
    }
    table
};

/// Returns the CRC-32 of `data`.
pub(super) fn crc32(data: &[u8]) -> u32 {
    let step = |crc: u32, bits: u32| {
        let remainder = REMAINDERS.get((crc ^ bits) as usize & 15).copied().unwrap_or(0);
        (crc >> 4) ^ remainder
    };
    !data.iter().map(|&byte| u32::from(byte)).fold(!0, |crc, byte| step(step(crc, byte), byte >> 4))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    #[test]
    fn it_is_the_crc_of_zlib() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926, "the check value of CRC-32/ISO-HDLC");
        assert_eq!(crc32(b""), 0);
    }

    proptest! {
        #[test]
        fn it_is_what_the_fast_crate_computes(data: Vec<u8>) {
            prop_assert_eq!(crc32(&data), crc32fast::hash(&data));
        }
    }
}
