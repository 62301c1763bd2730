//! Calls of the WIT as data.

use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, Error as _};
use serde_json::{Map, Value};
use tandem_host::{HistoryOptions, RecordOptions, RemoveOptions, Request, RunOptions};

use crate::spelling::Spelling;
use crate::text::Text;

/// A call, whose texts are built.
#[derive(Clone, Debug)]
pub struct Call {
    pub name: &'static str,
    fields: Map<String, Value>,
}

/// Reads a field, and refuses what the WIT does not have.
type Read = fn(Value) -> Result<Value, String>;

static CALLS: [(&str, &[(&str, Read)]); 12] = [
    ("open", &[("run", name), ("options", options::<RunOptions>)]),
    ("set", &[("run", name), ("document", text)]),
    ("merge", &[("run", name), ("patch", text)]),
    ("mark", &[("run", name), ("request", as_is::<Request>)]),
    ("schedule", &[("run", name), ("request", as_is::<Request>)]),
    ("flush", &[("run", name)]),
    ("close", &[("run", name)]),
    ("drop", &[("run", name)]),
    ("stats", &[("run", name)]),
    ("record-run", &[("summary", text), ("options", options::<RecordOptions>)]),
    ("remove-runs", &[("runs", as_is::<Vec<String>>), ("options", options::<RemoveOptions>)]),
    ("history", &[("options", options::<HistoryOptions>)]),
];

impl Call {
    /// Whether there is a call of that name.
    pub fn is_one(name: &str) -> bool {
        CALLS.iter().any(|(call, _)| *call == name)
    }

    /// The call as a player reads it.
    pub fn line(&self, id: u64, names: Spelling) -> Value {
        let mut fields = self.fields.clone();
        if let Some(Value::Object(options)) = fields.get_mut("options") {
            *options = names.record(options);
        }
        fields.insert(String::from("id"), Value::from(id));
        fields.insert(String::from("do"), Value::from(names.of(self.name)));
        Value::Object(fields)
    }
}

impl TryFrom<Map<String, Value>> for Call {
    type Error = String;

    fn try_from(mut given: Map<String, Value>) -> Result<Self, String> {
        let name = given.remove("do").unwrap_or_default();
        let known = CALLS.iter().find(|(call, _)| name == *call);
        let (name, forms) = known.ok_or_else(|| format!("there is no call {name}"))?;
        let mut fields = Map::new();
        for (field, read) in *forms {
            let value = given.remove(*field);
            let value = value.ok_or_else(|| format!("`{name}` needs the field `{field}`"))?;
            let value = read(value).map_err(|error| format!("`{field}` of `{name}`: {error}"))?;
            fields.insert(String::from(*field), value);
        }
        match given.keys().next() {
            None => Ok(Call { name, fields }),
            Some(other) => Err(format!("`{name}` has no field `{other}`")),
        }
    }
}

impl<'de> Deserialize<'de> for Call {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Call::try_from(Map::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

fn name(value: Value) -> Result<Value, String> {
    as_is::<String>(value)
}

fn text(value: Value) -> Result<Value, String> {
    Text::try_from(value).map(|text| Value::String(text.0))
}

fn as_is<T: DeserializeOwned>(value: Value) -> Result<Value, String> {
    T::deserialize(&value).map_err(|error| error.to_string())?;
    Ok(value)
}

/// Options have the names of the WIT in another spelling in the library, and other names for some.
fn options<T: DeserializeOwned>(value: Value) -> Result<Value, String> {
    let fields = value.as_object().ok_or("options are a record")?;
    let is_unknown = |name: &&String| {
        name.contains('_') || !name.contains('-') && !["limit", "sweep"].contains(&&***name)
    };
    if let Some(name) = fields.keys().find(is_unknown) {
        return Err(format!("unknown option `{name}`"));
    }
    as_is::<T>(Value::Object(Spelling::Snake.record(fields)))?;
    Ok(value)
}
