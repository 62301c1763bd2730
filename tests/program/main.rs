//! The program `tandem`, as its users see it: real processes, files and signals.

mod another_task;
#[cfg(target_os = "linux")]
mod background;
#[cfg(feature = "serve")]
mod chromium;
mod component;
mod exec;
#[cfg(target_os = "linux")]
mod failing;
mod feed;
mod feed_record;
mod history;
mod history_odd;
mod inherited;
mod job;
mod kept;
mod line;
mod log;
mod marks;
mod messages;
#[cfg(target_os = "linux")]
mod opened;
mod order;
mod output;
mod prune;
mod pty;
mod record;
mod runs;
mod same;
mod script;
mod secrets;
#[cfg(feature = "serve")]
mod serve;
#[cfg(feature = "serve")]
mod serve_events;
#[cfg(feature = "serve")]
mod serve_page;
#[cfg(feature = "serve")]
mod serving;
mod signals;
mod small;
mod status;
mod status_odd;
mod status_select;
mod status_watch;
#[cfg(feature = "postgres")]
mod store;
#[cfg(feature = "etcd")]
mod store_etcd;
#[cfg(feature = "postgres")]
mod store_prune;
#[cfg(feature = "postgres")]
mod store_status;
mod support;
mod talk;
mod terminal;
#[cfg(feature = "torture")]
mod torture;
#[cfg(target_os = "linux")]
mod twice;
mod untouched;
