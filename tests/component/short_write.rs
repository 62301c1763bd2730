//! A host that misbehaves: it takes less than it was given to write, and tells no error.

use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};

use tandem_host::testing::bindings::TandemPre;
use tandem_host::{Error, Request, RunOptions};
use tempfile::TempDir;
use wasmtime::StoreContextMut;
use wasmtime::component::{
    FutureReader, Linker, Resource, Source, StreamConsumer, StreamReader, StreamResult,
};
use wasmtime_wasi::filesystem::Descriptor;
use wasmtime_wasi::p3::bindings::filesystem::types::ErrorCode;

use crate::support::within;
use crate::wasmtime_state::{State, compiled};

/// Takes one byte less than it is given, and no more.
struct AllButOne;

impl StreamConsumer<State> for AllButOne {
    type Item = u8;

    fn poll_consume(
        self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        store: StoreContextMut<State>,
        source: Source<'_, u8>,
        _finish: bool,
    ) -> Poll<wasmtime::Result<StreamResult>> {
        let mut source = source.as_direct(store);
        let count = source.remaining().len();
        if count == 0 {
            return Poll::Ready(Ok(StreamResult::Completed));
        }
        source.mark_read(count - 1);
        Poll::Ready(Ok(StreamResult::Dropped))
    }
}

/// wasmtime's own filesystem, but for what a write does.
fn short_writes() -> wasmtime::Result<Linker<State>> {
    let mut linker = State::linker();
    linker.allow_shadowing(true);
    linker.instance("wasi:filesystem/types@0.3.0")?.func_wrap(
        "[method]descriptor.write-via-stream",
        |mut store: StoreContextMut<State>,
         (_file, bytes, _offset): (Resource<Descriptor>, StreamReader<u8>, u64)| {
            bytes.pipe(&mut store, AllButOne)?;
            let outcome = async { wasmtime::error::Ok(Ok::<(), ErrorCode>(())) };
            Ok((FutureReader::new(&mut store, outcome)?,))
        },
    )?;
    Ok(linker)
}

/// The error of the first flush of a run.
async fn first_flush(pre: &TandemPre<State>, dir: &Path) -> wasmtime::Result<Error> {
    let mut store = State::store_on(dir);
    let tandem = pre.instantiate_async(&mut store).await?;
    let runs = tandem.tandem_persistence_runs().run();
    let calls = store.run_concurrent(async |accessor| {
        let opened = runs.call_open(accessor, RunOptions::new("task", "run").into()).await?;
        let (run, _) = opened.map_err(Error::from).expect("the run opens");
        let set = runs.call_set(accessor, run, r#"{"n": 1}"#.to_owned()).await?;
        set.map_err(Error::from).expect("the document is set");
        let flushed = runs.call_schedule(accessor, run, Request::new().manifest().force().into());
        wasmtime::error::Ok(Error::from(flushed.await?.expect_err("too little is written")))
    });
    calls.await?
}

/// Made before the clock of the limit starts.
fn component() -> wasmtime::Result<TandemPre<State>> {
    TandemPre::new(short_writes()?.instantiate_pre(compiled())?)
}

#[tokio::test]
async fn a_host_that_takes_less_than_it_was_given_and_tells_no_error_is_an_io_error() {
    let pre = component().unwrap();
    let dir = TempDir::new().unwrap();
    let error = within(first_flush(&pre, dir.path())).await.unwrap();
    assert!(error.message().contains("cannot write"), "{error}");
    assert!(error.message().ends_with(": io"), "{error}");
    let manifest = dir.path().join(".runs/task/cli/run/manifest.json");
    assert!(!manifest.exists(), "half a file is in the manifest's place");
}
