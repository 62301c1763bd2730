//! How files are opened, and the error codes of `wasi:filesystem`.

use super::bindings::types;

crate::__filesystem_shapes!(types);
