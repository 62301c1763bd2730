//! `wasi:filesystem` 0.2 over any [`Disk`]: the calls that Tandem makes, the rest is `unsupported`.
//! A call that waits for the disk is pending until it is answered.

use std::vec;

use wasmtime::component::Resource;

use super::bindings::Descriptor;
use super::bindings::wasi::filesystem::{preopens, types};
use super::shapes::OpenKind;
use super::stream::{Failed, NoInput, Writing};
use super::{Granted, Surroundings};
use tandem_host::disk::{self, Disk, ErrorCode};
use tandem_host::testing::{mode_of, purpose_of};

/// What a component has open.
enum Handle<D: Disk> {
    Dir(D::Dir),
    File(D::File),
}

/// The rest of a directory's entries.
pub struct Listing(vec::IntoIter<disk::Entry>);

/// The outcome of a call: an error of the disk inside, a bug outside.
type Answer<T> = wasmtime::Result<Result<T, types::ErrorCode>>;

impl<D: Disk> Handle<D> {
    fn dir(&self) -> Result<D::Dir, ErrorCode> {
        match self {
            Handle::Dir(dir) => Ok(dir.clone()),
            Handle::File(_) => Err(ErrorCode::NotDirectory),
        }
    }

    fn file(&self) -> Result<D::File, ErrorCode> {
        match self {
            Handle::Dir(_) => Err(ErrorCode::IsDirectory),
            Handle::File(file) => Ok(file.clone()),
        }
    }
}

fn answer<T>(result: Result<T, ErrorCode>) -> Answer<T> {
    Ok(result.map_err(Into::into))
}

fn unsupported<T>() -> Answer<T> {
    Ok(Err(types::ErrorCode::Unsupported))
}

impl<D: Disk, S: Surroundings> Granted<D, S> {
    fn push(&mut self, handle: Handle<D>) -> wasmtime::Result<Resource<Descriptor>> {
        Ok(Resource::new_own(self.table.push(handle)?.rep()))
    }

    fn get(&self, fd: &Resource<Descriptor>) -> wasmtime::Result<&Handle<D>> {
        Ok(self.table.get(&Resource::new_borrow(fd.rep()))?)
    }
}

impl<D: Disk, S: Surroundings> preopens::Host for Granted<D, S> {
    fn get_directories(&mut self) -> wasmtime::Result<Vec<(Resource<Descriptor>, String)>> {
        let root = Handle::Dir(self.disk.root());
        Ok(vec![(self.push(root)?, "/".to_owned())])
    }
}

impl<D: Disk, S: Surroundings> types::Host for Granted<D, S> {
    fn filesystem_error_code(
        &mut self,
        error: Resource<Failed>,
    ) -> wasmtime::Result<Option<types::ErrorCode>> {
        let Failed(code) = self.table.get(&error)?;
        Ok(Some((*code).into()))
    }
}

impl<D: Disk, S: Surroundings> types::HostDirectoryEntryStream for Granted<D, S> {
    fn read_directory_entry(
        &mut self,
        listing: Resource<Listing>,
    ) -> Answer<Option<types::DirectoryEntry>> {
        let Listing(entries) = self.table.get_mut(&listing)?;
        let entry = entries.next();
        Ok(Ok(entry.map(|disk::Entry { name, kind, .. }| types::DirectoryEntry {
            type_: kind.into(),
            name,
        })))
    }

    fn drop(&mut self, listing: Resource<Listing>) -> wasmtime::Result<()> {
        self.table.delete(listing)?;
        Ok(())
    }
}

impl<D: Disk, S: Surroundings> types::HostDescriptor for Granted<D, S> {
    fn write_via_stream(
        &mut self,
        fd: Resource<Descriptor>,
        offset: u64,
    ) -> Answer<Resource<Writing>> {
        match self.get(&fd)?.file() {
            Ok(file) => {
                let writing = Writing::new(self.disk.clone(), file, offset);
                Ok(Ok(self.table.push(writing)?))
            }
            Err(code) => answer(Err(code)),
        }
    }

    async fn read(
        &mut self,
        fd: Resource<Descriptor>,
        length: u64,
        offset: u64,
    ) -> Answer<(Vec<u8>, bool)> {
        let file = self.get(&fd)?.file();
        let bytes_max = usize::try_from(length).unwrap_or(usize::MAX).min(READ_BYTES_MAX);
        let bytes = async { self.disk.read(&file?, offset, bytes_max).await }.await;
        answer(bytes.map(|bytes| {
            let is_end = bytes.is_empty();
            (bytes, is_end)
        }))
    }

    fn write(&mut self, _fd: Resource<Descriptor>, _bytes: Vec<u8>, _offset: u64) -> Answer<u64> {
        unsupported()
    }

    async fn sync_data(&mut self, fd: Resource<Descriptor>) -> Answer<()> {
        let file = self.get(&fd)?.file();
        answer(async { self.disk.sync_data(&file?).await }.await)
    }

    async fn sync(&mut self, fd: Resource<Descriptor>) -> Answer<()> {
        let Handle::Dir(dir) = self.get(&fd)? else { return unsupported() };
        answer(self.disk.sync_dir(dir).await)
    }

    fn get_type(&mut self, fd: Resource<Descriptor>) -> Answer<types::DescriptorType> {
        Ok(Ok(match self.get(&fd)? {
            Handle::Dir(_) => types::DescriptorType::Directory,
            Handle::File(_) => types::DescriptorType::RegularFile,
        }))
    }

    async fn read_directory(&mut self, fd: Resource<Descriptor>) -> Answer<Resource<Listing>> {
        let dir = self.get(&fd)?.dir();
        match async { self.disk.read_dir(&dir?).await }.await {
            Ok(entries) => Ok(Ok(self.table.push(Listing(entries.into_iter()))?)),
            Err(code) => answer(Err(code)),
        }
    }

    async fn create_directory_at(&mut self, fd: Resource<Descriptor>, path: String) -> Answer<()> {
        let at = self.get(&fd)?.dir();
        answer(async { self.disk.create_dir(&at?, &path).await }.await)
    }

    fn stat(&mut self, _fd: Resource<Descriptor>) -> Answer<types::DescriptorStat> {
        unsupported()
    }

    async fn stat_at(
        &mut self,
        fd: Resource<Descriptor>,
        path_flags: types::PathFlags,
        path: String,
    ) -> Answer<types::DescriptorStat> {
        if path_flags.contains(types::PathFlags::SYMLINK_FOLLOW) {
            return unsupported();
        }
        let at = self.get(&fd)?.dir();
        answer(async { self.disk.stat(&at?, &path).await }.await.map(Into::into))
    }

    async fn open_at(
        &mut self,
        fd: Resource<Descriptor>,
        path_flags: types::PathFlags,
        path: String,
        open_flags: types::OpenFlags,
        flags: types::DescriptorFlags,
    ) -> Answer<Resource<Descriptor>> {
        let Some(open) = OpenKind::from_flags(path_flags, open_flags, flags) else {
            return unsupported();
        };
        let at = self.get(&fd)?.dir();
        let disk = &self.disk;
        let opened = async {
            let at = at?;
            match open {
                OpenKind::Directory => disk.open_dir(&at, &path).await.map(Handle::Dir),
                OpenKind::Subdirectory => disk.open_subdir(&at, &path).await.map(Handle::Dir),
                OpenKind::New => {
                    disk.create_file(&at, &path, purpose_of(&path)).await.map(Handle::File)
                }
                OpenKind::Existing => disk.open_file(&at, &path).await.map(Handle::File),
            }
        };
        match opened.await {
            Ok(handle) => Ok(Ok(self.push(handle)?)),
            Err(code) => answer(Err(code)),
        }
    }

    async fn rename_at(
        &mut self,
        fd: Resource<Descriptor>,
        old_path: String,
        new_descriptor: Resource<Descriptor>,
        new_path: String,
    ) -> Answer<()> {
        let (from, to) = (self.get(&fd)?.dir(), self.get(&new_descriptor)?.dir());
        let mode = mode_of(&old_path, &new_path);
        answer(async { self.disk.rename(&from?, &old_path, &to?, &new_path, mode).await }.await)
    }

    async fn remove_directory_at(&mut self, fd: Resource<Descriptor>, path: String) -> Answer<()> {
        let at = self.get(&fd)?.dir();
        answer(async { self.disk.remove_dir(&at?, &path).await }.await)
    }

    async fn unlink_file_at(&mut self, fd: Resource<Descriptor>, path: String) -> Answer<()> {
        let at = self.get(&fd)?.dir();
        answer(async { self.disk.remove_file(&at?, &path).await }.await)
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
        self.table.delete(Resource::<Handle<D>>::new_own(fd.rep()))?;
        Ok(())
    }

    fn read_via_stream(
        &mut self,
        _fd: Resource<Descriptor>,
        _offset: u64,
    ) -> Answer<Resource<NoInput>> {
        unsupported()
    }

    fn append_via_stream(&mut self, _fd: Resource<Descriptor>) -> Answer<Resource<Writing>> {
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
