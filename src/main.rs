//! The desk's executable: hands the command line to the library and returns its exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    gateline_desk::main(std::env::args_os())
}
