//! A run as the page's table has it.

use std::time::SystemTime;

use serde_json::{Map, Value};

use super::bounds::DETAIL_CHARS_MAX;
use crate::plain::plain_json;
use crate::status::known::Known;
use crate::status::row::Row;
use crate::table::cut;

/// How a run stands at a time, as JSON on one line. What moves by itself, such as an age, is not in it.
pub fn line(known: &Known, now: SystemTime) -> String {
    let completed_at = known.manifest.as_ref().ok().and_then(|it| it.completed_at.clone());
    let row = Row::new(known.clone(), now);
    let mut line = Map::new();
    let mut set = |name: &str, value: Option<Value>| {
        line.extend(value.map(|value| (name.to_owned(), value)));
    };
    set("task", Some(row.task.into()));
    set("run", Some(row.run.into()));
    set("state", Some(row.state.word().into()));
    set("started_at", row.started_at.map(Value::from));
    set("completed_at", completed_at.map(Value::from));
    set("heartbeat_at", row.heartbeat_at.map(Value::from));
    set("exit_code", row.exit_code.map(Value::from));
    set("detail", row.detail.map(|detail| cut(&detail, DETAIL_CHARS_MAX).into()));
    plain_json(&Value::Object(line).to_string())
}
