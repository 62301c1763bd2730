//! A store whose files are wasmtime's own, and the component for it.

use std::path::Path;
use std::sync::OnceLock;

use tandem_components::TANDEM;
use wasmtime::component::{Component, Linker, ResourceTable};
use wasmtime::{Config, Engine, Store};
use wasmtime_wasi::random::{WasiRandom, WasiRandomView};
use wasmtime_wasi::{FsPerms, WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView, p3};

/// More than any test takes.
const FUEL: u64 = 1 << 50;

/// The component of an engine that counts fuel. The first call takes seconds: it comes before the clock
/// of a limit against hangs starts.
pub fn compiled() -> &'static Component {
    static COMPILED: OnceLock<Component> = OnceLock::new();
    COMPILED.get_or_init(|| {
        let mut config = Config::new();
        config.wasm_component_model_async(true).consume_fuel(true);
        Component::from_binary(&Engine::new(&config).unwrap(), TANDEM).unwrap()
    })
}

pub struct State {
    wasi: WasiCtx,
    table: ResourceTable,
}

impl State {
    /// A store of [`compiled`]'s engine with this directory, and nothing else.
    pub fn store_on(dir: &Path) -> Store<State> {
        let mut wasi = WasiCtxBuilder::new();
        wasi.preopened_dir(dir, "/", FsPerms::ReadWrite).unwrap();
        let state = State { wasi: wasi.build(), table: ResourceTable::new() };
        let mut store = Store::new(compiled().engine(), state);
        store.set_fuel(FUEL).unwrap();
        store
    }

    /// What the component imports, and nothing more.
    pub fn linker() -> Linker<State> {
        let mut linker = Linker::new(compiled().engine());
        p3::filesystem::add_to_linker(&mut linker).unwrap();
        p3::clocks::add_to_linker(&mut linker).unwrap();
        let random = p3::bindings::random::random::add_to_linker::<_, WasiRandom>;
        random(&mut linker, WasiRandomView::random).unwrap();
        linker
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}
