//! The structured log of a real stage is decoded, and by no other stage's ELF.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use defmt_decoder::Table;
use object::Object;

/// Returns the stage as `cargo xtask` builds it, when it was built.
fn stage() -> Option<PathBuf> {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent()?;
    let places = ["ringfence.elf", "stage/aarch64-unknown-none/stage/ringfence-boot"];
    let found = places.map(|place| target.join(place)).into_iter().find(|path| path.is_file());
    if found.is_none() {
        println!("SKIPPED: no stage is built (`cargo xtask qemu` builds it)");
    }
    found
}

/// Frames as the stage writes them (rzCOBS): what is not zero, then a byte that says where the zeros were.
fn encoded(frame: &[u8]) -> Vec<u8> {
    let (mut out, mut run, mut zeros) = (Vec::new(), 0_u8, 0_u8);
    for &byte in frame {
        if byte != 0 {
            out.push(byte);
        }
        match (run, byte) {
            (7.., 0) => {
                out.push((run - 7) | 0x80);
                (run, zeros) = (0, 0);
                continue;
            }
            (..7, 0) => zeros |= 1 << run,
            _ => {}
        }
        run += 1;
        if run == 7 && zeros != 0 {
            out.push(zeros);
            (run, zeros) = (0, 0);
        } else if run == 134 {
            out.push(0xff);
            (run, zeros) = (0, 0);
        }
    }
    match run {
        0 => {}
        1..=6 => out.push((zeros | (0xff << run)) & 0x7f),
        _ => out.push((run - 7) | 0x80),
    }
    out.push(0);
    out
}

/// Returns a dump with a ring in it.
fn dump(build_id: &[u8], frames: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0xa5; 4096];
    bytes.extend(b"RFRING01");
    bytes.extend(build_id);
    bytes.extend((frames.len() as u32 + 64).to_le_bytes());
    bytes.extend((frames.len() as u64).to_le_bytes());
    bytes.extend([0; 24]);
    bytes.extend(frames);
    bytes.extend([0; 64]);
    bytes
}

fn log(elf: &Path, dump: &[u8]) -> Output {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), dump).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_ringfence"));
    command.arg("log").arg("--elf").arg(elf).arg(file.path()).output().unwrap()
}

#[test]
fn a_ring_of_the_built_stage_is_decoded() {
    let Some(path) = stage() else { return };
    let elf = fs::read(&path).unwrap();
    let table = Table::parse(&elf).unwrap().expect("the stage has a structured log");
    let build_id = object::File::parse(&*elf).unwrap().build_id().unwrap().unwrap().to_vec();

    let (mut frames, mut wanted) = (Vec::new(), Vec::new());
    let mut indices: Vec<usize> = table.indices().collect();
    indices.sort_unstable();
    for index in indices {
        // Every argument is zero, which is a number, an empty text and a `false` alike.
        let mut raw = (index as u16).to_le_bytes().to_vec();
        raw.extend([0; 256]);
        let Ok((frame, len)) = table.decode(&raw) else { continue };
        if let Some(level) = frame.level() {
            frames.extend(encoded(&raw[..len]));
            wanted.push((level.as_str(), frame.display_message().to_string()));
        }
    }
    assert!(wanted.len() > 3, "a stage that says almost nothing: {wanted:?}");

    let output = log(&path, &dump(&build_id, &frames));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(text.lines().count(), wanted.len(), "{text}");
    for (line, (level, message)) in text.lines().zip(&wanted) {
        assert!(line.contains(level) && line.contains(message.as_str()), "{line}: not {level} {message}");
    }

    let mut other = build_id.clone();
    other[0] ^= 1;
    let refused = log(&path, &dump(&other, &frames));
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("the ELF file of the stage that was booted"));
}

/// Returns a dump with a sentinel's ring in it: two accesses to one carveout.
fn accesses() -> Vec<u8> {
    let mut words = vec![u64::from_le_bytes(*b"RFSENT01"), 2, 1_000_000, 1];
    words.resize(16, 0);
    words.extend([0x8430_0000, 0x8480_0000]);
    let mut bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    bytes.extend(b"camera@84300000");
    bytes.resize(16 * 8 + 64 * 48, 0);
    for (number, pc) in [(1_u64, 0x40_0000_u64), (2, 0xffff_8000_8012_3456)] {
        let level = if number == 1 { 0 } else { 1 << 48 };
        let how = 0x9200_0047 | 1 << 32 | level;
        let record = [number << 8 | 1, number * 1_500_000, number, 0x8430_0008, pc, 0x7000, how, 0];
        bytes.extend(record.iter().flat_map(|word| word.to_le_bytes()));
    }
    bytes.resize(16 << 10, 0);
    [vec![0xa5; 4096], bytes].concat()
}

#[test]
fn the_sentinels_ring_needs_no_elf() {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), accesses()).unwrap();
    let run = || Command::new(env!("CARGO_BIN_EXE_ringfence")).arg("log").arg(file.path()).output().unwrap();
    let output = run();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(
        text,
        "1.500000 sentinel: EL0 write to carveout camera@84300000 at 0x84300008, PC 0x400000, VA 0x7000, CPU \
         0x1, ESR 0x92000047\n\
         3.000000 sentinel: EL1 write to carveout camera@84300000 at 0x84300008, PC 0xffff800080123456, VA \
         0x7000, CPU 0x2, ESR 0x92000047\n"
    );
    // The stage's log beside it does, and the tool says which.
    fs::write(file.path(), dump(&[0x5a; 20], b"abc\0")).unwrap();
    let refused = run();
    assert_eq!(refused.status.code(), Some(2));
    let why = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(why.contains(&"5a".repeat(20)) && why.contains("--elf"), "{why}");
}
