//! What the targets share.

pub use libfuzzer_sys;
pub use tandem::fuzz::mutate::{Random, mutate};

/// Fuzzes a function of bytes. Every other mutation is one that knows JSON.
#[macro_export]
macro_rules! target {
    ($target:path) => {
        $crate::libfuzzer_sys::fuzz_target!(|input: &[u8]| $target(input));

        $crate::libfuzzer_sys::fuzz_mutator!(|data: &mut [u8],
                                              size: usize,
                                              max_size: usize,
                                              seed: u32| {
            $crate::mutated(data, size, max_size, seed)
        });
    };
}

/// Changes the first `size` bytes of `data`, and tells how many there are then.
pub fn mutated(data: &mut [u8], size: usize, max_size: usize, seed: u32) -> usize {
    if seed % 2 == 0 {
        return libfuzzer_sys::fuzzer_mutate(data, size, max_size);
    }
    let input = data[..size].to_vec();
    let new = mutate(&input, &input, &mut Random::new(seed.into()), max_size);
    data[..new.len()].copy_from_slice(&new);
    new.len()
}
