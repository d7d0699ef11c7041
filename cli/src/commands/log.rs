//! `ringfence log`: the stage's structured log, decoded.

use std::path::Path;

use defmt_decoder::{DecodeError, Frame, Locations, Table};
use object::Object;

use super::Outcome;
use crate::args::Log;
use crate::failure::Failure;
use crate::input::ring::Ring;
use crate::terminal::style::{DIM, level_style};
use crate::{input, terminal};

pub(super) fn run(args: &Log) -> Result<Outcome, Failure> {
    let dump = input::read_any(&args.file)?;
    let elf = input::read_any(&args.elf)?;
    let ring = Ring::find(&dump).ok_or_else(|| {
        Failure::of(&args.file, "contains no log ring of ringfence")
            .with_help("dump the memory that the stage prints on its console, or all RAM")
    })?;
    same_build(&ring, &elf, &args.elf)?;
    print(&ring, &elf, &args.elf)?;
    Ok(Outcome::Clean)
}

/// Refuses any other ELF: it would decode to plausible nonsense, without an error.
fn same_build(ring: &Ring, elf: &[u8], path: &Path) -> Result<(), Failure> {
    let file =
        object::File::parse(elf).map_err(|error| Failure::of(path, format!("no ELF file: {error}")))?;
    let id = file.build_id().map_err(|error| Failure::of(path, error))?;
    let Some(id) = id else {
        return Err(Failure::of(path, "this ELF has no build id, so it cannot be matched with the log")
            .with_help("link the stage with --build-id=sha1, as its build does"));
    };
    if id != ring.build_id {
        let found = format!("the log is of build {}, this ELF is {}", hex(&ring.build_id), hex(id));
        return Err(
            Failure::of(path, found).with_help("decode with the ELF file of the stage that was booted")
        );
    }
    Ok(())
}

fn print(ring: &Ring, elf: &[u8], path: &Path) -> Result<(), Failure> {
    let table = Table::parse(elf)
        .map_err(|error| Failure::of(path, error))?
        .ok_or_else(|| Failure::of(path, "no structured log in this ELF (section .defmt is missing)"))?;
    let locations = table.get_locations(elf).unwrap_or_default();
    let mut decoder = table.new_stream_decoder();
    decoder.received(&ring.frames);
    loop {
        match decoder.decode() {
            Ok(frame) => terminal::out(&line(&frame, &locations))?,
            Err(DecodeError::UnexpectedEof) => return Ok(()),
            Err(DecodeError::Malformed) if table.encoding().can_recover() => {
                terminal::err(&format!("{DIM}(a damaged frame is skipped){DIM:#}\n"));
            }
            Err(DecodeError::Malformed) => return Err(Failure::new("the log is damaged from here on")),
        }
    }
}

fn line(frame: &Frame<'_>, locations: &Locations) -> String {
    let time = frame.display_timestamp().map(|time| format!("{time} ")).unwrap_or_default();
    let level = frame.level().map_or("-", |level| level.as_str());
    let style = level_style(level);
    let place = locations.get(&frame.index()).map_or(String::new(), |place| {
        let file = place.file.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
        format!(" {DIM}({file}:{}){DIM:#}", place.line)
    });
    format!("{time}{style}{level:5}{style:#} {}{place}\n", frame.display_message())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
