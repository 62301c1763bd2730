//! What package managers call the platform that a program runs on.

use super::elf::Needs;

/// Libraries that every Linux with glibc has, by the rules of `manylinux`. The loader is among them.
const EVERYWHERE: [&str; 9] = [
    "ld-linux-aarch64.so.1",
    "ld-linux-x86-64.so.2",
    "libc.so.6",
    "libdl.so.2",
    "libgcc_s.so.1",
    "libm.so.6",
    "libpthread.so.0",
    "librt.so.1",
    "libutil.so.1",
];

/// One platform.
#[derive(Debug, PartialEq, Eq)]
pub struct Platform {
    /// As Node calls the processor.
    pub cpu: &'static str,
    /// The platform of the wheel's name.
    pub wheel: String,
    /// Whether the program needs glibc.
    pub is_glibc: bool,
}

impl Platform {
    /// The one that a program is for.
    pub fn of(program: &[u8]) -> Result<Self, String> {
        Ok(Self::needed(&Needs::of(program)?))
    }

    fn needed(needs: &Needs) -> Self {
        let processor = needs.processor;
        let is_everywhere = needs.libraries.iter().all(|name| EVERYWHERE.contains(&name.as_str()));
        let wheel = match needs.glibc_minor {
            Some(minor) if is_everywhere => format!("manylinux_2_{minor}_{processor}"),
            // No promise is made of where else it runs. PyPI refuses such a wheel.
            _ => format!("linux_{processor}"),
        };
        let cpu = if processor == "aarch64" { "arm64" } else { "x64" };
        Self { cpu, wheel, is_glibc: needs.glibc_minor.is_some() }
    }

    /// As `process.platform` and `process.arch` of Node tell it.
    pub fn node(&self) -> String {
        format!("linux-{}", self.cpu)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn platform(processor: &'static str, library: &str, glibc_minor: Option<u32>) -> Platform {
        let libraries = ["libc.so.6", library].map(String::from).into();
        Platform::needed(&Needs { processor, libraries, glibc_minor })
    }

    #[test]
    fn a_wheel_names_the_glibc_that_the_program_needs() {
        let x64 = platform("x86_64", "libgcc_s.so.1", Some(34));
        assert_eq!((x64.wheel.as_str(), x64.is_glibc), ("manylinux_2_34_x86_64", true));
        assert_eq!(x64.node(), "linux-x64");
        let arm64 = platform("aarch64", "libm.so.6", Some(17));
        assert_eq!(arm64.wheel, "manylinux_2_17_aarch64");
        assert_eq!(arm64.node(), "linux-arm64");
    }

    #[test]
    fn a_wheel_of_what_needs_other_libraries_promises_this_system_only() {
        assert_eq!(platform("x86_64", "libz.so.1", Some(34)).wheel, "linux_x86_64");
        let without = platform("x86_64", "libm.so.6", None);
        assert_eq!((without.wheel.as_str(), without.is_glibc), ("linux_x86_64", false));
    }
}
