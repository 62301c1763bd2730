//! Removes a directory that was renamed, with all that is in it.

use crate::error::{Code, Failure, Operation};
use crate::storage::{Kind, Storage, temp};

/// Empties and removes the directory `name` of `parent`, which is at `path`.
///
/// A directory in it that is not empty is first moved into `parent`, under a name of the same kind:
/// so nothing here is deeper than one step, however deep the tree is, and what a process leaves
/// that is killed is found by its name. No link is followed. What others remove at the same time
/// is no error.
///
/// # Errors
/// The first step that failed. All else that could be removed is gone.
pub async fn remove<S: Storage>(
    storage: &S,
    parent: &S::Dir,
    path: &str,
    name: &str,
) -> Result<(), Failure> {
    let mut waiting = vec![name.to_owned()];
    let mut result = Ok(());
    while let Some(name) = waiting.pop() {
        let emptied = empty(storage, parent, &name, &mut waiting).await;
        let removed = unless_gone(storage.remove_dir(parent, &name).await);
        let removed = emptied.and(removed.map_err(|code| (Operation::Remove, String::new(), code)));
        if let (Ok(()), Err((operation, inside, code))) = (&result, removed) {
            let path = format!("{path}/{name}{inside}");
            result = Err(Failure { channel: None, operation, path, code });
        }
    }
    result
}

/// A step that failed, and of what in the directory.
type Failed = (Operation, String, Code);

/// Removes what is in a directory, and moves directories that are not empty to those that wait.
async fn empty<S: Storage>(
    storage: &S,
    parent: &S::Dir,
    name: &str,
    waiting: &mut Vec<String>,
) -> Result<(), Failed> {
    let dir = match storage.open_subdir(parent, name).await {
        Ok(dir) => dir,
        Err(Code::NO_ENTRY) => return Ok(()),
        Err(code) => return Err((Operation::Open, String::new(), code)),
    };
    let names = storage.list(&dir).await;
    let names = names.map_err(|code| (Operation::List, String::new(), code))?;
    let target = temp::parts(name).map_or(name, |(target, _)| target);
    let mut result = Ok(());
    for inside in names {
        let removed =
            unless_gone(remove_one(storage, (&dir, &inside), (parent, target), waiting).await);
        result =
            result.and(removed.map_err(|code| (Operation::Remove, format!("/{inside}"), code)));
    }
    result
}

async fn remove_one<S: Storage>(
    storage: &S,
    (dir, name): (&S::Dir, &str),
    (parent, target): (&S::Dir, &str),
    waiting: &mut Vec<String>,
) -> Result<(), Code> {
    if storage.stat(dir, name).await?.kind != Kind::Directory {
        return storage.remove(dir, name).await;
    }
    match storage.remove_dir(dir, name).await {
        Err(Code::NOT_EMPTY | Code::EXIST) => {}
        removed => return removed,
    }
    let temp = temp::name(storage, target);
    storage.move_dir((dir, name), (parent, &temp)).await?;
    waiting.push(temp);
    Ok(())
}

fn unless_gone(removed: Result<(), Code>) -> Result<(), Code> {
    match removed {
        Err(Code::NO_ENTRY) => Ok(()),
        removed => removed,
    }
}
