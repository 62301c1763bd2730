//! What the system does not run by itself, or not at all: a script without a first line, and a
//! program whose interpreter is missing.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::Read;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};

/// What runs a script without a first line, as `execvp` has it.
pub const SHELL: &str = "/bin/sh";
/// Where commands are without `PATH`.
const PATH: &str = "/bin:/usr/bin";
/// How much of a file tells what it is; the system looks at no more.
const BEGIN_BYTES: u64 = 256;
/// As many interpreters of interpreters as the system follows.
const INTERPRETERS_MAX: usize = 5;

/// The program's file, found as `execvp` finds it.
pub fn find(program: &OsStr) -> Option<PathBuf> {
    let is_program = |path: &PathBuf| path.is_file() && access(path, Access::EXEC_OK).is_ok();
    if program.as_bytes().contains(&b'/') {
        return Some(PathBuf::from(program)).filter(is_program);
    }
    let path = env::var_os("PATH").unwrap_or_else(|| PATH.into());
    // Of an empty part only the directory where it is run is left.
    env::split_paths(&path).map(|dir| Path::new(".").join(dir).join(program)).find(is_program)
}

/// Whether a file that the system does not run is text for a shell. What holds a NUL before its
/// first line ends is a program for another machine, as shells see it.
pub fn is_text(path: &Path) -> bool {
    begin(path).is_some_and(|begin| {
        let line = begin.split(|&byte| byte == b'\n').next().unwrap_or_default();
        !line.contains(&0)
    })
}

/// The interpreter that keeps a program from being run: the first on the way that cannot be run.
pub fn bad_interpreter(program: &Path) -> Option<PathBuf> {
    let mut path = program.to_owned();
    for _ in 0..INTERPRETERS_MAX {
        path = PathBuf::from(interpreter(&path)?);
        if !path.is_file() || access(&path, Access::EXEC_OK).is_err() {
            return Some(path);
        }
    }
    None
}

fn begin(path: &Path) -> Option<Vec<u8>> {
    let mut begin = Vec::new();
    File::open(path).ok()?.take(BEGIN_BYTES).read_to_end(&mut begin).ok()?;
    Some(begin)
}

fn interpreter(path: &Path) -> Option<OsString> {
    let begin = begin(path)?;
    let Some(line) = begin.strip_prefix(b"#!") else { return loader(path, &begin) };
    let line = line.split(|&byte| byte == b'\n').next()?;
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let name = line.split(is_blank).find(|word| !word.is_empty())?;
    Some(OsString::from_vec(name.to_vec()))
}

/// The loader that an ELF program names.
fn loader(path: &Path, header: &[u8]) -> Option<OsString> {
    const INTERPRETER: u64 = 3;
    let is_64 = match header.get(..5)? {
        b"\x7fELF\x01" => false,
        b"\x7fELF\x02" => true,
        _ => return None,
    };
    let file = File::open(path).ok()?;
    let number = |at: u64, bytes: usize| {
        let mut number = [0; 8];
        // Programs for the other byte order are not run at all.
        let from = if cfg!(target_endian = "little") { 0 } else { 8 - bytes };
        file.read_exact_at(number.get_mut(from..from + bytes)?, at).ok()?;
        Some(u64::from_ne_bytes(number))
    };
    let word = if is_64 { 8 } else { 4 };
    // Where these fields are: the table of segments, the size of an entry and how many there are;
    // in an entry, where the segment is and its size.
    let [table, entry, entries] = if is_64 { [32, 54, 56] } else { [28, 42, 44] };
    let [offset, size] = if is_64 { [8, 32] } else { [4, 16] };
    let (table, entry) = (number(table, word)?, number(entry, 2)?);
    for index in 0..number(entries, 2)? {
        let at = table.checked_add(index.checked_mul(entry)?)?;
        if number(at, 4)? == INTERPRETER {
            let size = number(at.checked_add(size)?, word)?.min(BEGIN_BYTES);
            let mut name = vec![0; usize::try_from(size).ok()?];
            file.read_exact_at(&mut name, number(at.checked_add(offset)?, word)?).ok()?;
            name.truncate(name.iter().position(|&byte| byte == 0)?);
            return Some(OsString::from_vec(name));
        }
    }
    None
}
