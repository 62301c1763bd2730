//! The program `tandem`, as its users see it: real processes, files and signals.

mod component;
mod exec;
mod feed;
mod line;
mod status;
mod support;
