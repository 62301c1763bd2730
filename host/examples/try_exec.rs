#[path = "/work/main/host/src/cli/exec/mod.rs"]
mod exec;
use clap::Parser;
#[derive(Parser)]
struct Top { #[command(subcommand)] cmd: Cmd }
#[derive(clap::Subcommand)]
enum Cmd { Exec(exec::Args) }
fn main() {
    let Cmd::Exec(args) = Top::parse().cmd;
    let rt = tokio::runtime::Runtime::new().unwrap();
    let code = rt.block_on(exec::run(args));
    std::process::exit(code.into());
}
