//! End-to-end tests: the real component in wasmtime, driven through the host library.

mod bad_input;
mod faults;
mod files;
mod flush_rules;
mod imports;
mod in_flight;
mod load;
mod ordering;
mod plugin;
mod record_bad_input;
mod record_corrupt;
mod record_durability;
mod record_files;
mod record_history;
mod record_in_flight;
mod record_lease;
mod record_lock;
mod record_outcomes;
mod record_rules;
mod record_support;
mod record_together;
mod recorder;
mod recovery;
mod steps;
mod support;
mod trap;
