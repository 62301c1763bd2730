//! Plugins that are composed with Tandem: two of them in one process, each with a directory of its
//! own.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use tandem_host::testing::DiskExt;

use futures::FutureExt;
use tandem_components::TANDEM;
use tandem_host::disk::OsDisk;
use tandem_host::testing::{Call, DiskOperation, Hold, Layered};
use tandem_host::wasi::{DiskCtx, DiskCtxView, DiskView, add_to_linker};
use tempfile::TempDir;
use wasmtime::component::{Component, Linker, ResourceTable};
use wasmtime::{Config, Engine, Store};
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};

use crate::support::within;
use crate::wit::names;

mod bindings {
    wasmtime::component::bindgen!({
        path: ["../wit", "../bindings/plugin/wit"],
        world: "sample:plugin/composed",
        exports: { default: async | store },
    });
}

use bindings::exports::sample::plugin::jobs::Job;
use bindings::{Composed, ComposedPre};

type PluginDisk = Layered<OsDisk>;

struct State {
    wasi: WasiCtx,
    disk: DiskCtx<PluginDisk>,
    table: ResourceTable,
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl DiskView for State {
    type Disk = PluginDisk;

    fn disk(&mut self) -> DiskCtxView<'_, PluginDisk> {
        DiskCtxView { ctx: &self.disk, table: &mut self.table }
    }
}

/// The plugin with Tandem inside, built as a user does. The first call takes a minute: it comes before
/// the clock of a limit against hangs starts.
fn composed_file() -> &'static Path {
    static COMPOSED: OnceLock<PathBuf> = OnceLock::new();
    COMPOSED.get_or_init(|| {
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
        let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("plugin.wasm");
        let cargo = std::env::var_os("CARGO").expect("cargo runs the tests");
        let mut build = Command::new(cargo);
        build.current_dir(workspace).args(["xtask", "plugin", "--out"]).arg(&out);
        assert!(build.status().expect("cargo").success(), "the plugin is built and composed");
        out
    })
}

/// Compiled, which takes seconds too.
fn composed() -> &'static Component {
    static COMPOSED: OnceLock<Component> = OnceLock::new();
    COMPOSED.get_or_init(|| {
        let engine = Engine::new(Config::new().wasm_component_model_async(true)).unwrap();
        Component::from_file(&engine, composed_file()).unwrap()
    })
}

/// One instance of the plugin, and what it was granted.
struct Plugin {
    store: Store<State>,
    composed: Composed,
    disk: DiskCtx<PluginDisk>,
    hold: Hold,
}

impl Plugin {
    async fn on(dir: &Path) -> Plugin {
        let component = composed();
        let mut linker = Linker::new(component.engine());
        add_to_linker(&mut linker).unwrap();
        let pre = ComposedPre::new(linker.instantiate_pre(component).unwrap()).unwrap();

        let hold = Hold::new();
        let disk = DiskCtx::new(OsDisk::open(dir).unwrap().layered(hold.clone()));
        let wasi = WasiCtxBuilder::new().build();
        let state = State { wasi, disk: disk.clone(), table: ResourceTable::new() };
        let mut store = Store::new(component.engine(), state);
        let composed = pre.instantiate_async(&mut store).await.unwrap();
        Plugin { store, composed, disk, hold }
    }

    /// A trap fails the test; an error of the plugin does not.
    async fn run(&mut self, job: Job) -> Result<u64, String> {
        let jobs = self.composed.sample_plugin_jobs();
        let call = self.store.run_concurrent(async |accessor| jobs.call_run(accessor, job).await);
        call.await.and_then(|ended| ended).expect("the plugin does not trap")
    }
}

/// A directory that holds those of the plugins, `one` and `other`.
fn home() -> TempDir {
    let home = TempDir::new().unwrap();
    fs::create_dir(home.path().join("one")).unwrap();
    fs::create_dir(home.path().join("other")).unwrap();
    home
}

fn job(task: &str) -> Job {
    Job {
        task: task.to_owned(),
        run: "r1".to_owned(),
        text: "two words".to_owned(),
        timestamp: "2026-01-06T00:31:09Z".to_owned(),
        runs_root: None,
    }
}

/// The files below a directory, relative to it.
fn files_below(dir: &Path) -> BTreeSet<PathBuf> {
    let mut files = BTreeSet::new();
    let mut dirs = vec![dir.to_owned()];
    while let Some(next) = dirs.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                dirs.push(path);
            } else {
                files.insert(path.strip_prefix(dir).unwrap().to_owned());
            }
        }
    }
    files
}

fn files_of(task: &str) -> BTreeSet<PathBuf> {
    BTreeSet::from([
        format!(".runs/{task}/cli/r1/.heartbeat").into(),
        format!(".runs/{task}/cli/r1/manifest.json").into(),
        format!(".runs/{task}/r1/manifest.json").into(),
        format!("out/{task}/runs.json").into(),
    ])
}

fn is_manifest_write(call: &Call) -> bool {
    call.is(DiskOperation::Write, "manifest.json")
}

#[test]
fn a_plugin_imports_nothing_but_what_tandem_imports() {
    let [tandems_imports, _] = names(TANDEM);
    let [imports, exports] = names(&fs::read(composed_file()).unwrap());
    assert_eq!(imports, tandems_imports);
    assert_eq!(exports, BTreeSet::from(["sample:plugin/jobs@0.1.0".to_owned()]));
}

#[tokio::test]
async fn two_plugins_side_by_side_cannot_see_each_others_directory() {
    composed();
    within(async {
        let home = home();
        let (one, other) = (home.path().join("one"), home.path().join("other"));
        let (mut first, mut second) = (Plugin::on(&one).await, Plugin::on(&other).await);
        let (counted, other_counted) = tokio::join!(first.run(job("a")), second.run(job("b")));
        assert_eq!((counted, other_counted), (Ok(2), Ok(2)));
        assert_eq!(files_below(&one), files_of("a"));
        assert_eq!(files_below(&other), files_of("b"));
        let manifest = fs::read_to_string(one.join(".runs/a/cli/r1/manifest.json")).unwrap();
        assert_eq!(manifest, "{\n  \"status\": \"succeeded\",\n  \"words\": 2\n}\n");

        for root in ["../other", "..", "/", other.to_str().unwrap()] {
            let job = Job { runs_root: Some(root.to_owned()), ..job("a") };
            let error = first.run(job).await.expect_err(root);
            assert!(error.contains("runs_root"), "{root}: {error}");
        }
        symlink(&other, one.join("link")).unwrap();
        symlink("../other", one.join("relative")).unwrap();
        for root in ["link", "relative"] {
            let job = Job { runs_root: Some(root.to_owned()), ..job("a") };
            let error = first.run(job).await.expect_err(root);
            assert!(error.contains("not-permitted"), "{root}: {error}");
        }
        assert_eq!(files_below(&other), files_of("b"));
    })
    .await;
}

#[tokio::test]
async fn both_plugins_have_a_write_in_flight_at_once() {
    composed();
    within(async {
        let home = home();
        let mut first = Plugin::on(&home.path().join("one")).await;
        let mut second = Plugin::on(&home.path().join("other")).await;
        let gate = first.hold.before(is_manifest_write);
        let other_gate = second.hold.before(is_manifest_write);
        // Neither goes on before the other has come as far.
        let released = async {
            tokio::join!(gate.reached(1), other_gate.reached(1));
            gate.release();
            other_gate.release();
        };
        let (counted, other_counted, ()) =
            tokio::join!(first.run(job("a")), second.run(job("a")), released);
        assert_eq!((counted, other_counted), (Ok(2), Ok(2)));
    })
    .await;
}

#[tokio::test]
async fn bad_input_of_a_plugin_is_an_error_and_no_trap() {
    composed();
    within(async {
        let home = home();
        let dir = home.path().join("one");
        let mut plugin = Plugin::on(&dir).await;
        let long = "x".repeat(129);
        for task in ["", ".", "..", "a/b", "a\\b", "a\"b", "a\0b", "cli", long.as_str()] {
            let error = plugin.run(job(task)).await.expect_err(task);
            assert!(error.starts_with("task id"), "{task}: {error}");
            let error = plugin.run(Job { run: task.to_owned(), ..job("a") }).await.expect_err(task);
            assert!(error.starts_with("run id"), "{task}: {error}");
        }
        assert_eq!(files_below(&dir), BTreeSet::new());

        for timestamp in ["", "today", "2026-02-30T00:00:00Z"] {
            let job = Job { timestamp: timestamp.to_owned(), ..job("a") };
            let error = plugin.run(job).await.expect_err(timestamp);
            assert!(error.contains("timestamp"), "{timestamp}: {error}");
        }
        assert_eq!(plugin.run(job("a")).await, Ok(2));
    })
    .await;
}

#[tokio::test]
async fn what_a_plugin_began_before_it_was_dropped_can_be_waited_for() {
    composed();
    within(async {
        let home = home();
        let mut plugin = Plugin::on(&home.path().join("one")).await;
        let gate = plugin.hold.before(is_manifest_write);
        tokio::select! {
            _ = plugin.run(job("a")) => panic!("its write is held"),
            () = gate.reached(1) => {}
        }
        let disk = plugin.disk.clone();
        drop(plugin);
        assert!(disk.settled().now_or_never().is_none());
        gate.release();
        disk.settled().await;
    })
    .await;
}
