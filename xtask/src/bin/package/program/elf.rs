//! What a program for Linux needs of the system that runs it.

use std::collections::BTreeSet;

use object::Endianness;
use object::elf::{DT_NEEDED, EM_AARCH64, EM_X86_64, FileHeader64};
use object::read::elf::FileHeader;

/// The facts of one program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Needs {
    /// For which processor it is, as Linux calls it.
    pub processor: &'static str,
    /// The libraries that are loaded with it.
    pub libraries: BTreeSet<String>,
    /// The least minor version of glibc 2 that has all that it uses; none if it uses no glibc.
    pub glibc_minor: Option<u32>,
}

impl Needs {
    pub fn of(program: &[u8]) -> Result<Self, String> {
        let needs = read(program)
            .map_err(|error| format!("the program is none for 64-bit Linux: {error}"))?;
        needs.ok_or_else(|| String::from("the program is for a processor that no package is for"))
    }
}

fn read(program: &[u8]) -> object::Result<Option<Needs>> {
    let header = FileHeader64::<Endianness>::parse(program)?;
    let endian = header.endian()?;
    let processor = match header.e_machine(endian) {
        EM_X86_64 => "x86_64",
        EM_AARCH64 => "aarch64",
        _ => return Ok(None),
    };
    let sections = header.sections(endian, program)?;

    let mut libraries = BTreeSet::new();
    let dynamic = sections.dynamic_table(endian, program)?;
    for entry in dynamic.iter().filter(|entry| entry.tag == DT_NEEDED) {
        libraries.insert(text(dynamic.string(entry)?));
    }

    let mut glibc_minor = None;
    if let Some((needed, strings)) = sections.gnu_verneed(endian, program)? {
        let strings = sections.strings(endian, program, strings)?;
        for library in needed {
            for version in library?.1 {
                glibc_minor = glibc_minor.max(minor(&text(version?.name(endian, strings)?)));
            }
        }
    }
    Ok(Some(Needs { processor, libraries, glibc_minor }))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The minor number of a version such as `GLIBC_2.34`, and of one such as `GLIBC_2.2.5`.
fn minor(version: &str) -> Option<u32> {
    version.strip_prefix("GLIBC_2.")?.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_of_glibc_is_told_by_its_minor_number() {
        for (version, expected) in [
            ("GLIBC_2.34", Some(34)),
            ("GLIBC_2.2.5", Some(2)),
            ("GLIBC_PRIVATE", None),
            ("GCC_3.0", None),
        ] {
            assert_eq!(minor(version), expected, "{version}");
        }
    }

    #[test]
    fn what_is_no_program_is_refused() {
        for bytes in [b"".as_slice(), b"#!/bin/sh\n", &[0x7f, b'E', b'L', b'F', 2, 1, 1]] {
            let error = Needs::of(bytes).unwrap_err();
            assert!(error.starts_with("the program is none for 64-bit Linux: "), "{error}");
        }
    }

    /// This test is a program too, and the system's own tool tells what it needs.
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    #[test]
    fn a_program_needs_the_libraries_that_the_system_loads_and_the_glibc_of_its_symbols() {
        let this = std::env::current_exe().unwrap();
        let needs = Needs::of(&std::fs::read(&this).unwrap()).unwrap();
        assert_eq!(needs.processor, std::env::consts::ARCH);
        assert!(needs.libraries.contains("libc.so.6"), "{needs:?}");
        let read = |flag| {
            let mut tool = std::process::Command::new("readelf");
            tool.args([flag, "--wide"]).arg(&this);
            let output = tool.output().expect("this test needs readelf, of binutils");
            String::from_utf8(output.stdout).unwrap()
        };
        let told = read("--version-info");
        let names = told.split_whitespace().filter_map(minor);
        assert_eq!(needs.glibc_minor, names.max());
        assert_eq!(read("--dynamic").matches("(NEEDED)").count(), needs.libraries.len());
    }
}
