//! The load options: words for ringfence, and the rest, which is the kernel's command line.

use alloc::string::String;
use alloc::vec::Vec;

/// What the load options say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Options {
    /// `ringfence.bundle=PATH`: a bundle on the file system that this image was loaded from.
    pub(crate) bundle: Option<String>,
    /// `ringfence.kernel=PATH`: a kernel there.
    pub(crate) kernel: Option<String>,
    /// `ringfence.initrd=PATH`: the initial ramdisk of that kernel.
    pub(crate) initrd: Option<String>,
    /// `ringfence.policy=PATH`: a policy blob.
    pub(crate) policy: Option<String>,
    /// All other words; `None` when there are none.
    pub(crate) line: Option<String>,
}

impl Options {
    /// Reads load options: UTF-16, with or without a terminating NUL, as every loader has its own idea of.
    /// Returns `None` when they are something else, as boot managers pass data of their own there.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let units = bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
        let text = char::decode_utf16(units.take_while(|&unit| unit != 0));
        let text: String = text.collect::<Result<_, _>>().ok()?;
        if text.chars().any(|c| c.is_control() && !c.is_ascii_whitespace()) {
            return None;
        }
        let mut options = Self::default();
        let mut rest: Vec<&str> = Vec::new();
        for (index, word) in text.split_ascii_whitespace().enumerate() {
            match word.strip_prefix("ringfence.").and_then(|word| word.split_once('=')) {
                Some(("bundle", path)) => options.bundle = Some(path.into()),
                Some(("kernel", path)) => options.kernel = Some(path.into()),
                Some(("initrd", path)) => options.initrd = Some(path.into()),
                Some(("policy", path)) => options.policy = Some(path.into()),
                // The UEFI shell puts the program's name first.
                _ if index == 0 && is_program(word) => {}
                _ => rest.push(word),
            }
        }
        if !rest.is_empty() {
            options.line = Some(rest.join(" "));
        }
        Some(options)
    }

    /// Returns the first file that the options name, as a word of theirs.
    pub(crate) fn named_file(&self) -> Option<&'static str> {
        let named = [
            ("ringfence.bundle=", &self.bundle),
            ("ringfence.kernel=", &self.kernel),
            ("ringfence.initrd=", &self.initrd),
            ("ringfence.policy=", &self.policy),
        ];
        named.into_iter().find_map(|(word, path)| path.is_some().then_some(word))
    }
}

/// Tells whether a first word is the name of a program rather than an option.
fn is_program(word: &str) -> bool {
    let ends = |suffix: &str| {
        word.len()
            .checked_sub(suffix.len())
            .and_then(|at| word.get(at..))
            .is_some_and(|end| end.eq_ignore_ascii_case(suffix))
    };
    !word.contains('=') && (ends(".efi") || ends(".img"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Options {
        Options::read(&text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>()).unwrap()
    }

    #[test]
    fn what_is_not_text_is_not_read() {
        // A GUID of EDK2's, a lone surrogate, a command to a terminal.
        assert_eq!(Options::read(&[0x27, 0x9f, 0x0b, 0x4d, 0x89, 0xd8]), None);
        assert_eq!(Options::read(&[b'a', 0, 0, 0xd8, b'b', 0]), None);
        assert_eq!(Options::read(&[b'a', 0, 0x1b, 0]), None);
        assert_eq!(
            Options::read(&[b'a', 0, b'\n', 0, b'b']).and_then(|options| options.line),
            Some("a".into())
        );
    }

    #[test]
    fn our_words_are_taken_out_and_the_rest_is_the_kernels() {
        let options = read("\\EFI\\ringfence.EFI console=ttyAMA0 ringfence.bundle=/b.itb  quiet\0garbage");
        assert_eq!(options.bundle.as_deref(), Some("/b.itb"));
        assert_eq!(options.line.as_deref(), Some("console=ttyAMA0 quiet"));
        assert_eq!(options.named_file(), Some("ringfence.bundle="));
    }

    #[test]
    fn no_options_leave_the_trees_command_line() {
        assert_eq!(read(""), Options::default());
        assert_eq!(read("\0"), Options::default());
        assert_eq!(read("ringfence.img").line, None);
        assert_eq!(read("initrd=a.efi").line.as_deref(), Some("initrd=a.efi"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(bytes: Vec<u8>) {
            let _ = Options::read(&bytes);
        }
    }
}
