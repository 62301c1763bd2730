//! What is to be in no file, because it may hold secrets.

/// The flag that tells it.
#[derive(Debug, clap::Args)]
pub struct Omitting {
    /// Keep the command line or the output out of every file; both by command,output. How many bytes
    /// were written is still told
    #[arg(long = "omit", value_name = "WHAT", value_delimiter = ',')]
    parts: Vec<Part>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    Command,
    Output,
}

/// What is left out.
#[derive(Debug, Default, Clone, Copy)]
pub struct Omit {
    /// The command line, and with it why the command could not be started.
    pub command: bool,
    /// What the command writes.
    pub output: bool,
}

impl Omitting {
    /// What is left out.
    pub fn chosen(&self) -> Omit {
        let omits = |part| self.parts.contains(&part);
        Omit { command: omits(Part::Command), output: omits(Part::Output) }
    }
}
