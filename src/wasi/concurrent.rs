//! WASI 0.3: every call can be waited for beside others.

use std::time::Duration;

use futures::future::{LocalBoxFuture, join};
use wasi::clocks::{monotonic_clock, system_clock};
use wasi::filesystem::preopens;
use wasi::filesystem::types::{
    Descriptor, DescriptorFlags, DescriptorType, ErrorCode, OpenFlags, PathFlags,
};
use wasi::random::random;

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

impl Storage for Wasi {
    type Dir = Descriptor;
    type File = Descriptor;

    async fn open_dir(&self, path: &str) -> Result<Descriptor, Code> {
        let rights = DescriptorFlags::READ | DescriptorFlags::MUTATE_DIRECTORY;
        let root = self.root()?;
        root.open_at(PathFlags::SYMLINK_FOLLOW, path.to_owned(), OpenFlags::DIRECTORY, rights)
            .await
            .map_err(code)
    }

    async fn open_subdir(&self, dir: &Descriptor, name: &str) -> Result<Descriptor, Code> {
        let rights = DescriptorFlags::READ | DescriptorFlags::MUTATE_DIRECTORY;
        dir.open_at(NO_FOLLOW, name.to_owned(), OpenFlags::DIRECTORY, rights).await.map_err(code)
    }

    async fn create_dir(&self, path: &str) -> Result<(), Code> {
        self.root()?.create_directory_at(path.to_owned()).await.map_err(code)
    }

    async fn create_file(&self, dir: &Descriptor, name: &str) -> Result<Descriptor, Code> {
        let flags = OpenFlags::CREATE | OpenFlags::EXCLUSIVE;
        dir.open_at(NO_FOLLOW, name.to_owned(), flags, DescriptorFlags::WRITE).await.map_err(code)
    }

    async fn write(&self, file: &Descriptor, content: Vec<u8>) -> Result<(), Code> {
        let (mut writer, reader) = wasi::wit_stream::new();
        let outcome = file.write_via_stream(reader, 0);
        let send = async move { writer.write_all(content).await };
        let (rest, outcome) = join(send, outcome.into_future()).await;
        outcome.map_err(code)?;
        // A host that stops reading has an error to tell; one that tells none wrote too little.
        if rest.is_empty() { Ok(()) } else { Err(Code("io")) }
    }

    async fn sync_data(&self, file: &Descriptor) -> Result<(), Code> {
        file.sync_data().await.map_err(code)
    }

    async fn sync_dir(&self, dir: &Descriptor) -> Result<(), Code> {
        dir.sync().await.map_err(code)
    }

    async fn rename(&self, dir: &Descriptor, from: &str, to: &str) -> Result<(), Code> {
        dir.rename_at(from.to_owned(), dir, to.to_owned()).await.map_err(code)
    }

    async fn move_dir(
        &self,
        (from, old): (&Descriptor, &str),
        (to, new): (&Descriptor, &str),
    ) -> Result<(), Code> {
        from.rename_at(old.to_owned(), to, new.to_owned()).await.map_err(code)
    }

    async fn remove_dir(&self, dir: &Descriptor, name: &str) -> Result<(), Code> {
        dir.remove_directory_at(name.to_owned()).await.map_err(code)
    }

    async fn remove(&self, dir: &Descriptor, name: &str) -> Result<(), Code> {
        dir.unlink_file_at(name.to_owned()).await.map_err(code)
    }

    async fn stat(&self, dir: &Descriptor, name: &str) -> Result<Stat, Code> {
        let stat = dir.stat_at(NO_FOLLOW, name.to_owned()).await.map_err(code)?;
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
        let file = dir
            .open_at(NO_FOLLOW, name.to_owned(), OpenFlags::empty(), rights)
            .await
            .map_err(code)?;
        let (mut stream, outcome) = file.read_via_stream(0);
        let mut content = Vec::new();
        loop {
            if content.len() == content.capacity() {
                // As much again as there is, so that a large file takes few calls, and one byte more
                // than may be.
                let most = limit.saturating_add(1) - content.len() as u64;
                let most = usize::try_from(most).unwrap_or(usize::MAX);
                content.reserve_exact(content.len().max(READ_PIECE_BYTES).min(most));
            }
            let result;
            (result, content) = stream.read(content).await;
            if content.len() as u64 > limit {
                return Err(Code::FILE_TOO_LARGE);
            }
            if !matches!(result, wit_bindgen::StreamResult::Complete(_)) {
                break;
            }
        }
        drop(stream);
        outcome.await.map_err(code)?;
        if content.len() < content.capacity() / 2 {
            // A small file may be kept for long.
            content.shrink_to_fit();
        }
        Ok(content)
    }

    async fn list(&self, dir: &Descriptor) -> Result<Vec<String>, Code> {
        let (stream, outcome) = dir.read_directory();
        let names = stream.collect().await.into_iter().map(|entry| entry.name).collect();
        outcome.await.map_err(code)?;
        Ok(names)
    }

    fn monotonic_ns(&self) -> u64 {
        monotonic_clock::now()
    }

    async fn sleep_until(&self, at_ns: u64) {
        monotonic_clock::wait_until(at_ns).await;
    }

    fn wall_clock(&self) -> Duration {
        since_epoch(system_clock::now())
    }

    fn random(&self) -> u64 {
        random::get_random_u64()
    }

    async fn yield_now(&self) {
        // The executor polls a task that woke itself once more before it lets the host go on.
        for _ in 0..2 {
            wit_bindgen::yield_async().await;
        }
    }

    fn spawn(&self, task: LocalBoxFuture<'static, ()>) {
        wit_bindgen::spawn_local(task);
    }
}

const READ_PIECE_BYTES: usize = 64 << 10;

/// A time before the epoch counts as the epoch.
fn since_epoch(instant: system_clock::Instant) -> Duration {
    let seconds = u64::try_from(instant.seconds).unwrap_or(0);
    Duration::from_secs(seconds).saturating_add(Duration::from_nanos(instant.nanoseconds.into()))
}

fn code(error: ErrorCode) -> Code {
    Code(match error {
        ErrorCode::Access => "access",
        ErrorCode::Already => "already",
        ErrorCode::BadDescriptor => "bad-descriptor",
        ErrorCode::Busy => "busy",
        ErrorCode::Deadlock => "deadlock",
        ErrorCode::Quota => "quota",
        ErrorCode::Exist => "exist",
        ErrorCode::FileTooLarge => "file-too-large",
        ErrorCode::IllegalByteSequence => "illegal-byte-sequence",
        ErrorCode::InProgress => "in-progress",
        ErrorCode::Interrupted => "interrupted",
        ErrorCode::Invalid => "invalid",
        ErrorCode::Io => "io",
        ErrorCode::IsDirectory => "is-directory",
        ErrorCode::Loop => "loop",
        ErrorCode::TooManyLinks => "too-many-links",
        ErrorCode::MessageSize => "message-size",
        ErrorCode::NameTooLong => "name-too-long",
        ErrorCode::NoDevice => "no-device",
        ErrorCode::NoEntry => "no-entry",
        ErrorCode::NoLock => "no-lock",
        ErrorCode::InsufficientMemory => "insufficient-memory",
        ErrorCode::InsufficientSpace => "insufficient-space",
        ErrorCode::NotDirectory => "not-directory",
        ErrorCode::NotEmpty => "not-empty",
        ErrorCode::NotRecoverable => "not-recoverable",
        ErrorCode::Unsupported => "unsupported",
        ErrorCode::NoTty => "no-tty",
        ErrorCode::NoSuchDevice => "no-such-device",
        ErrorCode::Overflow => "overflow",
        ErrorCode::NotPermitted => "not-permitted",
        ErrorCode::Pipe => "pipe",
        ErrorCode::ReadOnly => "read-only",
        ErrorCode::InvalidSeek => "invalid-seek",
        ErrorCode::TextFileBusy => "text-file-busy",
        ErrorCode::CrossDevice => "cross-device",
        ErrorCode::Other(_) => "other",
    })
}
