//! `cargo xtask`: everything that is done to this workspace by hand, each command complete in
//! itself.

use std::ffi::OsString;
use std::process::ExitCode;

mod bench;
mod component;
mod demo;
mod fleet;
mod hosts;
mod mutants;
mod package;
mod process;
mod records;
mod setup;
mod torture;

use process::{Failure, cargo, say};

const HELP: &str = "\
Usage: cargo xtask COMMAND [ARGUMENTS]

Every command does its own set-up.

Commands:
  setup                    Add the wasm32-unknown-unknown target if it is missing
  component [--blocking] [--out FILE]
                           Build the component, by default as target/tandem.wasm, or the one for
                           hosts of WASI 0.2, by default as target/tandem-blocking.wasm
  demo [-- CMD ...]        Run a sample job, or CMD, under `tandem exec` and show what it kept
  fleet [--only EVENT] ... Play what may happen to hosts over three servers of a store, for ten
                           minutes, and compare what was acknowledged with what is found;
                           `fleet --help` lists the arguments
  hosts [--write] [--others | HOST ...]
                           Run the tests of each host, among them the conformance cases, and check
                           the support table in README.md; `hosts --help` lists the arguments
  test [ARGUMENTS]         Run all tests, two for each processor at a time, because most of them wait
                           for processes and servers; RUST_TEST_THREADS says another number, and the
                           arguments go to `cargo test`
  bench [--only CASE] ...  Run the benchmarks; `bench --help` lists the arguments
  mutants [NAME ...] ...   Break the component in each known way, which `tandem torture` or a test
                           must find out; `mutants --help` lists the arguments
  plugin [--out FILE]      Build the sample plugin of bindings/plugin, composed with the component, by
                           default as target/plugin.wasm
  package [ARGUMENTS]      Make what a release has, in target/release-files, or the crates that are
                           published, or what carries the program for those without Rust;
                           `package --help` lists the arguments
  records [--check]        Write what each language has of wit/records, or check that it is there
  torture [ARGUMENTS]      Run `tandem torture`, for 3,000,000 states unless the arguments, which
                           go to it, say otherwise
";

/// How many tests run at a time.
const TEST_THREADS: &str = "RUST_TEST_THREADS";

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let command = arguments.next();
    match run(command, arguments.collect()) {
        Ok(code) => ExitCode::from(code),
        Err(failure) => failure.report(),
    }
}

fn run(command: Option<OsString>, arguments: Vec<OsString>) -> Result<u8, Failure> {
    let command = command.unwrap_or_else(|| OsString::from("--help"));
    match command.to_str() {
        Some("--help" | "-h" | "help") => say(HELP.trim_end()).map(|()| 0),
        Some("setup") => {
            process::no_more(&arguments)?;
            if !setup::ensure()? {
                say("nothing to do: the wasm32-unknown-unknown target is installed")?;
            }
            Ok(0)
        }
        Some("component") => component::component(&arguments),
        Some("demo") => demo::run(arguments),
        Some("test") => {
            setup::ensure()?;
            // The benchmark has no tests, and compiles databases.
            let test = ["test", "--workspace", "--exclude", "tandem-benchmark"];
            let mut test = cargo(test);
            if std::env::var_os(TEST_THREADS).is_none() {
                let processors = std::thread::available_parallelism().map_or(1, |it| it.get());
                test.env(TEST_THREADS, (processors * 2).to_string());
            }
            process::run(test.args(arguments))
        }
        Some("bench") => bench::run(&arguments),
        Some("fleet") => fleet::run(&arguments),
        Some("hosts") => hosts::run(&arguments),
        Some("mutants") => mutants::run(&arguments),
        Some("plugin") => component::plugin(&arguments),
        Some("package") => package::run(&arguments),
        Some("records") => records::run(&arguments),
        Some("torture") => torture::run(&arguments),
        // What the demo runs by default.
        Some("sample-job") => demo::sample_job(),
        _ => Err(Failure::usage(format!(
            "there is no command {}: `cargo xtask --help` lists them",
            command.display()
        ))),
    }
}
