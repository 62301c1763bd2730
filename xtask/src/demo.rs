//! `cargo xtask demo`: a job under `tandem exec`, and what is on the disk afterwards.

use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use crate::process::{self, Failure, cargo, must, say, workspace};
use crate::setup;

/// Run the sample job, or the command after `--`, and show its state.
pub fn run(mut arguments: Vec<OsString>) -> Result<u8, Failure> {
    let this = process::this()?;
    let job = match arguments.first() {
        None => vec![this.clone().into_os_string(), OsString::from("sample-job")],
        Some(first) if first == "--" => arguments.split_off(1),
        Some(_) => return process::no_more(&arguments).map(|()| 0),
    };
    if job.is_empty() {
        return Err(Failure::usage(String::from("give a command after --, or no --")));
    }

    setup::ensure()?;
    say("building the program `tandem`; the first time, this takes some minutes")?;
    // With the features that the tests build it with, so that they find it built: cargo counts those
    // of dependencies of tests as soon as there is a test among the targets, for example a small one.
    let build = ["build", "--workspace", "--exclude", "tandem-benchmark", "--bin", "tandem"];
    must("the build", cargo(build).args(["--test", "versions"]))?;
    let tandem = process::program("debug", "tandem")?;

    let root = workspace()?.join("target").join("demo");
    std::fs::create_dir_all(&root)
        .map_err(|error| format!("cannot create {}: {error}", root.display()))?;
    let (tandem, root) = (short(tandem), short(root));
    let mut exec = Command::new(&tandem);
    exec.arg("exec").arg("--root").arg(&root).args(["--task", "demo", "--"]).args(&job);
    say(format_args!("\n$ {}\n", line(&exec)))?;

    outlive_interrupts()?;
    // File times may lag a little behind the clock.
    let begin = SystemTime::now() - Duration::from_secs(1);
    let code = process::run(&mut exec)?;

    say(format_args!("\nThe command ended with code {code}. Written below {}:", root.display()))?;
    let mut files = Vec::new();
    collect(&root, begin, &mut files)?;
    for (path, bytes) in &files {
        let path = path.strip_prefix(&root).unwrap_or(path);
        say(format_args!("{bytes:>8} bytes  {}", path.display()))?;
    }
    for (heartbeat, _) in files.iter().filter(|(path, _)| path.ends_with(".heartbeat")) {
        show(&heartbeat.with_file_name("manifest.json"))?;
        show(heartbeat)?;
    }
    say(format_args!(
        "\nLook again with\n$ {} status --root {}",
        tandem.display(),
        root.display()
    ))?;
    Ok(code)
}

/// Ten seconds of work that prints as it goes.
pub fn sample_job() -> Result<u8, Failure> {
    const STEPS: u32 = 10;
    for step in 1..=STEPS {
        say(format_args!("step {step} of {STEPS}"))?;
        std::io::stdout().flush().map_err(|error| format!("cannot write: {error}"))?;
        std::thread::sleep(Duration::from_secs(1));
    }
    say("done")?;
    Ok(0)
}

/// The files below a directory that were written since `begin`, with their sizes, by name.
fn collect(
    directory: &Path,
    begin: SystemTime,
    files: &mut Vec<(PathBuf, u64)>,
) -> Result<(), Failure> {
    let failed = |error: std::io::Error| {
        Failure::from(format!("cannot list {}: {error}", directory.display()))
    };
    let entries: Result<Vec<_>, _> = directory.read_dir().map_err(failed)?.collect();
    let mut paths: Vec<_> = entries.map_err(failed)?.iter().map(std::fs::DirEntry::path).collect();
    paths.sort();
    for path in paths {
        // A file that is gone by now was a temporary one.
        let Ok(metadata) = path.symlink_metadata() else { continue };
        if metadata.is_dir() {
            collect(&path, begin, files)?;
        } else if metadata.modified().is_ok_and(|time| time >= begin) {
            files.push((path, metadata.len()));
        }
    }
    Ok(())
}

fn show(path: &Path) -> Result<(), Failure> {
    let content =
        std::fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    say(format_args!("\n{}:\n{}", path.display(), String::from_utf8_lossy(&content).trim_end()))
}

/// The path as the user would type it here.
fn short(path: PathBuf) -> PathBuf {
    let here = std::env::current_dir().and_then(|here| here.canonicalize());
    match (here, path.canonicalize()) {
        (Ok(here), Ok(whole)) if here != whole => {
            whole.strip_prefix(here).map_or(path, Path::to_owned)
        }
        _ => path,
    }
}

fn line(command: &Command) -> String {
    std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|word| word.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}

/// An interrupt from the keyboard reaches the command too, which then ends by itself; this program
/// stays to show what it left.
fn outlive_interrupts() -> Result<(), Failure> {
    #[cfg(unix)]
    signal_hook::flag::register(signal_hook::consts::SIGINT, std::sync::Arc::default())
        .map_err(|error| format!("cannot handle interrupts: {error}"))?;
    Ok(())
}
