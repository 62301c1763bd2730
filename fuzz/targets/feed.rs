#![no_main]
#![allow(dead_code, reason = "of these files only what reads lines is used")]

#[path = "../../host/src/cli"]
mod cli {
    pub mod json;
    pub mod plain;

    pub mod feed {
        pub mod fuzz;
        pub mod limits;
        pub mod lines;
        pub mod reply;
        pub mod request;
    }
}

tandem_fuzz::target!(cli::feed::fuzz::feed);
