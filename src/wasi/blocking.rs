//! WASI 0.2: all but writes and waits block the component.

use std::time::Duration;

use futures::future::LocalBoxFuture;

use super::executor::{ready, spawn, yield_now};
use crate::bindings::wasi::clocks::{monotonic_clock, wall_clock};
use crate::bindings::wasi::filesystem::preopens;
use crate::bindings::wasi::filesystem::types::{
    Descriptor, DescriptorFlags, DescriptorType, ErrorCode, OpenFlags, PathFlags,
    filesystem_error_code,
};
use crate::bindings::wasi::io::streams::{OutputStream, StreamError};
use crate::bindings::wasi::random::random;
use crate::error::Code;
use crate::storage::{Kind, Stat, Storage};

/// The first preopened directory and the host's clocks.
pub struct Wasi {
    root: Option<Descriptor>,
}

impl Wasi {
    /// Takes the first preopened directory; without one every operation is refused.
    pub fn new() -> Self {
        let root = preopens::get_directories().into_iter().next().map(|(root, _)| root);
        Wasi { root }
    }

    fn root(&self) -> Result<&Descriptor, Code> {
        self.root.as_ref().ok_or(Code("bad-descriptor"))
    }
}

/// Never `SYMLINK_FOLLOW`: a link in a file's place is not followed.
const NO_FOLLOW: PathFlags = PathFlags::empty();

const READ_PIECE_BYTES: u64 = 64 << 10;

/// What a call that blocked came to. The others go on first: the lock of a history is touched
/// between two calls, and a second write is handed over before the first is waited for.
async fn done<T>(outcome: Result<T, ErrorCode>) -> Result<T, Code> {
    yield_now().await;
    outcome.map_err(code)
}

impl Storage for Wasi {
    const HAS_EVENT_LOOP: bool = false;

    type Dir = Descriptor;
    type File = Descriptor;

    async fn open_dir(&self, path: &str) -> Result<Descriptor, Code> {
        let rights = DescriptorFlags::READ | DescriptorFlags::MUTATE_DIRECTORY;
        let follow = PathFlags::SYMLINK_FOLLOW;
        done(self.root()?.open_at(follow, path, OpenFlags::DIRECTORY, rights)).await
    }

    async fn open_subdir(&self, dir: &Descriptor, name: &str) -> Result<Descriptor, Code> {
        let rights = DescriptorFlags::READ | DescriptorFlags::MUTATE_DIRECTORY;
        done(dir.open_at(NO_FOLLOW, name, OpenFlags::DIRECTORY, rights)).await
    }

    async fn create_dir(&self, path: &str) -> Result<(), Code> {
        done(self.root()?.create_directory_at(path)).await
    }

    async fn create_file(&self, dir: &Descriptor, name: &str) -> Result<Descriptor, Code> {
        let flags = OpenFlags::CREATE | OpenFlags::EXCLUSIVE;
        done(dir.open_at(NO_FOLLOW, name, flags, DescriptorFlags::WRITE)).await
    }

    async fn write(&self, file: &Descriptor, content: Vec<u8>) -> Result<(), Code> {
        let stream = file.write_via_stream(0).map_err(code)?;
        let mut rest = &*content;
        while !rest.is_empty() {
            let bytes_max = permit(&stream).await?;
            let (piece, next) = rest.split_at(rest.len().min(bytes_max));
            stream.write(piece).map_err(stream_code)?;
            rest = next;
        }
        stream.flush().map_err(stream_code)?;
        // A stream takes more only when all that it was given is written: a sync that came before
        // could miss it.
        permit(&stream).await?;
        Ok(())
    }

    async fn sync_data(&self, file: &Descriptor) -> Result<(), Code> {
        done(file.sync_data()).await
    }

    async fn sync_dir(&self, dir: &Descriptor) -> Result<(), Code> {
        done(dir.sync()).await
    }

    async fn rename(&self, dir: &Descriptor, from: &str, to: &str) -> Result<(), Code> {
        done(dir.rename_at(from, dir, to)).await
    }

    async fn move_dir(
        &self,
        (from, old): (&Descriptor, &str),
        (to, new): (&Descriptor, &str),
    ) -> Result<(), Code> {
        done(from.rename_at(old, to, new)).await
    }

    async fn remove_dir(&self, dir: &Descriptor, name: &str) -> Result<(), Code> {
        done(dir.remove_directory_at(name)).await
    }

    async fn remove(&self, dir: &Descriptor, name: &str) -> Result<(), Code> {
        done(dir.unlink_file_at(name)).await
    }

    async fn stat(&self, dir: &Descriptor, name: &str) -> Result<Stat, Code> {
        let stat = done(dir.stat_at(NO_FOLLOW, name)).await?;
        let kind = match stat.type_ {
            DescriptorType::RegularFile => Kind::File,
            DescriptorType::Directory => Kind::Directory,
            _ => Kind::Other,
        };
        let modified = stat.data_modification_timestamp.map_or(Duration::ZERO, since_epoch);
        Ok(Stat { kind, size: stat.size, modified })
    }

    async fn read(&self, dir: &Descriptor, name: &str, limit: u64) -> Result<Vec<u8>, Code> {
        let rights = DescriptorFlags::READ;
        let file = done(dir.open_at(NO_FOLLOW, name, OpenFlags::empty(), rights)).await?;
        let mut content = Vec::new();
        loop {
            let (piece, is_end) = done(file.read(READ_PIECE_BYTES, content.len() as u64)).await?;
            content.extend_from_slice(&piece);
            if content.len() as u64 > limit {
                return Err(Code::FILE_TOO_LARGE);
            }
            if is_end || piece.is_empty() {
                return Ok(content);
            }
        }
    }

    async fn list(&self, dir: &Descriptor) -> Result<Vec<String>, Code> {
        let entries = done(dir.read_directory()).await?;
        let mut names = Vec::new();
        while let Some(entry) = entries.read_directory_entry().map_err(code)? {
            names.push(entry.name);
        }
        Ok(names)
    }

    fn monotonic_ns(&self) -> u64 {
        monotonic_clock::now()
    }

    async fn sleep_until(&self, at_ns: u64) {
        ready(monotonic_clock::subscribe_instant(at_ns)).await;
    }

    fn wall_clock(&self) -> Duration {
        since_epoch(wall_clock::now())
    }

    fn random(&self) -> u64 {
        random::get_random_u64()
    }

    async fn yield_now(&self) {
        yield_now().await;
    }

    fn spawn(&self, task: LocalBoxFuture<'static, ()>) {
        spawn(task);
    }
}

/// How many bytes the stream takes now, at least one; it tells of what failed before.
async fn permit(stream: &OutputStream) -> Result<usize, Code> {
    loop {
        match stream.check_write().map_err(stream_code)? {
            0 => ready(stream.subscribe()).await,
            bytes => return Ok(usize::try_from(bytes).unwrap_or(usize::MAX)),
        }
    }
}

fn since_epoch(time: wall_clock::Datetime) -> Duration {
    Duration::from_secs(time.seconds).saturating_add(Duration::from_nanos(time.nanoseconds.into()))
}

fn stream_code(error: StreamError) -> Code {
    match error {
        StreamError::LastOperationFailed(error) => {
            filesystem_error_code(&error).map_or(Code("io"), code)
        }
        // A host that closes the stream tells nothing, and has written too little.
        StreamError::Closed => Code("io"),
    }
}

fn code(error: ErrorCode) -> Code {
    Code(error.name())
}
