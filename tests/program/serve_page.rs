//! The page of `tandem serve` in a real browser.

use std::fs;

use serde_json::{Value, json};

use crate::chromium::Chromium;
use crate::runs::{Root, now};
use crate::serving::{Served, serve};
use crate::support::{run, tandem};

const ROWS: &str = "document.querySelectorAll('#body tr[data-key]').length";
const FOCUSED: &str =
    "document.activeElement.closest('tr')?.dataset.key ?? document.activeElement.id";

impl Chromium {
    /// Opens the page, and waits for what is in it.
    fn show(&mut self, served: &Served) {
        self.open(&format!("http://{}/", served.address));
        self.until_live();
    }

    fn until_live(&mut self) {
        self.until("document.getElementById('connection').dataset.state === 'live'");
    }

    /// The text of what an expression of CSS finds.
    fn text(&mut self, selector: &str) -> String {
        let text = self.ask(&format!("document.querySelector({selector:?})?.innerText ?? ''"));
        text.as_str().unwrap().to_owned()
    }

    #[track_caller]
    fn assert_no_problem(&self) {
        assert!(self.problems().is_empty(), "{:#?}", self.problems());
    }
}

/// Runs with names that sort as they began, the newest last.
fn with_runs(count: usize) -> Root {
    let root = Root::new();
    for at in 0..count {
        let (task, run) = (format!("task-{}", at % 10), format!("r{at:05}"));
        let dir = root.cli(&task).join(&run);
        fs::create_dir_all(&dir).unwrap();
        let status = if at % 7 == 3 { "failed" } else { "succeeded" };
        let manifest = json!({
            "status": status, "task_id": task, "run_id": run, "output_tail": "the end\n",
            "started_at": format!("2026-01-{:02}T{:02}:{:02}:00.000Z", 1 + at / 1440, at / 60 % 24, at % 60),
            "completed_at": format!("2026-01-{:02}T{:02}:{:02}:30.000Z", 1 + at / 1440, at / 60 % 24, at % 60),
        });
        fs::write(dir.join("manifest.json"), manifest.to_string()).unwrap();
    }
    root
}

#[test]
fn a_newcomer_is_told_what_to_do_and_sees_the_first_run_come() {
    let Some(mut browser) = Chromium::start() else { return };
    let root = Root::new();
    let served = Served::start(root.path());
    browser.show(&served);
    browser.until("!document.getElementById('empty').hidden");
    let told = browser.text("#empty");
    assert!(
        told.contains("No runs yet") && told.contains("tandem exec --task hello -- "),
        "{told}"
    );
    let mut exec = tandem(&["exec", "--task", "hello", "--root"]);
    assert!(run(exec.arg(root.path()).args(["--", "echo", "it works"])).status.success());
    browser.until("document.querySelector('#body tr[data-key] .state')?.innerText === 'done'");
    assert_eq!(browser.ask("document.getElementById('empty').hidden"), true);
    browser.ask("document.querySelector('#body .in-run a').click()");
    browser.until("document.querySelector('#run-view .text')?.innerText.includes('it works')");
    browser.until("document.querySelector('#run-view .plain code')?.innerText.includes('echo')");
    browser.ask("location.hash = '#/task/hello'");
    browser.until("document.querySelector('#task-view tbody th')?.innerText.length > 10");
    browser.assert_no_problem();
}

#[test]
fn all_is_done_by_keys_and_the_place_is_kept() {
    let Some(mut browser) = Chromium::start() else { return };
    let root = with_runs(300);
    let served = Served::start(root.path());
    browser.show(&served);
    browser.until("document.getElementById('shown').innerText === '300 runs'");
    browser.press("/");
    assert_eq!(browser.ask(FOCUSED), "search");
    browser.write("task-3");
    browser.until("document.getElementById('shown').innerText === '30 of 300 runs'");
    assert_eq!(browser.ask("location.hash"), "#/?search=task-3");
    browser.press("ArrowDown");
    assert_eq!(browser.ask(FOCUSED), "task-3/r00293");
    browser.press("ArrowDown");
    assert_eq!(browser.ask(FOCUSED), "task-3/r00283");
    browser.press("Enter");
    browser.until("document.querySelector('#run-view .named')?.innerText === 'r00283'");
    assert_eq!(browser.ask("location.hash"), "#/run/task-3/r00283");
    assert_eq!(browser.ask("document.activeElement.id"), "run-title");
    browser.until("document.querySelector('#run-view .text').innerText.trim() === 'the end'");
    browser.press("Escape");
    browser.until("!document.getElementById('list-view').hidden");
    assert_eq!(browser.ask(FOCUSED), "task-3/r00283");
    assert_eq!(browser.ask("location.hash"), "#/?search=task-3");
    // The browser's own ways are the same.
    browser.ask("history.forward()");
    browser.until("!document.getElementById('run-view').hidden");
    browser.ask("history.back()");
    browser.until("!document.getElementById('list-view').hidden");
    // To the ends, and by pages, through what is not in the page yet.
    browser.press("/");
    browser.press("Escape");
    browser.until("document.getElementById('shown').innerText === '300 runs'");
    browser.press("Escape");
    for (key, run) in [("Home", "r00299"), ("End", "r00000"), ("ArrowDown", "r00000")] {
        browser.press(key);
        let focused = browser.ask(FOCUSED);
        assert!(focused.as_str().unwrap().ends_with(run), "{key}: {focused}");
    }
    browser.press("PageUp");
    assert_ne!(browser.ask(FOCUSED), "task-0/r00000");
    // What can be seen of the row is all of it.
    let is_seen = "(() => { const row = document.activeElement.closest('tr').getBoundingClientRect();
        const [box, head] = ['scroller', 'head'].map((id) => document.getElementById(id).getBoundingClientRect());
        return row.top >= head.bottom - 1 && row.bottom <= box.bottom + 1 })()";
    assert_eq!(browser.ask(is_seen), true);
    browser.assert_no_problem();
}

#[test]
fn a_change_takes_neither_the_focus_nor_the_place() {
    let Some(mut browser) = Chromium::start() else { return };
    let root = with_runs(300);
    let served = Served::start(root.path());
    browser.show(&served);
    browser.until("document.getElementById('shown').innerText === '300 runs'");
    browser.ask("document.getElementById('scroller').focus()");
    for _ in 0..6 {
        browser.press("PageDown");
    }
    let (focused, top) =
        (browser.ask(FOCUSED), "document.activeElement.getBoundingClientRect().top");
    let before = browser.ask(top);
    for at in 0..3 {
        root.manifest_of(
            "new",
            &format!("n{at}"),
            &json!({"status": "queued", "started_at": now()}),
        );
    }
    root.manifest_of("task-0", "r00000", &json!({"status": "failed"}));
    browser.until("document.getElementById('shown').innerText === '303 runs'");
    assert_eq!(browser.ask(FOCUSED), focused);
    assert_eq!(browser.ask(top), before);
    browser.assert_no_problem();
}

#[test]
fn ten_thousand_runs_are_searched_filtered_and_sorted() {
    let Some(mut browser) = Chromium::start() else { return };
    let root = with_runs(10_000);
    let served = Served::start(root.path());
    browser.show(&served);
    browser.until("document.getElementById('shown').innerText === '10,000 runs'");
    assert!(browser.ask(ROWS).as_u64().unwrap() < 100);
    assert_eq!(
        browser.ask("document.getElementById('table').getAttribute('aria-rowcount')"),
        "10001"
    );
    let first = "document.querySelector('#body tr[data-key]').dataset.key";
    assert_eq!(browser.ask(first), "task-9/r09999");
    browser.ask("document.querySelector('[data-column=run] button').click()");
    assert_eq!(browser.ask(first), "task-0/r00000");
    let sorted = "document.querySelector('[aria-sort]').getAttribute('aria-sort') + document.querySelector('[aria-sort]').dataset.column";
    assert_eq!(browser.ask(sorted), "ascendingrun");
    browser.ask("document.querySelector('[data-column=run] button').click()");
    assert_eq!(
        (browser.ask(first), browser.ask(sorted)),
        (json!("task-9/r09999"), json!("descendingrun"))
    );
    browser.ask("document.querySelector('.chip[data-own=failed]').click()");
    browser.until("document.getElementById('shown').innerText === '1,429 of 10,000 runs'");
    browser.ask("document.getElementById('task').focus()");
    browser.write("task-4");
    browser.until("document.getElementById('shown').innerText === '143 of 10,000 runs'");
    assert_eq!(browser.ask("location.hash"), "#/?task=task-4&state=failed&sort=-run");
    // The address is enough to come to the same again.
    browser.call("Page.reload", json!({}));
    browser.until("document.getElementById('shown').innerText === '143 of 10,000 runs'");
    root.manifest_of("task-4", "r00004", &json!({"status": "failed"}));
    browser.until("document.getElementById('shown').innerText === '144 of 10,000 runs'");
    browser.assert_no_problem();
}

#[test]
fn a_hostile_manifest_does_nothing() {
    let Some(mut browser) = Chromium::start() else { return };
    let root = Root::new();
    let bad = "<img src=x onerror='hacked=1'><script>hacked=1</script>\"'`\u{202e}${hacked=1}\u{1b}]0;x\u{7}javascript:hacked=1";
    let step = json!({"index": bad, "id": bad, "title": bad, "command": bad, "kind": bad,
                      "status": bad, "started_at": bad, "completed_at": bad, "exit_code": bad,
                      "summary": bad, "log_path": bad, "command_is_cut": bad});
    let hostile = |status: &str| {
        json!({
            "version": bad, "task_id": bad, "run_id": bad, "parent_run_id": bad, "runner": bad,
            "status": status, "status_detail": bad, "started_at": bad, "completed_at": bad,
            "updated_at": bad, "heartbeat_at": bad, "heartbeat_interval_seconds": bad,
            "heartbeat_stale_after_seconds": bad, "artifact_root": bad, "log_path": bad,
            "summary": bad, "commands": [step, {}, null, 7, [step]], "output_tail": bad,
            "stdout_bytes": bad, "stderr_bytes": bad, "__proto__": {"hacked": 1}, bad: bad,
        })
    };
    root.manifest("hostile", &hostile(bad));
    root.manifest("done", &hostile("succeeded"));
    root.manifest("going", &hostile("in_progress"));
    // Names that are no ids, and are text on the disk all the same.
    let name = "<img src=x onerror=hacked=1>";
    root.manifest_of(name, name, &hostile("failed"));
    let entry = json!({"taskId": "task", "runId": bad, "timestamp": bad, "status": bad,
                       "command": bad, "startedAt": bad, "statusDetail": bad});
    let timed = |run: &str| {
        json!({"taskId": "task", "runId": run, "timestamp": "2026-01-06T00:00:09Z",
                       "startedAt": "2026-01-06T00:00:00Z", "status": bad, "command": bad})
    };
    let dir = root.path().join("out/task");
    fs::create_dir_all(&dir).unwrap();
    let history =
        json!({"taskId": "task", "lastRunAt": bad, "runs": [entry, timed("a<b>"), timed("'\"&")]});
    fs::write(dir.join("runs.json"), history.to_string()).unwrap();

    let served = Served::start(root.path());
    browser.show(&served);
    browser.until(&format!("{ROWS} === 4"));
    for run in ["hostile", "done", "going"] {
        browser.ask(&format!("location.hash = '#/run/task/{run}'"));
        browser.until(&format!("document.querySelector('#run-view .named').innerText === '{run}' && document.querySelectorAll('#run-view .part:not([hidden])').length === 3"));
        let shown = browser.text("#run-view");
        assert!(
            shown.contains("<script>hacked=1</script>") && shown.contains("\\u{202e}"),
            "{shown}"
        );
    }
    browser.ask("location.hash = '#/task/task'");
    browser.until("document.querySelectorAll('#task-view .part:last-child tbody tr').length === 3");
    browser.until("document.querySelector('#task-view svg[role=img]') !== null");
    let name = "%3Cimg%20src=x%20onerror=hacked=1%3E";
    for hash in [format!("#/run/{name}/{name}"), format!("#/task/{name}"), "#/run/%/%".to_owned()] {
        browser.ask(&format!("location.hash = {hash:?}"));
        browser.until(
            "document.querySelector('#list-view:not([hidden]), .problem:not([hidden])') !== null",
        );
    }
    browser.ask("location.hash = '#/?search=<img src=x onerror=hacked=1>'");
    browser.until("document.getElementById('shown').innerText.includes('of 4 runs')");
    assert_eq!(browser.ask("typeof hacked + typeof ({}).hacked"), "undefinedundefined");
    assert_eq!(
        browser.ask("document.querySelectorAll('img, iframe, object, body script').length"),
        0
    );
    assert_eq!(browser.ask("document.querySelectorAll('a[href]').length > 0 && [...document.links].every((link) => link.protocol === 'http:')"), true);
    let own = format!("http://{}/", served.address);
    assert!(browser.requests().all(|address| address.starts_with(&own)));
    browser.assert_no_problem();
}

#[test]
fn the_connection_and_the_store_are_told() {
    let Some(mut browser) = Chromium::start() else { return };
    let base = tempfile::tempdir().unwrap();
    let path = base.path().join("root");
    let put = |status: &str| {
        let dir = path.join(".runs/task/cli/run");
        fs::create_dir_all(&dir).unwrap();
        fs::write(dir.join("new"), json!({"status": status}).to_string()).unwrap();
        fs::rename(dir.join("new"), dir.join("manifest.json")).unwrap();
    };
    put("queued");
    let served = Served::start(&path);
    browser.show(&served);
    let state = "document.querySelector('#body .state')?.innerText";
    browser.until(&format!("{state} === 'queued'"));
    fs::rename(&path, base.path().join("away")).unwrap();
    browser.until("document.getElementById('connection').innerText === 'store away'");
    assert!(
        browser.text("#banner").starts_with("The store cannot be reached: the root does not exist")
    );
    assert_eq!(browser.ask(state), "queued");
    fs::rename(base.path().join("away"), &path).unwrap();
    browser.until_live();
    assert_eq!(browser.ask("document.getElementById('banner').hidden"), true);
    // The server ends, and another one comes to its place.
    let address = served.address.clone();
    drop(served);
    browser.until("document.getElementById('connection').innerText === 'reconnecting'");
    put("failed");
    let _again = Served::of(&mut serve(&path, &address));
    browser.until_live();
    browser.until(&format!("{state} === 'failed'"));
    browser.assert_no_problem();
}

#[test]
fn a_screen_reader_finds_a_table_with_names_and_states() {
    let Some(mut browser) = Chromium::start() else { return };
    let root = with_runs(30);
    let served = Served::start(root.path());
    browser.show(&served);
    browser.until(&format!("{ROWS} > 10"));
    let tree = browser.call("Accessibility.getFullAXTree", json!({}))["nodes"].take();
    let nodes: Vec<(String, String)> = tree
        .as_array()
        .unwrap()
        .iter()
        .filter(|node| node["ignored"] != true)
        .map(|node| {
            let value = |name: &str| node[name]["value"].as_str().unwrap_or_default().to_owned();
            (value("role"), value("name"))
        })
        .collect();
    let has = |role: &str, name: &str| nodes.iter().any(|node| *node == (role.into(), name.into()));
    for (role, name) in [
        ("heading", "Runs"),
        ("searchbox", "Search in tasks, runs and details"),
        ("columnheader", "Started"),
        ("rowheader", "r00029"),
        ("link", "r00029"),
        ("region", "Table of runs"),
        ("group", "States"),
        ("status", ""),
    ] {
        assert!(has(role, name), "{role} {name}: {nodes:#?}");
    }
    assert!(nodes.iter().any(|(role, name)| role == "button" && name.contains("failed")));
    assert!(nodes.iter().any(|(role, _)| role == "table"));
    // Every control has a name.
    let is_control = |role: &str| ["button", "link", "searchbox", "combobox"].contains(&role);
    assert!(nodes.iter().all(|(role, name)| !is_control(role) || !name.is_empty()), "{nodes:#?}");
}

/// The contrast of texts to what is behind them, of those that are too low.
const FAINT: &str = "(() => {
    const parts = (colour) => colour.match(/[\\d.]+/g).map(Number);
    const light = ([r, g, b]) => [r, g, b].map((it) => it / 255)
        .map((it) => (it <= 0.04045 ? it / 12.92 : ((it + 0.055) / 1.055) ** 2.4))
        .reduce((sum, it, at) => sum + it * [0.2126, 0.7152, 0.0722][at], 0);
    const ground = (element) => {
        for (let at = element; at !== null; at = at.parentElement) {
            const colour = parts(getComputedStyle(at).backgroundColor);
            if (colour.length === 3 || colour[3] === 1) return colour;
        }
        return [255, 255, 255];
    };
    const faint = [];
    for (const element of document.querySelectorAll('body *')) {
        const has = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim() !== '');
        if (!has || element.checkVisibility?.() === false) continue;
        const [a, b] = [light(parts(getComputedStyle(element).color)), light(ground(element))].sort((a, b) => b - a);
        const contrast = (a + 0.05) / (b + 0.05);
        if (contrast < 4.5) faint.push(`${element.textContent.trim().slice(0, 30)}: ${contrast.toFixed(2)}`);
    }
    return faint;
})()";

#[test]
fn texts_can_be_read_by_day_and_by_night_and_on_a_small_screen() {
    let Some(mut browser) = Chromium::start() else { return };
    let root = with_runs(40);
    for (run, status) in [("a", "queued"), ("b", "cancelled"), ("c", "in_progress"), ("d", "odd")] {
        root.manifest(run, &json!({"status": status, "started_at": now(), "heartbeat_at": now()}));
    }
    root.manifest("e", &json!({"status": "in_progress", "heartbeat_at": "2020-01-01T00:00:00Z"}));
    root.run_dir("empty");
    let entry = |at: usize| {
        json!({"taskId": "task-1", "runId": format!("r{at}"), "status": if at.is_multiple_of(2) { "succeeded" } else { "failed" },
               "startedAt": "2026-01-06T00:00:00Z", "timestamp": format!("2026-01-06T00:00:{at:02}Z")})
    };
    fs::create_dir_all(root.path().join("out/task-1")).unwrap();
    let history =
        json!({"taskId": "task-1", "lastRunAt": "", "runs": (1..9).map(entry).collect::<Vec<_>>()});
    fs::write(root.path().join("out/task-1/runs.json"), history.to_string()).unwrap();
    let served = Served::start(root.path());
    browser.show(&served);
    browser.until("document.getElementById('shown').innerText === '46 runs'");
    for (hash, shown) in [
        ("#/", "!document.getElementById('list-view').hidden"),
        (
            "#/run/task-1/r00031",
            "document.querySelectorAll('#run-view .part:not([hidden])').length === 2",
        ),
        ("#/task/task-1", "document.querySelector('#task-view svg[role=img]') !== null"),
    ] {
        browser.ask(&format!("location.hash = {hash:?}"));
        browser.until(shown);
        for scheme in ["light", "dark"] {
            let media = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
            browser.call("Emulation.setEmulatedMedia", media);
            for (width, height) in [(1280, 800), (400, 800)] {
                browser.resize(width, height);
                browser.until(&format!("innerWidth === {width}"));
                assert_eq!(browser.ask(FAINT), Value::Array(Vec::new()), "{hash} {scheme} {width}");
                let is_within = "document.documentElement.scrollWidth <= innerWidth";
                assert_eq!(browser.ask(is_within), true, "{hash} {width}");
            }
        }
    }
    browser.assert_no_problem();
}
