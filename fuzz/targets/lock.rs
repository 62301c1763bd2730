#![no_main]

tandem_fuzz::target!(tandem::fuzz::lock);
