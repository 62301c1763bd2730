//! The file of a component that the command line names.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use super::super::plain::message;

/// A larger file is no build of the component, which has a 300th of this: 64 MiB.
const BYTES_MAX: u64 = 64 << 20;

/// Reads it.
///
/// # Errors
/// One sentence.
pub fn read(path: &Path) -> Result<Vec<u8>, String> {
    let read = File::open(path).and_then(|file| bounded(file, BYTES_MAX));
    match read {
        Ok(Some(component)) => Ok(component),
        Ok(None) => {
            let mib = BYTES_MAX >> 20;
            Err(format!("cannot use {} as the component: it is above {mib} MiB", path.display()))
        }
        Err(error) => Err(format!("cannot read {}: {error}", path.display())),
    }
}

/// Tells in one sentence why a run cannot be made with this component, or with this build's.
pub fn unusable(path: Option<&Path>, error: &tandem_host::Error) -> String {
    match (path, std::error::Error::source(error)) {
        (Some(path), Some(cause)) => {
            format!("cannot use {} as the component: {cause}", path.display())
        }
        _ => message(error),
    }
}

/// All there is to read, or nothing if that is above a limit; a device may never end.
fn bounded(from: impl Read, bytes_max: u64) -> io::Result<Option<Vec<u8>>> {
    let mut all = Vec::new();
    let is_above = from.take(bytes_max + 1).read_to_end(&mut all)? as u64 > bytes_max;
    Ok((!is_above).then_some(all))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_above_the_limit_is_not_read_to_its_end() {
        assert_eq!(bounded(&b"abc"[..], 3).unwrap().as_deref(), Some(&b"abc"[..]));
        assert_eq!(bounded(&b"abcd"[..], 3).unwrap(), None);
        assert_eq!(bounded(io::repeat(0), 3).unwrap(), None);
    }
}
