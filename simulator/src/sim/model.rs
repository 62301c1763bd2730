//! What file systems may keep after a power loss, as data.

/// Which of the changes to names that were not synced may survive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Names {
    /// Any of them: each name shows its synced state or any later one, whatever the others show.
    /// The two halves of a rename are not tied either.
    Any,
    /// A journal or a transaction: all up to some point in time, and none after it.
    InOrder,
}

/// What may become of data that was not synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Data {
    /// Any sectors of it, the others read as what was there before or as zeros. The size is on its
    /// own.
    Torn,
    /// Pages from the start of the file; the size ends with them.
    Prefix,
    /// Any pages, the others read as zeros. The size is on its own: a tail of zeros.
    ZeroTail,
    /// Any pages, the others read as zeros. The size ends with the last page written.
    Holes,
}

/// What the sync of a file makes durable besides its data and size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileSync {
    /// Nothing.
    DataOnly,
    /// All earlier changes to names: the journal is committed.
    Journal,
    /// The file's own names, and the directories above that are new.
    OwnNames,
}

/// What the sync of a directory does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DirSync {
    /// Makes the directory's own entries durable.
    OwnEntries,
    /// Commits the journal.
    Journal,
    /// As `OwnEntries`, and the directories above that are new.
    OwnPath,
    /// Is answered with `unsupported`.
    Unsupported,
}

/// A file system's promises about what survives a power loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Model {
    /// Its name on the command line.
    pub name: &'static str,
    /// One line about it.
    pub about: &'static str,
    pub(crate) names: Names,
    pub(crate) data: Data,
    /// Whether data is on the disk before a rename over an existing name is.
    pub(crate) replace_flushes_data: bool,
    pub(crate) file_sync: FileSync,
    pub(crate) dir_sync: DirSync,
    /// The unit in which data survives or does not.
    pub(crate) unit_bytes: usize,
}

impl Model {
    /// All of them, the weakest first.
    pub const ALL: [Model; 6] = [
        Model {
            name: "posix-weak",
            about: "any subset of what was not synced, torn by sector, size apart from data",
            names: Names::Any,
            data: Data::Torn,
            replace_flushes_data: false,
            file_sync: FileSync::DataOnly,
            dir_sync: DirSync::OwnEntries,
            unit_bytes: 512,
        },
        Model {
            name: "ext4-ordered",
            about: "names in the journal's order, data before the size that shows it",
            names: Names::InOrder,
            data: Data::Prefix,
            replace_flushes_data: true,
            file_sync: FileSync::Journal,
            dir_sync: DirSync::Journal,
            unit_bytes: 4096,
        },
        Model {
            name: "ext4-writeback",
            about: "names in the journal's order, data and size apart: tails of zeros",
            names: Names::InOrder,
            data: Data::ZeroTail,
            replace_flushes_data: false,
            file_sync: FileSync::Journal,
            dir_sync: DirSync::Journal,
            unit_bytes: 4096,
        },
        Model {
            name: "xfs",
            about: "names in the log's order, pages in any order, the size after the data",
            names: Names::InOrder,
            data: Data::Holes,
            replace_flushes_data: false,
            file_sync: FileSync::Journal,
            dir_sync: DirSync::Journal,
            unit_bytes: 4096,
        },
        Model {
            name: "btrfs",
            about: "whole transactions, and what was synced by itself before them",
            names: Names::InOrder,
            data: Data::Prefix,
            replace_flushes_data: false,
            file_sync: FileSync::OwnNames,
            dir_sync: DirSync::OwnPath,
            unit_bytes: 4096,
        },
        Model {
            name: "no-dir-sync",
            about: "as posix-weak, but no directory can be synced",
            names: Names::Any,
            data: Data::Torn,
            replace_flushes_data: false,
            file_sync: FileSync::DataOnly,
            dir_sync: DirSync::Unsupported,
            unit_bytes: 512,
        },
    ];

    /// What is not a file system but a store whose answers survive: for documents in the place of
    /// files.
    pub const STORE: Model = Model {
        name: "store",
        about: "documents of a store that keeps what it answers",
        names: Names::InOrder,
        data: Data::Prefix,
        replace_flushes_data: true,
        file_sync: FileSync::Journal,
        dir_sync: DirSync::Journal,
        unit_bytes: 4096,
    };

    /// The model of a file system of that name.
    pub fn find(name: &str) -> Option<Model> {
        Model::ALL.into_iter().find(|model| model.name == name)
    }

    /// Whether a directory can be synced, so that `durable` can be reached.
    pub fn syncs_directories(&self) -> bool {
        self.dir_sync != DirSync::Unsupported
    }
}
