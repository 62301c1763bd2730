//! What a summary must hold.

use super::*;

fn refused(text: &str) -> String {
    let place = Place::new();
    let error = place.record(text).expect_err(text);
    assert_eq!(place.disk.take_calls(), [""; 0], "nothing touches the disk: {text}");
    match error {
        Error::InvalidInput { channel, message } => {
            assert_eq!(channel, Some(Channel::Summary), "{text}");
            message
        }
        Error::InvalidId(message) => message,
        other => panic!("{text}: {other:?}"),
    }
}

#[test]
fn a_summary_is_a_json_object() {
    for text in ["", "{", "{'a':1}", "\u{feff}\u{feff}{}"] {
        assert!(refused(text).starts_with("summary is no valid JSON: "), "{text}");
    }
    for text in ["null", "[]", "1"] {
        assert_eq!(refused(text), "summary is no JSON object");
    }
}

#[test]
fn a_summary_has_each_of_its_members_once_and_as_a_string() {
    for name in ["taskId", "runId", "timestamp"] {
        let missing = summary(1).replace(name, "other");
        assert_eq!(refused(&missing), format!("summary has no {name}"));
        let doubled = summary(1).replacen('{', &format!("{{\"{name}\":\"x\","), 1);
        assert_eq!(refused(&doubled), format!("summary has more than one {name}"));
        let mut value: Value = serde_json::from_str(&summary(1)).expect("JSON");
        value[name] = 7.into();
        assert_eq!(refused(&value.to_string()), format!("summary has a {name} that is no string"));
    }
}

#[test]
fn a_summary_is_of_the_task_that_is_named() {
    let place = Place::new();
    let given = RecordOptions { task_id: Some("task".into()), ..NO_OPTIONS };
    place.record_with(&summary(1), settings_of(given.clone())).expect("they agree");
    place.disk.take_calls();
    let other = summary(1).replace("\"task\"", "\"other\"");
    let error = place.record_with(&other, settings_of(given)).expect_err("they do not");
    assert_eq!(error.to_string(), "summary is of another task than \"task\": \"other\"");
    assert_eq!(place.disk.take_calls(), [""; 0]);
}

#[test]
fn a_summary_names_its_task_alone() {
    let place = Place::new();
    place.record(&summary(1).replace("\"task\"", "\"other\"")).expect("recorded");
    assert!(place.disk.file("out/other/runs.json").is_some());
    assert!(place.disk.file(".runs/other/r1/manifest.json").is_some());
}

#[test]
fn both_ids_keep_the_rules_of_ids() {
    for id in ["", "..", "a/b", "cli", "x.lock", "con", "a ", ".a", "a:b"] {
        let value = serde_json::json!(
            {"taskId": "task", "runId": id, "timestamp": "2026-01-06T00:00:01Z"}
        );
        assert!(refused(&value.to_string()).starts_with("run id "), "{id}");
        let task = summary(1).replace("\"task\"", &serde_json::json!(id).to_string());
        assert!(refused(&task).starts_with("task id "), "{id}");
        let given = RecordOptions { task_id: Some(id.into()), ..NO_OPTIONS };
        let error = RecordSettings::new(given, &Limits::default()).expect_err(id);
        assert!(matches!(error, Error::InvalidId(_)), "{error}");
    }
}

#[test]
fn a_timestamp_of_another_form_is_refused() {
    for timestamp in ["", "2026-01-06", "2026-01-06T00:00:01", "2026-02-30T00:00:01Z"] {
        let value = serde_json::json!({"taskId": "task", "runId": "r", "timestamp": timestamp});
        let expected = format!(
            "summary has a timestamp that is not YYYY-MM-DDTHH:MM:SS[.fraction]Z: {timestamp:?}"
        );
        assert_eq!(refused(&value.to_string()), expected);
    }
}

#[test]
fn an_id_that_is_no_unicode_is_refused() {
    let odd = summary(1).replace("r1", "\\ud800x");
    assert_eq!(refused(&odd), "summary has a runId that is no valid Unicode");
}

#[test]
fn escapes_are_understood_and_kept() {
    let place = Place::new();
    let text =
        r#"{"\u0074askId":"t\u0061sk","runId":"r\u0031","timestamp":"2026-01-06T00:00:01\u005a"}"#;
    place.record(text).expect("recorded");
    assert_eq!(place.history(None).expect("a history").last_run_at, "2026-01-06T00:00:01Z");
    let file = place.disk.file(HISTORY_FILE).expect("a history");
    assert!(file.contains(r#""lastRunAt": "2026-01-06T00:00:01\u005a""#), "{file}");
    assert!(file.contains(r#""\u0074askId": "t\u0061sk""#), "{file}");
}

#[test]
fn a_summary_is_bounded() {
    let nested = |n: usize| {
        let deep = format!("{}1{}", "[".repeat(n), "]".repeat(n));
        summary(1).replacen('{', &format!("{{\"deep\":{deep},"), 1)
    };
    Place::new().record(&nested(124)).expect("recorded");
    assert_eq!(refused(&nested(125)), "summary nests deeper than 125 levels");
    let place = Place::new();
    let small = RecordSettings { max_summary_bytes: 50, ..options() };
    let error = place.record_with(&summary(1), small).expect_err("too large");
    let bytes = summary(1).len();
    assert_eq!(
        error.to_string(),
        format!("summary takes {bytes} bytes, above max_summary_bytes: 50")
    );
    assert_eq!(place.disk.take_calls(), [""; 0]);
}

#[test]
fn options_are_checked() {
    let with = |change: fn(&mut RecordOptions)| {
        let mut options = NO_OPTIONS;
        change(&mut options);
        RecordSettings::new(options, &Limits::default()).expect_err("refused").to_string()
    };
    assert_eq!(
        with(|o| o.runs_root = Some("../x".into())),
        "runs_root has a part of dots alone: \"../x\""
    );
    assert_eq!(
        with(|o| o.history_root = Some("/x".into())),
        "history_root has an empty part: \"/x\""
    );
    assert!(
        with(|o| o.summary_name = Some("a/b".into())).starts_with("summary_name has a forbidden")
    );
    assert!(
        with(|o| o.history_name = Some("a\n".into())).starts_with("history_name has a forbidden")
    );
    assert!(with(|o| o.history_name = Some("State.json".into())).contains("older format"));
    assert_eq!(with(|o| o.lease_ms = Some(9)), "lease_ms is not from 10 to 3600000: 9");
    assert_eq!(
        with(|o| o.lease_ms = Some(3_600_001)),
        "lease_ms is not from 10 to 3600000: 3600001"
    );
}

#[test]
fn summaries_on_their_way_are_counted_together() {
    let disk = Memory::new();
    let size = 78;
    let summaries = Documents::new(2 * size);
    let histories = Rc::new(Histories::new(disk.clone(), summaries));
    let place = Place { disk, histories };
    place.disk.hold("write");
    let calls = [1, 2].map(|n| place.start(&summary(n), options()));
    let error = place.record(&summary(3)).expect_err("a third one").to_string();
    assert!(error.starts_with("all that is being recorded takes 234 bytes, above "), "{error}");
    place.disk.release("write");
    for call in calls {
        call.take().expect("an outcome").expect("recorded");
    }
    place.record(&summary(3)).expect("there is room again");
}
