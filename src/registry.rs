//! Which runs are open in this component, or are being removed by it.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::rc::Rc;

use crate::error::Error;

/// The directories of these runs.
pub type Registry = Rc<RefCell<BTreeSet<String>>>;

/// Holds a run's place among them, until it ends or the last task of the run is over.
pub struct Registration {
    registry: Registry,
    directory: String,
    is_ended: Cell<bool>,
}

impl Registration {
    /// Takes the place of the run in this directory.
    ///
    /// # Errors
    /// [`Error::AlreadyOpen`].
    pub fn new(registry: &Registry, directory: String) -> Result<Self, Error> {
        if !registry.borrow_mut().insert(directory.clone()) {
            return Err(Error::AlreadyOpen { path: directory });
        }
        Ok(Registration { registry: registry.clone(), directory, is_ended: Cell::new(false) })
    }

    /// The run's directory.
    pub fn directory(&self) -> &str {
        &self.directory
    }

    /// Gives the place up.
    pub fn end(&self) {
        // After this the directory may be another run's place.
        if !self.is_ended.replace(true) {
            self.registry.borrow_mut().remove(&self.directory);
        }
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.end();
    }
}
