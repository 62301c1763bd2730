//! Whether this process may open what it needs.

use std::io::{self, PipeReader, PipeWriter, pipe};

use tandem_host::limits::failed_call;

/// What a command has open at once, beside its standard input and outputs. The disk waits for some of
/// them.
const NEEDED: usize = 21;

/// Tries whether enough can be opened, so that the lack of it is told at once, by its name, and nothing
/// was begun.
///
/// # Errors
/// What to tell.
pub fn check() -> Result<(), String> {
    open_all().map(drop).map_err(|error| {
        format!("cannot open the {NEEDED} files that it needs: {}", failed_call("pipe", &error))
    })
}

fn open_all() -> io::Result<(PipeReader, Vec<PipeWriter>)> {
    let (reader, writer) = pipe()?;
    let writers = (2..NEEDED).map(|_| writer.try_clone()).collect::<io::Result<Vec<_>>>()?;
    Ok((reader, std::iter::once(writer).chain(writers).collect()))
}
