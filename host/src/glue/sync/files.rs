//! `wasi:filesystem` 0.2 over any [`Disk`]: what the component uses, the rest is `unsupported`.
//!
//! All but writes block the caller's thread, as WASI 0.2 wants it. An `Err(wasmtime::Error)` here
//! ends the component; only a bug may do that.

use std::future::Future;
use std::sync::Arc;
use std::time::UNIX_EPOCH;
use std::vec;

use wasmtime::component::Resource;
use wasmtime_wasi::p2::bindings::clocks::wall_clock::Datetime;
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream, IoError};
use wasmtime_wasi::runtime::in_tokio;

use super::bindings::{preopens, types};
use super::shapes::Open;
use super::write::{Failed, Writing};
use crate::disk::{self, Disk, ErrorCode, Kind, Stat};
use crate::glue::bindings::Descriptor;
use crate::glue::files::{Entry, Files};

/// The rest of a directory's entries.
pub struct Listing(vec::IntoIter<disk::Entry>);

/// The outcome of a call: an error of the disk inside, a bug outside.
type Answer<T> = wasmtime::Result<Result<T, types::ErrorCode>>;

fn answer<T>(result: Result<T, ErrorCode>) -> Answer<T> {
    Ok(result.map_err(Into::into))
}

fn unsupported<T>() -> Answer<T> {
    Ok(Err(types::ErrorCode::Unsupported))
}

impl<D: Disk> Files<'_, D> {
    /// Makes a disk call on the caller's thread, and waits for it.
    fn wait<T, F>(&self, work: impl FnOnce(Arc<D>) -> F) -> T
    where
        F: Future<Output = T> + Send + 'static,
        T: Send + 'static,
    {
        in_tokio(self.disk.start(work))
    }
}

impl<D: Disk> preopens::Host for Files<'_, D> {
    fn get_directories(&mut self) -> wasmtime::Result<Vec<(Resource<Descriptor>, String)>> {
        Ok(vec![(self.push_root()?, "/".to_owned())])
    }
}

impl<D: Disk> types::Host for Files<'_, D> {
    fn filesystem_error_code(
        &mut self,
        error: Resource<IoError>,
    ) -> wasmtime::Result<Option<types::ErrorCode>> {
        let failed = self.table.get(&error)?.downcast_ref::<Failed>();
        Ok(failed.map(|Failed(code)| (*code).into()))
    }
}

impl<D: Disk> types::HostDirectoryEntryStream for Files<'_, D> {
    fn read_directory_entry(
        &mut self,
        listing: Resource<Listing>,
    ) -> Answer<Option<types::DirectoryEntry>> {
        let Listing(entries) = self.table.get_mut(&listing)?;
        let entry = entries.next();
        Ok(Ok(entry
            .map(|disk::Entry { name, kind }| types::DirectoryEntry { type_: kind.into(), name })))
    }

    fn drop(&mut self, listing: Resource<Listing>) -> wasmtime::Result<()> {
        self.table.delete(listing)?;
        Ok(())
    }
}

impl<D: Disk> types::HostDescriptor for Files<'_, D> {
    fn write_via_stream(
        &mut self,
        fd: Resource<Descriptor>,
        offset: u64,
    ) -> Answer<Resource<DynOutputStream>> {
        match self.get(&fd)?.file() {
            Ok(file) => {
                let stream: DynOutputStream =
                    Box::new(Writing::new(self.disk.clone(), file, offset));
                Ok(Ok(self.table.push(stream)?))
            }
            Err(code) => answer(Err(code)),
        }
    }

    fn read(
        &mut self,
        fd: Resource<Descriptor>,
        length: u64,
        offset: u64,
    ) -> Answer<(Vec<u8>, bool)> {
        let file = match self.get(&fd)?.file() {
            Ok(file) => file,
            Err(code) => return answer(Err(code)),
        };
        let bytes_max = usize::try_from(length).unwrap_or(usize::MAX).min(READ_BYTES_MAX);
        let bytes = self.wait(|disk| async move { disk.read(&file, offset, bytes_max).await });
        answer(bytes.map(|bytes| {
            let is_end = bytes.is_empty();
            (bytes, is_end)
        }))
    }

    fn sync_data(&mut self, fd: Resource<Descriptor>) -> Answer<()> {
        let Entry { node, .. } = self.get(&fd)?;
        answer(self.wait(|disk| async move { disk.sync_data(&node).await }))
    }

    fn sync(&mut self, fd: Resource<Descriptor>) -> Answer<()> {
        let Entry { node, .. } = self.get(&fd)?;
        answer(self.wait(|disk| async move { disk.sync(&node).await }))
    }

    fn get_type(&mut self, fd: Resource<Descriptor>) -> Answer<types::DescriptorType> {
        let entry = self.get(&fd)?;
        let kind = if entry.is_directory { Kind::Directory } else { Kind::File };
        Ok(Ok(kind.into()))
    }

    fn read_directory(&mut self, fd: Resource<Descriptor>) -> Answer<Resource<Listing>> {
        let entry = self.get(&fd)?;
        let entries = self.wait(|disk| async move { disk.read_dir(&entry.directory()?).await });
        match entries {
            Ok(entries) => Ok(Ok(self.table.push(Listing(entries.into_iter()))?)),
            Err(code) => answer(Err(code)),
        }
    }

    fn create_directory_at(&mut self, fd: Resource<Descriptor>, path: String) -> Answer<()> {
        let entry = self.get(&fd)?;
        answer(self.wait(|disk| async move { disk.create_dir(&entry.directory()?, &path).await }))
    }

    fn stat(&mut self, fd: Resource<Descriptor>) -> Answer<types::DescriptorStat> {
        let Entry { node, .. } = self.get(&fd)?;
        answer(self.wait(|disk| async move { disk.stat(&node).await }).map(Into::into))
    }

    fn stat_at(
        &mut self,
        fd: Resource<Descriptor>,
        path_flags: types::PathFlags,
        path: String,
    ) -> Answer<types::DescriptorStat> {
        if path_flags.contains(types::PathFlags::SYMLINK_FOLLOW) {
            return unsupported();
        }
        let entry = self.get(&fd)?;
        let stat = self.wait(|disk| async move { disk.stat_at(&entry.directory()?, &path).await });
        answer(stat.map(Into::into))
    }

    fn open_at(
        &mut self,
        fd: Resource<Descriptor>,
        path_flags: types::PathFlags,
        path: String,
        open_flags: types::OpenFlags,
        flags: types::DescriptorFlags,
    ) -> Answer<Resource<Descriptor>> {
        let Some(open) = Open::from_flags(path_flags, open_flags, flags) else {
            return unsupported();
        };
        let entry = self.get(&fd)?;
        let opened = self.wait(|disk| async move {
            let at = entry.directory()?;
            match open {
                Open::Directory => disk.open_dir(&at, &path).await,
                Open::New => disk.create_file(&at, &path).await,
                Open::Existing => disk.open_file(&at, &path).await,
            }
        });
        match opened {
            Ok(node) => {
                let entry = Entry { node, is_directory: open == Open::Directory };
                Ok(Ok(self.push(entry)?))
            }
            Err(code) => answer(Err(code)),
        }
    }

    fn rename_at(
        &mut self,
        fd: Resource<Descriptor>,
        old_path: String,
        new_descriptor: Resource<Descriptor>,
        new_path: String,
    ) -> Answer<()> {
        let (from, to) = (self.get(&fd)?, self.get(&new_descriptor)?);
        answer(self.wait(|disk| async move {
            disk.rename(&from.directory()?, &old_path, &to.directory()?, &new_path).await
        }))
    }

    fn unlink_file_at(&mut self, fd: Resource<Descriptor>, path: String) -> Answer<()> {
        let entry = self.get(&fd)?;
        answer(self.wait(|disk| async move { disk.remove_file(&entry.directory()?, &path).await }))
    }

    fn is_same_object(
        &mut self,
        fd: Resource<Descriptor>,
        other: Resource<Descriptor>,
    ) -> wasmtime::Result<bool> {
        // There is no way to say `unsupported`; a handle is the same object as itself at least.
        Ok(fd.rep() == other.rep())
    }

    fn drop(&mut self, fd: Resource<Descriptor>) -> wasmtime::Result<()> {
        self.delete(&fd)
    }

    fn read_via_stream(
        &mut self,
        _fd: Resource<Descriptor>,
        _offset: u64,
    ) -> Answer<Resource<DynInputStream>> {
        unsupported()
    }

    fn append_via_stream(
        &mut self,
        _fd: Resource<Descriptor>,
    ) -> Answer<Resource<DynOutputStream>> {
        unsupported()
    }

    fn advise(
        &mut self,
        _fd: Resource<Descriptor>,
        _offset: u64,
        _length: u64,
        _advice: types::Advice,
    ) -> Answer<()> {
        unsupported()
    }

    fn get_flags(&mut self, _fd: Resource<Descriptor>) -> Answer<types::DescriptorFlags> {
        unsupported()
    }

    fn set_size(&mut self, _fd: Resource<Descriptor>, _size: u64) -> Answer<()> {
        unsupported()
    }

    fn set_times(
        &mut self,
        _fd: Resource<Descriptor>,
        _access: types::NewTimestamp,
        _modification: types::NewTimestamp,
    ) -> Answer<()> {
        unsupported()
    }

    fn write(&mut self, _fd: Resource<Descriptor>, _bytes: Vec<u8>, _offset: u64) -> Answer<u64> {
        unsupported()
    }

    fn set_times_at(
        &mut self,
        _fd: Resource<Descriptor>,
        _path_flags: types::PathFlags,
        _path: String,
        _access: types::NewTimestamp,
        _modification: types::NewTimestamp,
    ) -> Answer<()> {
        unsupported()
    }

    fn link_at(
        &mut self,
        _fd: Resource<Descriptor>,
        _old_path_flags: types::PathFlags,
        _old_path: String,
        _new_descriptor: Resource<Descriptor>,
        _new_path: String,
    ) -> Answer<()> {
        unsupported()
    }

    fn readlink_at(&mut self, _fd: Resource<Descriptor>, _path: String) -> Answer<String> {
        unsupported()
    }

    fn remove_directory_at(&mut self, _fd: Resource<Descriptor>, _path: String) -> Answer<()> {
        unsupported()
    }

    fn symlink_at(
        &mut self,
        _fd: Resource<Descriptor>,
        _old_path: String,
        _new_path: String,
    ) -> Answer<()> {
        unsupported()
    }

    fn metadata_hash(&mut self, _fd: Resource<Descriptor>) -> Answer<types::MetadataHashValue> {
        unsupported()
    }

    fn metadata_hash_at(
        &mut self,
        _fd: Resource<Descriptor>,
        _path_flags: types::PathFlags,
        _path: String,
    ) -> Answer<types::MetadataHashValue> {
        unsupported()
    }
}

/// What one read of the guest is given at most.
const READ_BYTES_MAX: usize = 1 << 20;

impl From<Kind> for types::DescriptorType {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::File => Self::RegularFile,
            Kind::Directory => Self::Directory,
            Kind::Link => Self::SymbolicLink,
            Kind::Other => Self::Unknown,
        }
    }
}

impl From<Stat> for types::DescriptorStat {
    fn from(stat: Stat) -> Self {
        // A time before the epoch is no time in WASI 0.2.
        let modified = stat.modified.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        types::DescriptorStat {
            type_: stat.kind.into(),
            link_count: 1,
            size: stat.size,
            data_access_timestamp: None,
            data_modification_timestamp: modified.map(|since| Datetime {
                seconds: since.as_secs(),
                nanoseconds: since.subsec_nanos(),
            }),
            status_change_timestamp: None,
        }
    }
}
