//! The memory of this process.

#![allow(unsafe_code, reason = "only the C library can be told")]

use rustix::process::{Resource, getrlimit};

/// Has the C library's allocator be thrifty with addresses, if they are limited: it reserves 64 MiB for
/// each thread, out of what threads and the component then lack. Comes before the first thread.
pub fn be_thrifty() {
    if getrlimit(Resource::As).current.is_some() {
        #[cfg(all(target_os = "linux", target_env = "gnu"))]
        // SAFETY: it sets a number, and nothing is wrong if it is refused.
        unsafe {
            libc::mallopt(libc::M_ARENA_MAX, 1);
        }
    }
}
