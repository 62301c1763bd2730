//! `wasi:filesystem` over any [`Disk`]: what the component uses, the rest is `unsupported`.
//!
//! An `Err(wasmtime::Error)` here ends the component. Only a bug may do that: a handle that was
//! never given out, a table that is full. What a disk answers is always a value.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::sync::oneshot;
use wasmtime::component::{
    Access, Accessor, FutureReader, HasData, Resource, ResourceTable, StreamReader,
};
use wasmtime_wasi::p3::bindings::clocks::system_clock::Instant;

use super::bindings::{Descriptor, preopens, types};
use super::list::Listing;
use super::names::{mode_of, purpose_of};
use super::open::OpenKind;
use super::read::Reading;
use super::shared::{Handle, Shared};
use super::write::Writing;
use crate::disk::{Disk, ErrorCode, Kind, Stat};
use crate::events::DiskCall;

/// Selects [`Files`] in a store's data.
pub(crate) struct Glue<D>(std::marker::PhantomData<fn() -> D>);

impl<D: Disk> HasData for Glue<D> {
    type Data<'a> = Files<'a, D>;
}

/// A disk and the open handles of one store.
pub(crate) struct Files<'a, D: Disk> {
    pub table: &'a mut ResourceTable,
    pub disk: &'a Shared<D>,
}

impl<D: Disk> Files<'_, D> {
    fn push(&mut self, handle: Handle<D>) -> wasmtime::Result<Resource<Descriptor>> {
        Ok(Resource::new_own(self.table.push(handle)?.rep()))
    }

    fn get(&self, fd: &Resource<Descriptor>) -> wasmtime::Result<Handle<D>> {
        Ok(self.table.get(&Resource::<Handle<D>>::new_borrow(fd.rep()))?.clone())
    }
}

impl<D: Disk> types::Host for Files<'_, D> {}

impl<D: Disk> types::HostDescriptor for Files<'_, D> {
    fn drop(&mut self, fd: Resource<Descriptor>) -> wasmtime::Result<()> {
        self.table.delete(Resource::<Handle<D>>::new_own(fd.rep()))?;
        Ok(())
    }
}

impl<D: Disk> preopens::Host for Files<'_, D> {
    fn get_directories(&mut self) -> wasmtime::Result<Vec<(Resource<Descriptor>, String)>> {
        let root = self.disk.root();
        Ok(vec![(self.push(root)?, "/".to_owned())])
    }
}

/// The outcome of a call: an error of the disk inside, a bug outside.
type Answer<T> = wasmtime::Result<Result<T, types::ErrorCode>>;

/// The disk and what stands behind a handle, out of the store.
fn lookup<U, D: Disk>(
    store: &Accessor<U, Glue<D>>,
    fd: &Resource<Descriptor>,
) -> wasmtime::Result<(Shared<D>, Handle<D>)> {
    store.with(|mut store| {
        let files = store.get();
        Ok((files.disk.clone(), files.get(fd)?))
    })
}

fn answer<T>(result: Result<T, ErrorCode>) -> Answer<T> {
    Ok(result.map_err(Into::into))
}

fn unsupported<T>() -> Answer<T> {
    Ok(Err(types::ErrorCode::Unsupported))
}

impl<U: 'static, D: Disk> types::HostDescriptorWithStore<U> for Glue<D> {
    fn read_via_stream(
        mut store: Access<'_, U, Self>,
        fd: Resource<Descriptor>,
        offset: u64,
    ) -> wasmtime::Result<(StreamReader<u8>, FutureReader<Result<(), types::ErrorCode>>)> {
        let files = store.get();
        let disk = files.disk.clone();
        let handle = files.get(&fd)?;
        let (path, file) = (handle.path(), handle.file());
        let (tell, told) = oneshot::channel();
        let stream = match file {
            Ok(file) => {
                let reading = Reading::new(disk, path, file, offset, tell);
                StreamReader::new(&mut store, reading)?
            }
            Err(code) => {
                // The receiver is below.
                let _ = tell.send(Err(code.into()));
                StreamReader::new(&mut store, std::iter::empty())?
            }
        };
        Ok((stream, FutureReader::new(&mut store, told)?))
    }

    fn write_via_stream(
        mut store: Access<'_, U, Self>,
        fd: Resource<Descriptor>,
        mut data: StreamReader<u8>,
        offset: u64,
    ) -> wasmtime::Result<FutureReader<Result<(), types::ErrorCode>>> {
        let files = store.get();
        let disk = files.disk.clone();
        let handle = files.get(&fd)?;
        let (path, file) = (handle.path(), handle.file());
        let (tell, told) = oneshot::channel();
        match file {
            Ok(file) => data.pipe(&mut store, Writing::new(disk, path, file, offset, tell))?,
            Err(code) => {
                data.close(&mut store)?;
                // The receiver is below.
                let _ = tell.send(Err(code.into()));
            }
        }
        FutureReader::new(&mut store, told)
    }

    fn append_via_stream(
        mut store: Access<'_, U, Self>,
        _fd: Resource<Descriptor>,
        mut data: StreamReader<u8>,
    ) -> wasmtime::Result<FutureReader<Result<(), types::ErrorCode>>> {
        data.close(&mut store)?;
        FutureReader::new(&mut store, async { unsupported() })
    }

    async fn advise(
        _store: &Accessor<U, Self>,
        _fd: Resource<Descriptor>,
        _offset: u64,
        _length: u64,
        _advice: types::Advice,
    ) -> Answer<()> {
        unsupported()
    }

    async fn sync_data(store: &Accessor<U, Self>, fd: Resource<Descriptor>) -> Answer<()> {
        let (disk, handle) = lookup(store, &fd)?;
        let path = handle.path();
        let work = |disk: Arc<D>| async move { disk.sync_data(&handle.file()?).await };
        answer(disk.start(DiskCall::new("sync-data", path), work).await)
    }

    async fn get_flags(
        _store: &Accessor<U, Self>,
        _fd: Resource<Descriptor>,
    ) -> Answer<types::DescriptorFlags> {
        unsupported()
    }

    async fn get_type(
        store: &Accessor<U, Self>,
        fd: Resource<Descriptor>,
    ) -> Answer<types::DescriptorType> {
        let (_, handle) = lookup(store, &fd)?;
        Ok(Ok(match handle {
            Handle::Dir(..) => types::DescriptorType::Directory,
            Handle::File(..) => types::DescriptorType::RegularFile,
        }))
    }

    async fn set_size(
        _store: &Accessor<U, Self>,
        _fd: Resource<Descriptor>,
        _size: u64,
    ) -> Answer<()> {
        unsupported()
    }

    async fn set_times(
        _store: &Accessor<U, Self>,
        _fd: Resource<Descriptor>,
        _access: types::NewTimestamp,
        _modification: types::NewTimestamp,
    ) -> Answer<()> {
        unsupported()
    }

    fn read_directory(
        mut store: Access<'_, U, Self>,
        fd: Resource<Descriptor>,
    ) -> wasmtime::Result<(
        StreamReader<types::DirectoryEntry>,
        FutureReader<Result<(), types::ErrorCode>>,
    )> {
        let files = store.get();
        let disk = files.disk.clone();
        let handle = files.get(&fd)?;
        let (path, dir) = (handle.path(), handle.dir());
        let (tell, told) = oneshot::channel();
        let stream = match dir {
            Ok(dir) => StreamReader::new(&mut store, Listing::new(&disk, path, dir, tell))?,
            Err(code) => {
                // The receiver is below.
                let _ = tell.send(Err(code.into()));
                StreamReader::new(&mut store, std::iter::empty())?
            }
        };
        Ok((stream, FutureReader::new(&mut store, told)?))
    }

    async fn sync(store: &Accessor<U, Self>, fd: Resource<Descriptor>) -> Answer<()> {
        let (disk, handle) = lookup(store, &fd)?;
        let Handle::Dir(dir, path) = handle else { return unsupported() };
        let call = DiskCall::new("sync-dir", path);
        answer(disk.start(call, |disk| async move { disk.sync_dir(&dir).await }).await)
    }

    async fn create_directory_at(
        store: &Accessor<U, Self>,
        fd: Resource<Descriptor>,
        path: String,
    ) -> Answer<()> {
        let (disk, at) = lookup(store, &fd)?;
        let call = DiskCall::new("create-dir", at.join(&path));
        let work = |disk: Arc<D>| async move { disk.create_dir(&at.dir()?, &path).await };
        answer(disk.start(call, work).await)
    }

    async fn stat(
        _store: &Accessor<U, Self>,
        _fd: Resource<Descriptor>,
    ) -> Answer<types::DescriptorStat> {
        unsupported()
    }

    async fn stat_at(
        store: &Accessor<U, Self>,
        fd: Resource<Descriptor>,
        path_flags: types::PathFlags,
        path: String,
    ) -> Answer<types::DescriptorStat> {
        if path_flags.contains(types::PathFlags::SYMLINK_FOLLOW) {
            return unsupported();
        }
        let (disk, at) = lookup(store, &fd)?;
        let call = DiskCall::new("stat", at.join(&path));
        let work = |disk: Arc<D>| async move { disk.stat(&at.dir()?, &path).await };
        answer(disk.start(call, work).await.map(Into::into))
    }

    async fn set_times_at(
        _store: &Accessor<U, Self>,
        _fd: Resource<Descriptor>,
        _path_flags: types::PathFlags,
        _path: String,
        _access: types::NewTimestamp,
        _modification: types::NewTimestamp,
    ) -> Answer<()> {
        unsupported()
    }

    async fn link_at(
        _store: &Accessor<U, Self>,
        _fd: Resource<Descriptor>,
        _old_path_flags: types::PathFlags,
        _old_path: String,
        _new_descriptor: Resource<Descriptor>,
        _new_path: String,
    ) -> Answer<()> {
        unsupported()
    }

    async fn open_at(
        store: &Accessor<U, Self>,
        fd: Resource<Descriptor>,
        path_flags: types::PathFlags,
        path: String,
        open_flags: types::OpenFlags,
        flags: types::DescriptorFlags,
    ) -> Answer<Resource<Descriptor>> {
        let Some(open) = OpenKind::from_flags(path_flags, open_flags, flags) else {
            return unsupported();
        };
        let (disk, at) = lookup(store, &fd)?;
        let call = match open {
            OpenKind::Directory | OpenKind::Subdirectory => "open-dir",
            OpenKind::New => "create-file",
            OpenKind::Existing => "open-file",
        };
        let whole = at.join(&path);
        let opened = disk.start(DiskCall::new(call, whole.clone()), |disk| async move {
            let at = at.dir()?;
            Ok(match open {
                OpenKind::Directory => Handle::Dir(disk.open_dir(&at, &path).await?, whole),
                OpenKind::Subdirectory => Handle::Dir(disk.open_subdir(&at, &path).await?, whole),
                OpenKind::New => {
                    let purpose = purpose_of(&path);
                    Handle::File(disk.create_file(&at, &path, purpose).await?, whole)
                }
                OpenKind::Existing => Handle::File(disk.open_file(&at, &path).await?, whole),
            })
        });
        match opened.await {
            Ok(handle) => Ok(Ok(store.with(|mut store| store.get().push(handle))?)),
            Err(code) => Ok(Err(code.into())),
        }
    }

    async fn readlink_at(
        _store: &Accessor<U, Self>,
        _fd: Resource<Descriptor>,
        _path: String,
    ) -> Answer<String> {
        unsupported()
    }

    async fn remove_directory_at(
        store: &Accessor<U, Self>,
        fd: Resource<Descriptor>,
        path: String,
    ) -> Answer<()> {
        let (disk, at) = lookup(store, &fd)?;
        let call = DiskCall::new("remove-dir", at.join(&path));
        let work = |disk: Arc<D>| async move { disk.remove_dir(&at.dir()?, &path).await };
        answer(disk.start(call, work).await)
    }

    async fn rename_at(
        store: &Accessor<U, Self>,
        fd: Resource<Descriptor>,
        old_path: String,
        new_descriptor: Resource<Descriptor>,
        new_path: String,
    ) -> Answer<()> {
        let (disk, from) = lookup(store, &fd)?;
        let (_, to) = lookup(store, &new_descriptor)?;
        let call = DiskCall::new("rename", from.join(&old_path)).to(to.join(&new_path));
        let work = |disk: Arc<D>| async move {
            let mode = mode_of(&old_path, &new_path);
            disk.rename(&from.dir()?, &old_path, &to.dir()?, &new_path, mode).await
        };
        answer(disk.start(call, work).await)
    }

    async fn symlink_at(
        _store: &Accessor<U, Self>,
        _fd: Resource<Descriptor>,
        _old_path: String,
        _new_path: String,
    ) -> Answer<()> {
        unsupported()
    }

    async fn unlink_file_at(
        store: &Accessor<U, Self>,
        fd: Resource<Descriptor>,
        path: String,
    ) -> Answer<()> {
        let (disk, at) = lookup(store, &fd)?;
        let call = DiskCall::new("remove-file", at.join(&path));
        let work = |disk: Arc<D>| async move { disk.remove_file(&at.dir()?, &path).await };
        answer(disk.start(call, work).await)
    }

    async fn is_same_object(
        _store: &Accessor<U, Self>,
        fd: Resource<Descriptor>,
        other: Resource<Descriptor>,
    ) -> wasmtime::Result<bool> {
        // There is no way to say `unsupported`; a handle is the same object as itself at least.
        Ok(fd.rep() == other.rep())
    }

    async fn metadata_hash(
        _store: &Accessor<U, Self>,
        _fd: Resource<Descriptor>,
    ) -> Answer<types::MetadataHashValue> {
        unsupported()
    }

    async fn metadata_hash_at(
        _store: &Accessor<U, Self>,
        _fd: Resource<Descriptor>,
        _path_flags: types::PathFlags,
        _path: String,
    ) -> Answer<types::MetadataHashValue> {
        unsupported()
    }
}

impl From<Kind> for types::DescriptorType {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::File => Self::RegularFile,
            Kind::Directory => Self::Directory,
            Kind::Link => Self::SymbolicLink,
            Kind::Other => Self::Other(None),
        }
    }
}

impl From<Stat> for types::DescriptorStat {
    fn from(stat: Stat) -> Self {
        types::DescriptorStat {
            type_: stat.kind.into(),
            link_count: 1,
            size: stat.size,
            data_access_timestamp: None,
            data_modification_timestamp: stat.modified.and_then(instant),
            status_change_timestamp: None,
        }
    }
}

/// A time that is out of WASI's range is no time.
fn instant(time: SystemTime) -> Option<Instant> {
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => Some(Instant {
            seconds: i64::try_from(after.as_secs()).ok()?,
            nanoseconds: after.subsec_nanos(),
        }),
        Err(error) => {
            let before = error.duration();
            // An instant counts its nanoseconds forwards, from the second before.
            let seconds = i64::try_from(before.as_secs()).ok()?.checked_neg()?;
            Some(match before.subsec_nanos() {
                0 => Instant { seconds, nanoseconds: 0 },
                nanoseconds => Instant {
                    seconds: seconds.checked_sub(1)?,
                    nanoseconds: 1_000_000_000 - nanoseconds,
                },
            })
        }
    }
}
