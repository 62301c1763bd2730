//! Whether two open files are one place, where the order of what is written to both can be seen.

use std::os::fd::BorrowedFd;

use rustix::fs::{FileType, OFlags, fcntl_getfl, fstat, tell};
use rustix::termios::tcgetsid;

/// Whether what is written to either comes after what was written to the other before.
///
/// That is so for a pipe, a socket or a terminal, however it was opened, and for a regular file if both
/// append, or share one offset.
pub fn is_same_place(one: BorrowedFd<'_>, other: BorrowedFd<'_>) -> bool {
    let (Ok(stat), Ok(other_stat)) = (fstat(one), fstat(other)) else { return false };
    if (stat.st_dev, stat.st_ino) != (other_stat.st_dev, other_stat.st_ino) {
        return is_one_terminal(one, other);
    }
    let appends = |file| fcntl_getfl(file).is_ok_and(|flags| flags.contains(OFlags::APPEND));
    FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile
        || (appends(one) && appends(other))
        || is_same_open_file(one, other).unwrap_or_else(|| is_likely_same_open_file(one, other))
}

/// Whether both are one terminal by two names: its own, and `/dev/tty`.
fn is_one_terminal(one: BorrowedFd<'_>, other: BorrowedFd<'_>) -> bool {
    // The system tells it of no terminal but that of this process.
    (tcgetsid(one).is_ok() && tcgetsid(other).is_ok()) || is_one_device(one, other)
}

/// The same, of a terminal that is not this process's any more (`setsid`).
#[cfg(target_os = "linux")]
#[allow(unsafe_code, reason = "the safe calls do not ask which terminal it is")]
fn is_one_device(one: BorrowedFd<'_>, other: BorrowedFd<'_>) -> bool {
    use std::os::fd::AsRawFd;
    let tty = rustix::fs::makedev(5, 0);
    let is_named_so = |file| fstat(file).is_ok_and(|stat| stat.st_rdev == tty);
    let device = |file: BorrowedFd<'_>| {
        let mut device: libc::c_uint = 0;
        // SAFETY: it writes a number.
        let told = unsafe { libc::ioctl(file.as_raw_fd(), libc::TIOCGDEV, &mut device) };
        (told == 0).then_some(device)
    };
    // Numbers alone are not enough: containers have their own.
    (is_named_so(one) || is_named_so(other))
        && device(one).is_some_and(|one| device(other) == Some(one))
}

#[cfg(not(target_os = "linux"))]
fn is_one_device(_: BorrowedFd<'_>, _: BorrowedFd<'_>) -> bool {
    false
}

/// Whether both are one open file, so that they share an offset. `None` if the system does not tell.
#[cfg(target_os = "linux")]
#[allow(unsafe_code, reason = "only the system call asks for it")]
fn is_same_open_file(one: BorrowedFd<'_>, other: BorrowedFd<'_>) -> Option<bool> {
    use std::os::fd::AsRawFd;
    const KCMP_FILE: libc::c_long = 0;
    let pid = libc::c_long::from(rustix::process::getpid().as_raw_nonzero().get());
    let files = [one, other].map(|file| libc::c_long::from(file.as_raw_fd()));
    // SAFETY: it compares, and changes nothing.
    match unsafe { libc::syscall(libc::SYS_kcmp, pid, pid, KCMP_FILE, files[0], files[1]) } {
        0 => Some(true),
        1.. => Some(false),
        // A sandbox may forbid it.
        _ => None,
    }
}

#[cfg(not(target_os = "linux"))]
fn is_same_open_file(_: BorrowedFd<'_>, _: BorrowedFd<'_>) -> Option<bool> {
    None
}

/// Two that were opened apart have other offsets once one of them was written to. Before that they
/// are taken for one: then nothing that goes to one of them is overwritten by the other.
fn is_likely_same_open_file(one: BorrowedFd<'_>, other: BorrowedFd<'_>) -> bool {
    matches!((tell(one), tell(other)), (Ok(offset), Ok(other)) if offset == other)
        && matches!((fcntl_getfl(one), fcntl_getfl(other)), (Ok(flags), Ok(other)) if flags == other)
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::{Write, pipe};
    use std::os::fd::AsFd;
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn a_regular_file_is_one_place_if_it_is_opened_once_or_for_appending() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        let create = || File::create(&path).unwrap();
        let (one, other) = (create(), create());
        assert!(is_same_place(one.as_fd(), one.try_clone().unwrap().as_fd()));
        #[cfg(target_os = "linux")]
        assert!(!is_same_place(one.as_fd(), other.as_fd()));
        let append = || File::options().append(true).open(&path).unwrap();
        let appending = append();
        assert!(is_same_place(appending.as_fd(), append().as_fd()));
        assert!(!is_same_place(appending.as_fd(), {
            (&other).write_all(b"x").unwrap();
            other.as_fd()
        }));
    }

    #[test]
    fn offsets_tell_where_the_system_does_not() {
        let dir = tempfile::tempdir().unwrap();
        let create = || File::create(dir.path().join("file")).unwrap();
        let (mut one, other) = (create(), create());
        one.write_all(b"x").unwrap();
        assert!(is_likely_same_open_file(one.as_fd(), one.try_clone().unwrap().as_fd()));
        assert!(!is_likely_same_open_file(one.as_fd(), other.as_fd()));
    }

    #[test]
    fn what_has_no_offset_is_one_place_if_it_is_one_file() {
        let (reader, writer) = pipe().unwrap();
        let (_reader, another) = pipe().unwrap();
        assert!(is_same_place(writer.as_fd(), writer.try_clone().unwrap().as_fd()));
        assert!(!is_same_place(writer.as_fd(), another.as_fd()));
        let (socket, peer) = UnixStream::pair().unwrap();
        assert!(is_same_place(socket.as_fd(), socket.try_clone().unwrap().as_fd()));
        assert!(!is_same_place(socket.as_fd(), peer.as_fd()));
        assert!(!is_same_place(socket.as_fd(), reader.as_fd()));
        let null = || File::options().write(true).open("/dev/null").unwrap();
        assert!(is_same_place(null().as_fd(), null().as_fd()));
    }
}
