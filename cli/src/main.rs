//! The `tandem` program.

#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    tandem_cli::main()
}
