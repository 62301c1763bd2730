//! The memory of this process.

#![allow(unsafe_code, reason = "only the C library can be told")]

use rustix::process::{Resource, getrlimit};

/// The stack that the first thread needs, beside some arguments and variables, which lie there too.
const STACK_BYTES_MIN: u64 = if cfg!(debug_assertions) { 256 * 1024 } else { 128 * 1024 };

/// Looks whether the stack may grow as far as it has to: where it may not, the system ends a process.
///
/// # Errors
/// What to tell.
pub fn check_stack() -> Result<(), String> {
    match getrlimit(Resource::Stack).current {
        Some(limit) if limit < STACK_BYTES_MIN => Err(format!(
            "it needs {STACK_BYTES_MIN} bytes of stack, the limit (ulimit -s) is {limit}"
        )),
        _ => Ok(()),
    }
}

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
