//! End-to-end tests: the real component in wasmtime, driven through the host library.

mod bad_input;
mod faults;
mod files;
mod flush_rules;
mod imports;
mod in_flight;
mod load;
mod ordering;
mod recovery;
mod support;
mod trap;
