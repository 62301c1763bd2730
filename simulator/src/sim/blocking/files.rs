//! `wasi:filesystem` 0.2 over a simulated disk: the calls that Tandem makes, the rest is
//! `unsupported`. A call that waits for the disk is pending until it is answered.

use std::vec;

use wasmtime::component::Resource;

use super::View;
use super::bindings::wasi::filesystem::{preopens, types};
use super::shapes::Open;
use super::stream::{Failed, NoInput, Writing};
use crate::sim::disk::SimNode;
use tandem_host::disk::{self, Disk, ErrorCode, Kind};

/// An open file or directory.
#[derive(Clone)]
pub struct Descriptor {
    node: SimNode,
    is_directory: bool,
}

/// The rest of a directory's entries.
pub struct Listing(vec::IntoIter<disk::Entry>);

/// The outcome of a call: an error of the disk inside, a bug outside.
type Answer<T> = wasmtime::Result<Result<T, types::ErrorCode>>;

impl Descriptor {
    fn directory(self) -> Result<SimNode, ErrorCode> {
        if self.is_directory { Ok(self.node) } else { Err(ErrorCode::NotDirectory) }
    }

    fn file(self) -> Result<SimNode, ErrorCode> {
        if self.is_directory { Err(ErrorCode::IsDirectory) } else { Ok(self.node) }
    }
}

fn answer<T>(result: Result<T, ErrorCode>) -> Answer<T> {
    Ok(result.map_err(Into::into))
}

fn unsupported<T>() -> Answer<T> {
    Ok(Err(types::ErrorCode::Unsupported))
}

impl View<'_> {
    fn get(&self, descriptor: &Resource<Descriptor>) -> wasmtime::Result<Descriptor> {
        Ok(self.table.get(descriptor)?.clone())
    }
}

impl preopens::Host for View<'_> {
    fn get_directories(&mut self) -> wasmtime::Result<Vec<(Resource<Descriptor>, String)>> {
        let root = Descriptor { node: self.disk.root(), is_directory: true };
        Ok(vec![(self.table.push(root)?, "/".to_owned())])
    }
}

impl types::Host for View<'_> {
    fn filesystem_error_code(
        &mut self,
        error: Resource<Failed>,
    ) -> wasmtime::Result<Option<types::ErrorCode>> {
        let Failed(code) = self.table.get(&error)?;
        Ok(Some((*code).into()))
    }
}

impl types::HostDirectoryEntryStream for View<'_> {
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

impl types::HostDescriptor for View<'_> {
    fn write_via_stream(
        &mut self,
        fd: Resource<Descriptor>,
        offset: u64,
    ) -> Answer<Resource<Writing>> {
        match self.get(&fd)?.file() {
            Ok(file) => Ok(Ok(self.table.push(Writing::new(self.disk.clone(), file, offset))?)),
            Err(code) => answer(Err(code)),
        }
    }

    async fn read(
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
        let bytes = self.disk.read(&file, offset, bytes_max).await;
        answer(bytes.map(|bytes| {
            let is_end = bytes.is_empty();
            (bytes, is_end)
        }))
    }

    async fn write(
        &mut self,
        fd: Resource<Descriptor>,
        bytes: Vec<u8>,
        offset: u64,
    ) -> Answer<u64> {
        let file = match self.get(&fd)?.file() {
            Ok(file) => file,
            Err(code) => return answer(Err(code)),
        };
        answer(self.disk.write(&file, offset, bytes).await.map(|written| written as u64))
    }

    async fn sync_data(&mut self, fd: Resource<Descriptor>) -> Answer<()> {
        let Descriptor { node, .. } = self.get(&fd)?;
        answer(self.disk.sync_data(&node).await)
    }

    async fn sync(&mut self, fd: Resource<Descriptor>) -> Answer<()> {
        let Descriptor { node, .. } = self.get(&fd)?;
        answer(self.disk.sync(&node).await)
    }

    fn get_type(&mut self, fd: Resource<Descriptor>) -> Answer<types::DescriptorType> {
        let entry = self.get(&fd)?;
        let kind = if entry.is_directory { Kind::Directory } else { Kind::File };
        Ok(Ok(kind.into()))
    }

    async fn read_directory(&mut self, fd: Resource<Descriptor>) -> Answer<Resource<Listing>> {
        let dir = match self.get(&fd)?.directory() {
            Ok(dir) => dir,
            Err(code) => return answer(Err(code)),
        };
        match self.disk.read_dir(&dir).await {
            Ok(entries) => Ok(Ok(self.table.push(Listing(entries.into_iter()))?)),
            Err(code) => answer(Err(code)),
        }
    }

    async fn create_directory_at(&mut self, fd: Resource<Descriptor>, path: String) -> Answer<()> {
        let entry = self.get(&fd)?;
        answer(async { self.disk.create_dir(&entry.directory()?, &path).await }.await)
    }

    async fn stat(&mut self, fd: Resource<Descriptor>) -> Answer<types::DescriptorStat> {
        let Descriptor { node, .. } = self.get(&fd)?;
        answer(self.disk.stat(&node).await.map(Into::into))
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
        let entry = self.get(&fd)?;
        let stat = async { self.disk.stat_at(&entry.directory()?, &path).await }.await;
        answer(stat.map(Into::into))
    }

    async fn open_at(
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
        let opened = async {
            let at = entry.directory()?;
            match open {
                Open::Directory => self.disk.open_dir(&at, &path).await,
                Open::New => self.disk.create_file(&at, &path).await,
                Open::Existing => self.disk.open_file(&at, &path).await,
            }
        };
        match opened.await {
            Ok(node) => {
                let is_directory = open == Open::Directory;
                Ok(Ok(self.table.push(Descriptor { node, is_directory })?))
            }
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
        let (from, to) = (self.get(&fd)?, self.get(&new_descriptor)?);
        let renamed = async {
            self.disk.rename(&from.directory()?, &old_path, &to.directory()?, &new_path).await
        };
        answer(renamed.await)
    }

    async fn unlink_file_at(&mut self, fd: Resource<Descriptor>, path: String) -> Answer<()> {
        let entry = self.get(&fd)?;
        answer(async { self.disk.remove_file(&entry.directory()?, &path).await }.await)
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
        self.table.delete(fd)?;
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
