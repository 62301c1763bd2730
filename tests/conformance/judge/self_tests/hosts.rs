//! The list of hosts.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::host::Host;

fn hosts_of(list: &Value) -> Result<Vec<Host>, String> {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), list.to_string()).unwrap();
    Host::read_all(file.path())
}

fn entry(name: &str) -> Value {
    json!({"name": name, "title": "A host", "calls": "wait", "names": "snake"})
}

pub fn a_host_has_a_player_and_says_how_it_calls() {
    hosts_of(&json!([entry("rust")])).unwrap();
    let error = hosts_of(&json!([entry("other")])).unwrap_err();
    assert!(error.contains("other has no player"), "{error}");
    for (field, value) in [("calls", json!("sing")), ("names", Value::Null), ("more", json!(1))] {
        let mut other = entry("rust");
        other[field] = value;
        hosts_of(&json!([other])).expect_err(field);
    }
}

pub fn a_player_that_is_not_set_up_is_told_in_words() {
    let mut other = entry("other");
    other["player"] = json!(["no/such/program", "player.js"]);
    let hosts = hosts_of(&json!([other, entry("rust")])).unwrap();
    let error = hosts[0].must_be_there(Path::new("/repository")).unwrap_err();
    let parts = ["other is to be played", "/repository/no/such/program", "cargo xtask hosts other"];
    assert!(parts.iter().all(|part| error.contains(part)), "{error}");
    hosts[1].must_be_there(Path::new("/repository")).unwrap();
}

pub fn contributing_shows_a_player_as_it_is() {
    let read = |path: &str| fs::read_to_string(tandem_tests::workspace().join(path)).unwrap();
    let player = read("bindings/js/test/player.js");
    let shown = format!("```js\n{player}```\n");
    assert!(read("CONTRIBUTING.md").contains(&shown), "copy bindings/js/test/player.js there");
}
