//! `tandem serve`: who gets which answer.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::symlink;
use std::process::Stdio;

use rustix::process::Signal;
use serde_json::json;

use crate::runs::Root;
use crate::serving::{Served, serve};
use crate::support::{Guarded, assert_one_line, kill, run, text};

const FILES: [(&str, &str); 4] = [
    ("/", "text/html; charset=utf-8"),
    ("/page.css", "text/css; charset=utf-8"),
    ("/page.js", "text/javascript; charset=utf-8"),
    ("/icon.svg", "image/svg+xml"),
];

#[test]
fn every_answer_keeps_the_page_to_itself() {
    let root = Root::new();
    root.manifest("run", &json!({"status": "succeeded"}));
    let served = Served::start(root.path());
    for (path, kind) in FILES {
        let reply = served.get(path);
        assert_eq!((reply.status, reply.header("content-type")), (200, Some(kind)), "{path}");
    }
    for (path, status) in [
        ("/", 200),
        ("/api/run?task=task&run=run", 200),
        ("/api/task?task=task", 200),
        ("/api/run?task=task&run=none", 404),
        ("/api/run?task=task&run=..", 400),
        ("/none", 404),
    ] {
        let reply = served.get(path);
        assert_eq!(reply.status, status, "{path}");
        let policy = reply.header("content-security-policy").unwrap();
        for part in
            ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"]
        {
            assert!(policy.contains(part), "{policy}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-resource-policy", "same-origin"),
            ("cache-control", "no-store"),
        ] {
            assert_eq!(reply.header(name), Some(value), "{path}");
        }
        assert_eq!(reply.header("access-control-allow-origin"), None);
    }
}

#[test]
fn the_page_needs_nothing_but_its_own_files() {
    let root = Root::new();
    let served = Served::start(root.path());
    let page = served.get("/").body;
    // No script or style in it, and nothing of another place.
    assert!(!page.contains(" on") && !page.contains("style=") && !page.contains("<style"));
    assert_eq!(page.matches("<script").count(), 1);
    let script = served.get("/page.js").body;
    for name in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("] {
        assert!(!script.contains(name), "{name}");
    }
    for (path, _) in FILES {
        let body = served.get(path).body.replace("http://www.w3.org/2000/svg", "");
        assert!(!body.contains("http://") && !body.contains("https://"), "{path}");
    }
}

#[test]
fn only_what_reads_is_answered() {
    let root = Root::new();
    let served = Served::start(root.path());
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "OTHER"] {
        for path in ["/", "/api/events", "/none"] {
            let reply = served.ask(method, path, "");
            assert_eq!(reply.refusal(405), "only GET and HEAD are answered");
            assert_eq!(reply.header("allow"), Some("GET, HEAD"));
        }
    }
    let whole = served.get("/");
    let head = served.ask("HEAD", "/", "");
    assert_eq!((head.status, &*head.body), (200, ""));
    assert_eq!(head.header("content-length"), Some(&*whole.body.len().to_string()));
    // Nobody reads what would follow.
    assert_eq!(served.ask("HEAD", "/api/events", "").status, 200);
    assert_eq!(served.send("no request\r\n\r\n").status, 400);
}

#[test]
fn a_name_that_may_be_another_machine_s_is_refused() {
    let root = Root::new();
    let served = Served::start(root.path());
    let ask = |host: &str, target: &str| {
        served.send(&format!("GET {target} HTTP/1.1\r\n{host}Connection: close\r\n\r\n"))
    };
    for host in ["localhost", "LocalHost:1", "127.0.0.1", "127.0.0.1:9999", "[::1]:80"] {
        assert_eq!(ask(&format!("Host: {host}\r\n"), "/").status, 200, "{host}");
    }
    for host in ["example.com", "127.0.0.1.example.com", "localhost.example.com", "10.0.0.1", ""] {
        for target in ["/", "/api/events", "/api/run?task=t&run=r", "/none"] {
            let reply = ask(&format!("Host: {host}\r\n"), target);
            let told = reply.refusal(421);
            assert!(told.ends_with(&format!("not for {host}").trim_end()), "{told}");
        }
    }
    let told = ask("Host: example.com\u{1b}[31m\r\n", "/");
    assert!(!told.body.contains('\u{1b}'));
    assert_eq!(ask("", "/").refusal(421), "a request must name one host");
    ask("Host: localhost\r\nHost: example.com\r\n", "/").refusal(421);
    ask("Host: localhost\r\n", "http://example.com/").refusal(421);
}

#[test]
fn another_page_gets_no_answer() {
    let root = Root::new();
    root.manifest("run", &json!({"status": "succeeded"}));
    let served = Served::start(root.path());
    let path = "/api/run?task=task&run=run";
    for site in ["cross-site", "same-site"] {
        let reply = served.ask("GET", path, &format!("Sec-Fetch-Site: {site}\r\n"));
        assert_eq!(reply.refusal(403), "only the page itself is answered");
    }
    for site in ["same-origin", "none"] {
        let reply = served.ask("GET", path, &format!("Sec-Fetch-Site: {site}\r\n"));
        assert_eq!(reply.status, 200);
    }
    // A link leads to it.
    assert_eq!(served.ask("GET", "/", "Sec-Fetch-Site: cross-site\r\n").status, 200);
}

#[test]
fn a_manifest_is_served_as_it_is() {
    let root = Root::new();
    let text = "{\"status\": \"succeeded\", \"output_tail\": \"</script>\\u001b[31m é\"}\n";
    fs::write(root.run_dir("run").join("manifest.json"), text).unwrap();
    let served = Served::start(root.path());
    let told = served.get("/api/run?task=task&run=run").json();
    assert_eq!(told["manifest"], text);
    assert_eq!((&told["bytes"], &told["is_cut"]), (&text.len().into(), &false.into()));
    assert!(told["problem"].is_null());
}

#[test]
fn what_is_no_manifest_is_told_with_what_is_wrong() {
    let root = Root::new();
    let served = Served::start(root.path());
    let put = |run: &str, bytes: &[u8]| {
        fs::write(root.run_dir(run).join("manifest.json"), bytes).unwrap();
    };
    put("text", b"{\"status\": ");
    put("binary", b"\xff\xfe\0");
    put("void", b"");
    root.run_dir("empty");
    fs::create_dir(root.run_dir("directory").join("manifest.json")).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        root.run_dir("pipe").join("manifest.json"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RWXU,
        0,
    )
    .unwrap();
    for (run, why) in [
        ("text", "bad manifest: "),
        ("binary", "the manifest is not UTF-8"),
        ("void", "the manifest is empty"),
        ("directory", "manifest.json is a directory"),
        ("pipe", "manifest.json is a pipe"),
    ] {
        let told = served.get(&format!("/api/run?task=task&run={run}")).json();
        assert!(told["problem"].as_str().unwrap().starts_with(why), "{told}");
    }
    let reply = served.get("/api/run?task=task&run=empty");
    assert_eq!(reply.refusal(404), "this run has no manifest");
    // A large one is cut.
    let long = format!("{{\"status\": \"succeeded\", \"a\": \"{}\"}}", "é".repeat(1024 * 1024));
    put("long", long.as_bytes());
    let told = served.get("/api/run?task=task&run=long").json();
    assert_eq!((&told["is_cut"], &told["bytes"]), (&true.into(), &long.len().into()));
    assert!(long.starts_with(told["manifest"].as_str().unwrap()));
    assert!(served.get("/api/run?task=task&run=long").body.len() < 3 * 1024 * 1024);
}

#[test]
fn nothing_outside_of_the_runs_is_read() {
    let root = Root::new();
    let outside = tempfile::tempdir().unwrap();
    let secret = json!({"status": "succeeded", "summary": "s3cret"}).to_string();
    fs::write(outside.path().join("manifest.json"), &secret).unwrap();
    fs::create_dir_all(root.path().join(".runs/task/cli/run")).unwrap();
    fs::write(root.path().join("manifest.json"), &secret).unwrap();
    fs::write(root.path().join(".runs/manifest.json"), &secret).unwrap();
    fs::write(root.path().join(".runs/task/manifest.json"), &secret).unwrap();
    // Links lead out of the root, as a run, as a task, and in the place of the file.
    symlink(outside.path(), root.cli("task").join("link")).unwrap();
    symlink(outside.path(), root.path().join(".runs/out")).unwrap();
    let manifest = outside.path().join("manifest.json");
    symlink(manifest, root.run_dir("file").join("manifest.json")).unwrap();
    let served = Served::start(root.path());
    for (task, run) in [
        ("task", ".."),
        ("task", "%2e%2e"),
        ("task", "."),
        ("task", "..%2f.."),
        ("task", "../.."),
        ("task", "%2fetc"),
        ("task", "a%5cb"),
        ("task", "run%00"),
        ("task", ""),
        ("..", ".."),
        ("%2e%2e", "run"),
        ("..%2f.runs%2ftask", "run"),
        (".", "task"),
        ("task.lock", "run"),
        ("cli", "run"),
        ("task", "%ff"),
        ("task", "%"),
        ("task&task=other", "run"),
    ] {
        let reply = served.get(&format!("/api/run?task={task}&run={run}"));
        reply.refusal(400);
        let reply = served.get(&format!("/api/task?task={run}"));
        assert!(!reply.body.contains("s3cret"), "{}", reply.body);
    }
    served.get(&format!("/api/run?task=task&run={}", "1".repeat(5000))).refusal(400);
    served.get("/api/run?task=task").refusal(400);
    served.get("/api/task").refusal(400);
    for (task, run) in [("task", "link"), ("out", "run"), ("task", "file"), ("task", "run")] {
        let reply = served.get(&format!("/api/run?task={task}&run={run}"));
        assert!(!reply.body.contains("s3cret"), "{}", reply.body);
    }
    for path in
        ["/../manifest.json", "/.runs/manifest.json", "/%2e%2e/manifest.json", "//", "/page.js/"]
    {
        served.get(path).refusal(404);
    }
}

#[test]
fn a_history_has_its_newest_entries_with_their_durations() {
    let root = Root::new();
    let entry = |run: usize, status: &str, s: usize| {
        json!({
            "taskId": "task", "runId": format!("r{run}"), "status": status, "command": "make <b>",
            "startedAt": format!("2026-01-06T00:{:02}:00.000Z", run % 60),
            "timestamp": format!("2026-01-06T{:02}:{:02}:{s:02}.500Z", run / 60, run % 60),
        })
    };
    let runs: Vec<_> = (0..600).map(|run| entry(run, "succeeded", 1)).collect();
    let dir = root.path().join("out/task");
    fs::create_dir_all(&dir).unwrap();
    let history = json!({"taskId": "task", "lastRunAt": "", "runs": runs});
    fs::write(dir.join("runs.json"), history.to_string()).unwrap();
    let served = Served::start(root.path());
    let told = served.get("/api/task?task=task").json();
    let entries = told["entries"].as_array().unwrap();
    assert_eq!((&told["total"], entries.len()), (&600.into(), 500));
    assert_eq!((&entries[0]["run"], &entries[0]["state"]), (&json!("r599"), &json!("done")));
    assert_eq!(entries.last().unwrap()["run"], "r100");
    let second_hour = entries.iter().find(|it| it["run"] == "r119").unwrap();
    assert_eq!(
        (&second_hour["took_ms"], &second_hour["detail"]),
        (&3_601_500.into(), &"make <b>".into())
    );
    // One that is none is told, and of a task without one there is nothing.
    assert_eq!(served.get("/api/task?task=other").json(), json!({"total": 0, "entries": []}));
    fs::create_dir_all(root.path().join("out/bad/runs.json")).unwrap();
    let reply = served.get("/api/task?task=bad");
    assert!(reply.refusal(500).contains("out/bad/runs.json"), "{}", reply.body);
}

#[test]
fn a_signal_ends_it_whoever_views() {
    for (signal, code) in [(Signal::TERM, 143), (Signal::INT, 130), (Signal::HUP, 129)] {
        let root = Root::new();
        root.manifest("run", &json!({"status": "in_progress"}));
        let mut served = Served::start(root.path());
        let mut events = served.events();
        events.all();
        // One that has asked for nothing, and one that has asked for half.
        let _silent = TcpStream::connect(&served.address).unwrap();
        kill(&served.child, signal);
        assert_eq!(served.child.wait().code(), Some(code));
    }
}

#[test]
fn what_it_cannot_begin_with_is_told_in_one_line() {
    let root = Root::new();
    let none = root.path().join("none");
    let told = assert_one_line(&run(&mut serve(&none, "127.0.0.1:0")), 1);
    assert!(told.starts_with("tandem serve: the root does not exist: "), "{told}");
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let told = assert_one_line(&run(&mut serve(root.path(), &address)), 1);
    assert!(told.starts_with(&format!("tandem serve: cannot listen on {address}: ")), "{told}");
    for listen in ["8263", "localhost:8263", "127.0.0.1", "127.0.0.1:70000"] {
        assert_one_line(&run(&mut serve(root.path(), listen)), 2);
    }
}

#[test]
fn an_address_that_cannot_be_told_ends_it() {
    let root = Root::new();
    let mut closed = serve(root.path(), "127.0.0.1:0");
    crate::support::before_start(&mut closed, || {
        // SAFETY: a plain value.
        unsafe { libc::close(1) };
    });
    let output = run(&mut closed);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("cannot write to standard output"), "{output:?}");
    // Nobody reads: that is no failure.
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut unread = serve(root.path(), "127.0.0.1:0");
    let mut unread =
        Guarded::spawn(unread.stdin(Stdio::null()).stdout(writer).stderr(Stdio::piped()));
    assert_eq!(unread.wait().code(), Some(0));
}

#[test]
fn an_address_that_others_can_reach_is_warned_of() {
    let root = Root::new();
    let mut served = Served::of(&mut serve(root.path(), "0.0.0.0:0"));
    let port = served.address.rsplit_once(':').unwrap().1.to_owned();
    served.address = format!("127.0.0.1:{port}");
    // Whoever reaches it there may know it by any name.
    let reply = served.send("GET / HTTP/1.0\r\nHost: runs.example.com\r\n\r\n");
    assert_eq!(reply.status, 200);
    kill(&served.child, Signal::TERM);
    let output = served.child.output();
    let told = text(&output.stderr);
    assert!(told.starts_with("tandem serve: warning: whoever can reach the address "), "{told}");
    assert_eq!(told.lines().count(), 1);
}
