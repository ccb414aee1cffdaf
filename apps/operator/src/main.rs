//! `hourglass-operator`: see `--help`.

fn main() -> std::process::ExitCode {
    hourglass_operator::main()
}
