//! What `std` would bring: the allocator, and what a panic does.

#[cfg(not(feature = "sync"))]
use core::panic::PanicInfo;

use talc::wasm::{WasmDynamicTalc, new_wasm_dynamic_allocator};

#[global_allocator]
static ALLOCATOR: WasmDynamicTalc = new_wasm_dynamic_allocator();

/// Traps, as the component has nowhere to write to. The host tells that it was lost.
#[cfg(not(feature = "sync"))]
#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}
