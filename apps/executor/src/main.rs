//! `hourglass-executor`: see `--help`.

fn main() -> std::process::ExitCode {
    hourglass_executor::main()
}
