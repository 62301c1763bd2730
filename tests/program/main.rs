//! The program `tandem`, as its users see it: real processes, files and signals.

mod component;
mod exec;
mod feed;
mod feed_record;
mod history;
mod inherited;
mod kept;
mod line;
mod output;
mod record;
mod script;
mod status;
mod support;
mod talk;
mod terminal;
#[cfg(feature = "torture")]
mod torture;
