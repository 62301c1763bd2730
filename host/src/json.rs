//! JSON that came from the component.

use std::fmt;
use std::ops::Deref;

use serde::de::DeserializeOwned;
use serde::{Serialize, Serializer};

use crate::error::Error;

/// A JSON text as it stands in a file: numbers, strings and the order of members are those of who
/// wrote it. It is a `str`, and [`value`](Json::value) reads it.
///
/// ```
/// # use tandem_host::{RunOptions, Tandem};
/// #[derive(serde::Serialize, serde::Deserialize, PartialEq, Debug)]
/// struct Manifest {
///     status: String,
/// }
///
/// # let state = tempfile::tempdir().unwrap();
/// # let open = || tandem_host::blocking::Tandem::open(state.path());
/// let run = open()?.open_run(RunOptions::new("nightly", "r1"))?;
/// run.set_value(&Manifest { status: "in_progress".into() })?;
/// run.close()?;
///
/// let again = open()?.open_run(RunOptions::new("nightly", "r1"))?;
/// let document = again.recovered().document.as_ref().expect("it was written");
/// assert!(document.contains("in_progress"));
/// assert_eq!(document.value::<Manifest>()?, Manifest { status: "in_progress".into() });
/// # Ok::<(), tandem_host::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Json(String);

impl Json {
    pub(crate) fn new(text: String) -> Self {
        Json(text)
    }

    /// The value of the text.
    ///
    /// # Errors
    /// `invalid-input`: it is not of this type.
    pub fn value<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_str(&self.0)
            .map_err(|why| Error::invalid_input(format!("the JSON text is of another type: {why}")))
    }

    /// The text.
    pub fn into_text(self) -> String {
        self.0
    }
}

impl Deref for Json {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl PartialEq<str> for Json {
    fn eq(&self, other: &str) -> bool {
        self.0 == other
    }
}

impl PartialEq<&str> for Json {
    fn eq(&self, other: &&str) -> bool {
        self.0 == *other
    }
}

/// As the text that it is: a string.
impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}
