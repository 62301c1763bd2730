//! What hosts and the judge must know of a cluster.

/// Servers of a store.
pub trait Servers {
    /// The address of all of them.
    fn url(&self) -> String;

    /// The address of the one that takes writes.
    ///
    /// # Errors
    /// None does.
    fn primary_url(&self) -> Result<String, String>;
}
