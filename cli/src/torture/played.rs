//! What is played: which component, and on what.

use tandem_simulator::sim::Model;
use tandem_simulator::torture::Torture;

/// A component, and what its files stand on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Played {
    /// The component for WASI 0.3, on files.
    Files,
    /// The one for WASI 0.2, on files.
    Blocking,
    /// The one for WASI 0.3, on the documents of a store.
    Documents,
}

impl Played {
    /// The world of the component.
    pub fn component(self) -> &'static str {
        match self {
            Played::Files | Played::Documents => "tandem",
            Played::Blocking => "tandem-blocking",
        }
    }

    /// The names of the models that are tried unless one is chosen.
    pub fn models(self) -> Vec<&'static str> {
        match self {
            Played::Files | Played::Blocking => Model::ALL.map(|model| model.name).to_vec(),
            Played::Documents => vec![Model::STORE.name],
        }
    }

    /// The option by which it is chosen.
    pub fn option(self) -> Option<&'static str> {
        match self {
            Played::Files => None,
            Played::Blocking => Some("--blocking"),
            Played::Documents => Some("--documents"),
        }
    }

    /// Chooses it.
    pub fn of(self, torture: Torture) -> Torture {
        match self {
            Played::Files => torture,
            Played::Blocking => torture.blocking(),
            Played::Documents => torture.documents(),
        }
    }
}
