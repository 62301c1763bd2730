//! JSON that is passed on as it was written.

use std::fmt;

use serde::de::{DeserializeOwned, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// The members of an object in the order of the text, each value as it was written.
pub struct Members<'a>(pub Vec<(String, &'a RawValue)>);

impl<'a> Members<'a> {
    /// Reads an object.
    ///
    /// # Errors
    /// What is wrong, in words that repeat nothing of the text: it may be long.
    pub fn read(text: &'a str) -> Result<Self, String> {
        Members::chosen(text, |_| true)
    }

    /// Reads an object and keeps members of these names only.
    ///
    /// # Errors
    /// As [`Members::read`].
    pub fn named(text: &'a str, names: &[&str]) -> Result<Self, String> {
        Members::chosen(text, |name| names.contains(&name))
    }

    fn chosen(text: &'a str, is_chosen: impl Fn(&str) -> bool) -> Result<Self, String> {
        let is_object = text.trim_start().starts_with('{');
        let mut reader = serde_json::Deserializer::from_str(text);
        let read = if is_object {
            reader.deserialize_map(MembersVisitor(is_chosen))
        } else {
            IgnoredAny::deserialize(&mut reader).map(|_| Vec::new())
        };
        match read.and_then(|members| reader.end().map(|()| members)) {
            Ok(_) if !is_object => Err("it is no JSON object".to_owned()),
            Ok(members) => Ok(Members(members)),
            Err(error) => Err(format!("it is no JSON: {error}")),
        }
    }

    /// The last member of this name, as other readers of JSON take it.
    pub fn raw(&self, name: &str) -> Option<&'a RawValue> {
        self.0.iter().rev().find(|(member, _)| member == name).map(|(_, raw)| *raw)
    }

    /// The member's value, if it is of the type.
    pub fn field<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        serde_json::from_str(self.raw(name)?.get()).ok()
    }
}

struct MembersVisitor<F>(F);

impl<'de, F: Fn(&str) -> bool> Visitor<'de> for MembersVisitor<F> {
    type Value = Vec<(String, &'de RawValue)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some(name) = map.next_key::<String>()? {
            if (self.0)(&name) {
                members.push((name, map.next_value()?));
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(members)
    }
}

/// Takes each element of an array as it was written; nothing of what is none.
pub fn each<'a>(text: &'a str, take: impl FnMut(&'a RawValue)) {
    struct Elements<F>(F);

    impl<'de, F: FnMut(&'de RawValue)> Visitor<'de> for Elements<F> {
        type Value = ();

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a JSON array")
        }

        fn visit_seq<A: SeqAccess<'de>>(mut self, mut elements: A) -> Result<(), A::Error> {
            while let Some(element) = elements.next_element()? {
                (self.0)(element);
            }
            Ok(())
        }
    }

    // What is no array has no elements.
    let _ = serde_json::Deserializer::from_str(text).deserialize_seq(Elements(take));
}

/// The same JSON without white space between its tokens, so that it fits on one line.
pub fn on_one_line(json: &str) -> String {
    let mut line = String::with_capacity(json.len());
    let mut is_in_string = false;
    let mut is_escaped = false;
    for c in json.chars() {
        if is_in_string {
            match c {
                _ if is_escaped => is_escaped = false,
                '\\' => is_escaped = true,
                '"' => is_in_string = false,
                _ => {}
            }
        } else if matches!(c, ' ' | '\t' | '\n' | '\r') {
            continue;
        } else if c == '"' {
            is_in_string = true;
        }
        line.push(c);
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_keep_their_order_and_their_text() {
        let Members(members) = Members::read(r#" {"b": 1.50, "a":{"z" : 1e5}, "b":2} "#).unwrap();
        let shown: Vec<_> = members.iter().map(|(name, raw)| (name.as_str(), raw.get())).collect();
        assert_eq!(shown, [("b", "1.50"), ("a", r#"{"z" : 1e5}"#), ("b", "2")]);
    }

    #[test]
    fn what_is_no_object_is_told_without_its_text() {
        for text in ["", "[1]", "\"secret\"", "{\"secret\"", "{} {}", "nul", "{\"a\":1,}"] {
            let Err(problem) = Members::read(text) else { panic!("{text} is no object") };
            assert!(problem.starts_with("it is no JSON") && !problem.contains("secret"));
        }
    }

    #[test]
    fn a_very_deep_value_is_read() {
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(Members::read(&deep).unwrap().0[0].1.get().len(), 200_000);
    }

    #[test]
    fn white_space_goes_and_strings_and_numbers_stay() {
        assert_eq!(
            on_one_line("{\r\n  \"a \\\" b\": 1.0e0,\n\t\"c\\\\\": [ ]\n}\n"),
            r#"{"a \" b":1.0e0,"c\\":[]}"#
        );
    }
}
