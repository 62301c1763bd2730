//! What the WIT becomes in Rust: on WebAssembly the exports and imports of the world that is built,
//! elsewhere the records alone. Only `face/`, `wasi/` and `records.rs` use it.

#[cfg(all(target_family = "wasm", not(feature = "blocking")))]
wit_bindgen::generate!({
    path: "wit",
    world: "tandem",
    additional_derives: [PartialEq, Eq],
    generate_unused_types: true,
    with: {
        "wasi:clocks/types@0.3.0": wasi::clocks::types,
        "wasi:clocks/monotonic-clock@0.3.0": wasi::clocks::monotonic_clock,
        "wasi:clocks/system-clock@0.3.0": wasi::clocks::system_clock,
        "wasi:filesystem/types@0.3.0": wasi::filesystem::types,
        "wasi:filesystem/preopens@0.3.0": wasi::filesystem::preopens,
        "wasi:random/random@0.3.0": wasi::random::random,
    },
});

#[cfg(all(target_family = "wasm", feature = "blocking"))]
wit_bindgen::generate!({
    path: "wit/blocking",
    world: "tandem-blocking",
    additional_derives: [PartialEq, Eq],
    additional_derives_ignore: ["stream-error"],
    generate_all,
});

#[cfg(not(target_family = "wasm"))]
wit_bindgen::generate!({
    path: "wit/records",
    inline: "package tandem:native; world native { export tandem:records/types@0.1.0; }",
    additional_derives: [PartialEq, Eq],
    generate_unused_types: true,
});
