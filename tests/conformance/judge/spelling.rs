//! How a language spells the names of the WIT.

use serde::Deserialize;
use serde_json::{Map, Value};

/// Of names with several words.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum Spelling {
    /// `callAgainInMs`
    Camel,
    /// `call_again_in_ms`
    Snake,
}

impl Spelling {
    /// A name of the WIT, as this language has it.
    pub fn of(self, name: &str) -> String {
        let mut words = name.split('-');
        match self {
            Spelling::Snake => name.replace('-', "_"),
            Spelling::Camel => {
                let mut spelled = String::from(words.next().unwrap_or_default());
                for word in words {
                    let mut letters = word.chars();
                    spelled.extend(letters.next().map(|first| first.to_ascii_uppercase()));
                    spelled.push_str(letters.as_str());
                }
                spelled
            }
        }
    }

    /// The name of the WIT that this language spells so. One in another spelling is none.
    fn wit(self, spelled: &str) -> Result<String, String> {
        let mut name = String::new();
        for letter in spelled.chars() {
            match (self, letter) {
                (_, 'a'..='z' | '0'..='9') => name.push(letter),
                (Spelling::Snake, '_') => name.push('-'),
                (Spelling::Camel, 'A'..='Z') => name.extend(['-', letter.to_ascii_lowercase()]),
                _ => return Err(format!("`{spelled}` is no name as this language has them")),
            }
        }
        Ok(name)
    }

    /// The fields of a record, as this language has them.
    pub fn record(self, fields: &Map<String, Value>) -> Map<String, Value> {
        fields.iter().map(|(name, value)| (self.of(name), value.clone())).collect()
    }

    /// A value of this language, with the names of the WIT.
    pub fn value(self, value: Value) -> Result<Value, String> {
        Ok(match value {
            Value::Object(fields) => {
                let named = fields
                    .into_iter()
                    .map(|(name, value)| Ok::<_, String>((self.wit(&name)?, self.value(value)?)));
                Value::Object(named.collect::<Result<_, _>>()?)
            }
            Value::Array(items) => {
                let items = items.into_iter().map(|item| self.value(item));
                Value::Array(items.collect::<Result<_, _>>()?)
            }
            scalar => scalar,
        })
    }
}
