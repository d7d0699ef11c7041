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
        // What follows a lone `--` is for Linux' first process.
        let mut is_of_init = false;
        for (index, word) in words(&text).enumerate() {
            is_of_init |= word == "--";
            let own = word.trim_matches('"').strip_prefix("ringfence.").filter(|_| !is_of_init);
            match own.and_then(|own| own.split_once('=')).map(|(name, path)| (name, path.trim_matches('"'))) {
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

/// Returns the words of a line: blanks separate them, and quotes group, as for Linux (`next_arg()` in
/// lib/cmdline.c, 6.12).
fn words(line: &str) -> impl Iterator<Item = &str> {
    let mut is_quoted = false;
    let words = line.split(move |c: char| {
        is_quoted ^= c == '"';
        c.is_ascii_whitespace() && !is_quoted
    });
    words.filter(|word| !word.is_empty())
}

/// Tells whether a first word is the name of a program rather than an option.
fn is_program(word: &str) -> bool {
    let word = word.trim_matches('"');
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
    fn quotes_group_as_for_linux() {
        let line = "dyndbg=\"file a.c +p;  ringfence.bundle=/no.itb\" \"ringfence.bundle=/my dir/b.itb\" \
                    ringfence.policy=\"/p q\" -- ringfence.kernel=/init";
        let options = read(line);
        assert_eq!(options.bundle.as_deref(), Some("/my dir/b.itb"));
        assert_eq!((options.policy.as_deref(), options.kernel), (Some("/p q"), None));
        let rest = "dyndbg=\"file a.c +p;  ringfence.bundle=/no.itb\" -- ringfence.kernel=/init";
        assert_eq!(options.line.as_deref(), Some(rest));
        assert_eq!(read("a=\"b ringfence.bundle=/c").bundle, None, "a quote that is never closed");
        assert_eq!(read("\"FS0:\\my dir\\ringfence.efi\" quiet").line.as_deref(), Some("quiet"));
        // A byte of this letter is a blank to the kernel, and none of a path.
        assert_eq!(read("ringfence.bundle=/voil\u{e0}.itb").bundle.as_deref(), Some("/voil\u{e0}.itb"));
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
