//! What the library tells, in the names of the WIT.

use serde::Serialize;
use serde_json::Value;
use tandem_host::{Error, ErrorKind};

use crate::call::Outcome;

pub fn outcome<T: Serialize>(result: &Result<T, Error>) -> Outcome {
    let value = match result {
        Ok(value) => serde_json::to_value(value),
        Err(error) => serde_json::to_value(error),
    };
    let value = match value {
        Ok(value) => kebab(value),
        Err(error) => return Outcome::Broken(error.to_string()),
    };
    match result {
        Ok(_) => Outcome::Ok(value),
        Err(error) if error.kind() == ErrorKind::ComponentFailed => {
            Outcome::Broken(value.to_string())
        }
        Err(_) => Outcome::Error(value),
    }
}

/// A value with the names of the WIT.
fn kebab(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields = fields.into_iter();
            fields.map(|(name, value)| (name.replace('_', "-"), kebab(value))).collect()
        }
        Value::Array(items) => items.into_iter().map(kebab).collect(),
        scalar => scalar,
    }
}
