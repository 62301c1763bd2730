#![no_main]

tandem_fuzz::target!(tandem_cli::fuzz::feed);
