//! `cargo xtask package --program`: the program for those who have no Rust, as a wheel and as npm
//! packages.

use std::path::Path;

use crate::about::About;
use crate::files;
use crate::pack::{NPM, PIP, Pack};
use crate::process::Failure;
use crate::release::Release;
use crate::source::Source;

mod build;
mod elf;
mod platform;
mod stage;

use platform::Platform;
use stage::Stage;

/// Whether what makes the packages can be run.
pub fn ready() -> Result<(), String> {
    NPM.ready("the program's npm package")?;
    PIP.ready("the program's wheel")
}

/// Build the program, or take the file that has it, and make the packages.
pub fn program(source: &Source, built: Option<&Path>) -> Result<Release, Failure> {
    let about = About::of(source)?;
    let program = match built {
        Some(file) => std::fs::read(file)
            .map_err(|error| format!("cannot read {}: {error}", file.display()))?,
        None => build::optimised(source)?,
    };
    let platform = Platform::of(&program)?;
    let dir = source.dir.join("target").join("package-source").join("program");
    files::remove(&dir)?;
    let stage = Stage { source, about: &about, platform: &platform, program: &program, dir: &dir };
    stage.put()?;

    let mut release = Release::new(&about.version);
    let mut make = |name: &str, part: &str, step, variables: &[(&str, &Path)]| {
        let pack = Pack { name, dir: &dir.join(part), variables, steps: &[step] };
        let (name, content) = pack.make(source)?;
        release.insert(name, content);
        Ok::<_, String>(())
    };
    make("the npm package of the program", stage::NPM, NPM.pack, &[])?;
    make("the npm package of the platform", stage::PLATFORM, NPM.pack, &[])?;
    let variables =
        [("TANDEM_VERSION", about.version.as_str()), ("TANDEM_PLATFORM", &platform.wheel)];
    let variables = variables.map(|(name, value)| (name, Path::new(value)));
    make("the wheel of the program", stage::WHEEL, PIP.pack, &variables)?;
    files::remove(&dir)?;
    release.sum();
    Ok(release)
}
