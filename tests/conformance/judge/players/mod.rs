//! The players of the Rust hosts: what a player is, in threads of this process.

mod blocking;
mod lines;
mod waiting;

use std::io::{BufReader, PipeReader, PipeWriter};

/// Reads lines until there are no more, and writes what each call came to.
pub type Play = fn(Lines, PipeWriter);

pub type Lines = BufReader<PipeReader>;

/// The player of a host.
pub fn of(host: &str) -> Option<Play> {
    Some(match host {
        "rust" => waiting::on_directory,
        "rust-store" | "rust-postgres" | "rust-etcd" => waiting::on_store,
        "rust-wasmtime" => waiting::on_wasmtime,
        "rust-blocking" => blocking::on_directory,
        "rust-blocking-wasmtime" => blocking::on_wasmtime,
        _ => return None,
    })
}

/// The limit of a case is none of a compiler.
pub fn load_components() -> Result<(), String> {
    tandem_host::testing::load_component().map_err(|error| error.to_string())?;
    tandem_tests::blocking::load_component();
    Ok(())
}
